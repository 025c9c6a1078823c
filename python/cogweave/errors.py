"""The exceptions of cogweave.

Few classes, told apart by what a handler would do about them; each is also the builtin that a
caller would expect, where there is one. The finer name of what happened is `CogweaveError.reason`.
"""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = [
    "AccessDenied",
    "AssetChanged",
    "AssetError",
    "AssetNotFound",
    "BudgetExceeded",
    "Cancelled",
    "CogweaveError",
    "DecodeError",
    "FetchTimeout",
    "ForkedProcess",
    "InvalidArgument",
    "SearchError",
]


class CogweaveError(Exception):
    """Base of every error that cogweave raises. Raised as itself it is a defect of cogweave: a panic that was caught.

    Parameters
    ----------
    message : str
        One sentence.
    item_id, band, argument, href, byte_range, attempts, cause, reason
        As the attributes.

    Attributes
    ----------
    message : str
        One sentence, without the fields below.
    item_id : str or None
        STAC item concerned.
    band : str or None
        Band as it was asked for.
    argument : str or None
        Argument that named what the catalog does not have.
    href : str or None
        Asset concerned, without credentials and query string.
    byte_range : tuple of int or None
        Half-open range ``(start, end)`` of the bytes that were asked for.
    attempts : int
        Requests made before giving up; 0 where none was made.
    cause : str or None
        What lay underneath, in words.
    reason : str or None
        Finer name within the class, such as ``"RangeMismatch"``.
    """

    def __init__(
        self,
        message: str = "",
        *,
        item_id: str | None = None,
        band: str | None = None,
        argument: str | None = None,
        href: str | None = None,
        byte_range: tuple[int, int] | None = None,
        attempts: int = 0,
        cause: str | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.item_id = item_id
        self.band = band
        self.argument = argument
        self.href = href
        self.byte_range = byte_range
        self.attempts = attempts
        self.cause = cause
        self.reason = reason

    def __str__(self) -> str:
        fields = [
            f"{name}={value}"
            for name, value in (("item", self.item_id), ("band", self.band), ("href", self.href))
            if value
        ]
        if self.byte_range:
            fields.append("bytes=[{}, {})".format(*self.byte_range))
        if self.attempts > 1:
            fields.append(f"attempts={self.attempts}")
        return f"{self.message} [{', '.join(fields)}]" if fields else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword arguments do not survive BaseException's own way of pickling, and workers of
        # dask and multiprocessing send their errors home.
        return _rebuild, (type(self), self.message, dict(self.__dict__))


class InvalidArgument(CogweaveError, ValueError):
    """An argument, or a table or plan given as one, that cannot be used."""


class SearchError(CogweaveError):
    """A catalog that cannot be searched, or a search that found nothing to open."""


class AssetError(CogweaveError, OSError):
    """An asset that cannot be read; `errors="ignore"` treats such an item as absent."""


class AssetNotFound(AssetError, FileNotFoundError):
    """The asset does not exist."""


class AccessDenied(AssetError, PermissionError):
    """The store refused access to the asset."""


class AssetChanged(AssetError):
    """The asset is not the one whose header was read: replaced between two requests."""


class FetchTimeout(AssetError, TimeoutError):
    """The store did not answer in time."""


class DecodeError(AssetError, ValueError):
    """The asset is no TIFF, is damaged, or uses what cogweave does not read."""


class BudgetExceeded(CogweaveError, MemoryError):
    """What an operation needs at least does not fit into the memory; a read says so before any tile is requested."""


class ForkedProcess(CogweaveError, RuntimeError):
    """The process was forked after cogweave had started in its parent."""


class Cancelled(CogweaveError):
    """The operation was stopped by `cancel_all`."""


# By the names that the engine uses; core/errors.go holds the same list.
CLASSES: Final[dict[str, type[CogweaveError]]] = {
    cls.__name__: cls
    for cls in (
        InvalidArgument,
        SearchError,
        AssetError,
        AssetNotFound,
        AccessDenied,
        AssetChanged,
        FetchTimeout,
        DecodeError,
        BudgetExceeded,
        ForkedProcess,
        Cancelled,
        CogweaveError,
    )
}


def from_json(text: str) -> CogweaveError:
    """Make the exception that the engine describes.

    Parameters
    ----------
    text : str
        JSON object with the members ``class, reason, message, item_id, band, argument, href,
        byte_range, attempts, cause``, of which those that do not apply are absent or null.
    """
    try:
        told = json.loads(text)
        cls = CLASSES.get(told.get("class", ""), CogweaveError)
        byte_range = told.get("byte_range")
        return cls(
            told.get("message") or "unknown error",
            item_id=told.get("item_id") or None,
            band=told.get("band") or None,
            argument=told.get("argument") or None,
            href=told.get("href") or None,
            byte_range=(int(byte_range[0]), int(byte_range[1])) if byte_range else None,
            attempts=int(told.get("attempts") or 0),
            cause=told.get("cause") or None,
            reason=told.get("reason") or None,
        )
    except (ValueError, AttributeError, TypeError, LookupError):
        return CogweaveError(text or "the engine failed without saying why")


def _rebuild(cls: type[CogweaveError], message: str, state: dict[str, Any]) -> CogweaveError:
    error = cls(message)
    error.__dict__.update(state)
    return error


def forked() -> ForkedProcess:
    """Make the error of a call in a forked child."""
    return ForkedProcess(
        "this process was forked after cogweave had started in its parent, and threads do not "
        "survive a fork: start workers with spawn or forkserver "
        '(multiprocessing_context="spawn" for DataLoader, '
        'multiprocessing.get_context("spawn") for pools), or fork before the first use',
        reason="Forked",
    )
