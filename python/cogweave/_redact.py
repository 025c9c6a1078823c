"""Hrefs as they may be shown: without credentials and query strings."""

from __future__ import annotations

import re
from typing import Final

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>\\^`{|}]+")
_QUERY: Final = re.compile(r"(?<=[^\s?])\?[^\s'\"<>)]+")  # of a URL that is written without its server
_CONTAINERS: Final = ("abfs", "abfss", "az", "azure")  # schemes that have a container where others have a user


def redact(text: str) -> str:
    """Remove user info, query string and fragment of every URL in a text."""
    return _URL.sub(_shown, text) if "://" in text else text


def _shown(match: re.Match[str]) -> str:
    url = re.split(r"[?#]", match[0], maxsplit=1)[0]
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, _, host = authority.rpartition("@")
    named = scheme.lower() in _CONTAINERS and not set(user) & set(":%@")
    return f"{scheme}://{authority if named else host}{slash}{path}"


def redact_foreign(text: str) -> str:
    """Remove what another library may tell of a secret URL: it cuts the server off, as in ``url: /a.json?sig=...``."""
    return _QUERY.sub("", redact(text))
