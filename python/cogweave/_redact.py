"""Hrefs as they may be shown: without credentials and query strings."""

from __future__ import annotations

import re
from typing import Final

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>\\^`{|}]+")


def redact(text: str) -> str:
    """Remove user info, query string and fragment of every URL in a text."""
    return _URL.sub(_shown, text) if "://" in text else text


def _shown(match: re.Match[str]) -> str:
    url = re.split(r"[?#]", match[0], maxsplit=1)[0]
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
