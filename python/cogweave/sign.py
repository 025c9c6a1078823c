"""Ready-made functions for ``sign=``.

`planetary_computer` signs hrefs of Microsoft's Planetary Computer:
``cogweave.open(items, sign=cogweave.sign.planetary_computer, ...)``.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote, urlsplit

from .errors import AccessDenied, AssetError, InvalidArgument

__all__ = ["PlanetaryComputer", "planetary_computer"]

_TOKEN_URL: Final = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
_URL_VARIABLE: Final = "PC_SDK_SAS_URL"
_KEY_VARIABLE: Final = "PC_SDK_SUBSCRIPTION_KEY"
_BLOB: Final = ".blob.core.windows.net"
_PUBLIC: Final = frozenset({"ai4edatasetspublicassets"})  # an account that is read without a token
_RENEW_SECONDS: Final = 60.0  # before a token's end
_FRESH_SECONDS: Final = 10.0  # a token younger than this was not the one refused
_TIMEOUT_SECONDS: Final = 30.0
_ATTEMPTS: Final = 4
_LARGEST_ANSWER: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class _Token:
    query: str
    got: float  # on the monotonic clock, in seconds
    renew: float

    def __repr__(self) -> str:
        return "_Token(...)"


class PlanetaryComputer:
    """Signs hrefs of blobs with tokens of a container, as Planetary Computer hands them out.

    A token is asked for once per container and kept until a minute before its end. Hrefs that lie
    elsewhere, or have a signature, stay as they are. Safe to use from several threads.

    Parameters
    ----------
    token_url : str, optional
        Where tokens are asked for: ``{token_url}/{account}/{container}``. None: the environment's
        ``PC_SDK_SAS_URL``, else the public address of Planetary Computer's API.
    subscription_key : str, optional
        Sent along with each question; None: the environment's ``PC_SDK_SUBSCRIPTION_KEY``. It is
        not pickled: a worker takes its own environment's.

    Raises
    ------
    AccessDenied
        No token is given for a container; raised where the array is read.
    AssetError
        The address of the tokens does not answer.
    """

    def __init__(self, token_url: str | None = None, subscription_key: str | None = None) -> None:
        self._token_url, self._key = token_url, subscription_key
        self._lock = threading.Lock()
        self._containers: dict[tuple[str, str], threading.Lock] = {}
        self._tokens: dict[tuple[str, str], _Token] = {}

    def __call__(self, hrefs: list[str]) -> list[str]:
        """Sign hrefs, in their order.

        Parameters
        ----------
        hrefs : list of str

        Returns
        -------
        list of str
        """
        return [self._signed(href) for href in hrefs]

    def refused(self, hrefs: list[str]) -> None:
        """Forget the tokens of hrefs that a server refused, unless they are newer than the refusal.

        Parameters
        ----------
        hrefs : list of str
            As the catalog has them.
        """
        now = time.monotonic()
        for container in {_container(href) for href in hrefs}:
            token = self._tokens.get(container) if container is not None else None
            if token is not None and container is not None and now - token.got > _FRESH_SECONDS:
                self._tokens.pop(container, None)

    def _signed(self, href: str) -> str:
        container = _container(href)
        if container is None:
            return href
        return f"{href}{'&' if urlsplit(href).query else '?'}{self._token(container).query}"

    def _token(self, container: tuple[str, str]) -> _Token:
        with self._lock:
            mine = self._containers.setdefault(container, threading.Lock())
        with mine:  # one question at a time for each container
            token = self._tokens.get(container)
            if token is None or time.monotonic() >= token.renew:
                token = self._tokens[container] = self._ask(container)
            return token

    def _ask(self, container: tuple[str, str]) -> _Token:
        base = (self._token_url or os.environ.get(_URL_VARIABLE) or _TOKEN_URL).rstrip("/")
        if not base.startswith(("http://", "https://")):
            raise InvalidArgument("the address of Planetary Computer's tokens is no http(s) URL")
        url = f"{base}/{quote(container[0], safe='')}/{quote(container[1], safe='')}"
        key = self._key or os.environ.get(_KEY_VARIABLE)
        headers = {"Accept": "application/json", **({"Ocp-Apim-Subscription-Key": key} if key else {})}
        told = _json(urllib.request.Request(url, headers=headers), container)
        now = time.monotonic()
        try:
            query, end = told["token"], _seconds(told["msft:expiry"])
        except (KeyError, TypeError, ValueError):
            raise AssetError(f"what came for the token of {'/'.join(container)} is no token", reason="Sign") from None
        return _Token(str(query).lstrip("?"), now, now + max(end - time.time() - _RENEW_SECONDS, 0.0))

    def __reduce__(self) -> str | tuple[Any, ...]:
        if self is planetary_computer:
            return "planetary_computer"
        return type(self), (self._token_url,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def __cogweave_path__(self) -> str | None:
        return f"{__name__}:planetary_computer" if self is planetary_computer else None


def _container(href: str) -> tuple[str, str] | None:
    """Give the account and container of a blob that has no signature; None for any other href."""
    parts = urlsplit(href)
    host = parts.hostname or ""
    names = parts.path.split("/")[1:]
    if parts.scheme not in ("http", "https") or "sig=" in parts.query:
        return None
    if host.endswith(_BLOB):
        account = host.removesuffix(_BLOB)
    elif _is_emulator(host):  # of Azure's storage, which has the account in the path
        account, names = names[0], names[1:]
    else:
        return None
    if account in _PUBLIC or len(names) < 2 or not names[0]:
        return None
    return account, names[0]


def _is_emulator(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _json(request: urllib.request.Request, container: tuple[str, str]) -> Any:
    where = "/".join(container)
    for attempt in range(_ATTEMPTS):
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                return json.loads(answer.read(_LARGEST_ANSWER))
        except urllib.error.HTTPError as problem:
            problem.close()
            if problem.code in (401, 403, 404):
                raise AccessDenied(
                    f"no token is given for {where}: HTTP status {problem.code}", reason="Sign"
                ) from None
            last = f"HTTP status {problem.code}"
            if problem.code != 429 and problem.code < 500:
                break
        except (OSError, ValueError) as problem:
            last = type(problem).__name__
        if attempt + 1 < _ATTEMPTS:
            time.sleep(0.2 * 2**attempt)
    raise AssetError(f"no token came for {where}: {last}", reason="Sign")


def _seconds(text: str) -> float:
    """Give a moment of ISO 8601 in seconds since 1970; UTC where it names no zone."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


planetary_computer: Final = PlanetaryComputer()
"""Signs hrefs of Planetary Computer; configured by the environment."""
