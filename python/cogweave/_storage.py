"""Storage: options of buckets, and who gives their credentials.

The engine knows the options and checks them. Python's part is the credential provider: a function
that the engine asks when it needs credentials, and again before they expire.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import threading
import weakref
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlencode

from ._redact import redact
from .errors import InvalidArgument

if TYPE_CHECKING:
    from ._answers import Answerers, Question

Storage: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Options by URL prefix: ``{"s3://bucket": {"region": "eu-central-1"}}``."""

Provider: TypeAlias = Callable[[], Any]

PROVIDER: Final = "credential_provider"

# Options that are no secrets, without their prefixes: these may travel to another process.
_PLAIN: Final = frozenset(
    {"endpoint", "endpoint_url", "endpoint_url_s3", "base_url", "region", "default_region", "profile",
     "anonymous", "skip_signature", "requester_pays", "request_payer", "project", "user_project", "allow_http",
     "virtual_hosted_style_request", "account_name", "use_emulator", "use_azure_cli", "allow_env_credentials"}
)  # fmt: skip
_PREFIXES: Final = ("aws_", "google_", "azure_storage_", "azure_")

_Key = tuple[int, int]

_lock = threading.Lock()
_numbers = itertools.count(1)
# Of each provider a number, and a reference to it: weak, so that its end is seen, where that can be.
_numbered: dict[_Key, tuple[int, Callable[[], object]]] = {}


def checked(storage: object) -> dict[str, dict[str, Any]] | None:
    """Copy the options that a user gave.

    Raises
    ------
    InvalidArgument
        They are no mapping of mappings, or a credential provider is none.
    """
    if storage is None:
        return None
    if not isinstance(storage, Mapping):
        raise InvalidArgument(
            f'storage wants options by URL prefix, such as {{"s3://bucket": {{"anonymous": True}}}}, and was given '
            f"{type(storage).__name__}"
        )
    options: dict[str, dict[str, Any]] = {}
    for url, of_bucket in storage.items():
        if not isinstance(url, str) or not isinstance(of_bucket, Mapping):
            raise InvalidArgument(f"storage[{redact(str(url))!r}] wants a mapping of options, by a URL prefix")
        options[url] = {str(name): value for name, value in of_bucket.items()}
        provider = options[url].get(PROVIDER)
        if provider is not None and not callable(provider) and not _is_path(provider):
            raise InvalidArgument(
                f"storage[{redact(url)!r}]: {PROVIDER} wants a callable or its import path, "
                f'"module:function", and was given {type(provider).__name__}'
            )
    return options


def request(storage: Storage | None) -> dict[str, dict[str, Any]] | None:
    """Write options as the engine's requests have them: a credential provider by a name."""
    options = checked(storage)
    for of_bucket in (options or {}).values():
        for name, value in list(of_bucket.items()):
            if name == PROVIDER and value is not None:
                of_bucket[name] = name_of(value)
            elif value is None:
                del of_bucket[name]
    return options


def answerers(storage: Storage | None) -> Answerers:
    """Give who answers the engine's questions for credentials."""
    providers = {
        name_of(provider): provider
        for of_bucket in (storage or {}).values()
        if (provider := of_bucket.get(PROVIDER)) is not None
    }
    if not providers:
        return {}

    def answer(question: Question) -> Any:
        return _credentials(providers[question.about["provider"]])

    return {"credentials": answer}


def plain(name: str) -> bool:
    """Tell whether an option is known to be no secret."""
    short = name.lower()
    return short in _PLAIN or any(short.removeprefix(prefix) in _PLAIN for prefix in _PREFIXES)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and all(part.strip() for part in value.partition(":"))


def name_of(provider: object) -> str:
    """Name a provider: the same name is the same provider, within this process.

    It is told by what it is and not by what it equals: of two that are equal one may outlive the other. A method is
    another object each time it is looked up: it is told by its function and the object it is bound to.
    """
    if isinstance(provider, str):
        return provider
    owner, function = (provider.__self__, provider.__func__) if inspect.ismethod(provider) else (provider, None)
    key = id(owner), id(function)
    with _lock:
        known = _numbered.get(key)
        if known is None or known[1]() is not owner:  # an id is used again after its object
            known = _numbered[key] = next(_numbers), _reference(owner, key)
    return f"callable {known[0]}"


def _reference(owner: object, key: _Key) -> Callable[[], object]:
    try:
        return weakref.ref(owner, functools.partial(_forget, key))
    except TypeError:  # it cannot be referred to weakly, and so lives on
        return lambda: owner


def _forget(key: _Key, dead: object) -> None:
    known = _numbered.get(key)
    if known is not None and known[1] is dead:
        _numbered.pop(key, None)


def _credentials(provider: Provider | str) -> Any:
    """Ask a provider; gives what JSON can hold, or an awaitable of that."""
    found = _imported(provider)() if isinstance(provider, str) else provider()
    return _awaited(found) if inspect.isawaitable(found) else _told(found)


async def _awaited(found: Awaitable[Any]) -> dict[str, Any]:
    return _told(await found)


def _imported(path: str) -> Provider:
    module, _, name = path.partition(":")
    function: Any = importlib.import_module(module)
    for part in name.split("."):
        function = getattr(function, part)
    return function  # type: ignore[no-any-return]


def _told(found: Any) -> dict[str, Any]:
    """Write credentials as JSON has them: texts, and the time of their end in ISO 8601."""
    if not isinstance(found, Mapping):
        raise InvalidArgument(f"a credential provider gave {type(found).__name__}, not a mapping")
    told: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, datetime):
            zoned = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
            told[name] = zoned.isoformat()
        elif name == "sas_token" and not isinstance(value, str):
            told[name] = urlencode(list(value))
        elif value is not None:
            told[name] = value
    return told
