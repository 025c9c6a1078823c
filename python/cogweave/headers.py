"""headers: items become the headers of their assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _arguments, _lib, _signing
from . import _storage as stores
from ._ports import Request
from ._steps import Steps, aside, ask, awaiting, blocking
from .progress import Progress, followed, tracker
from .search import take_handle
from .tables import Headers, Items

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterable, Mapping


@_arguments.names_replacements
def _headers(
    items: object,
    bands: str | Iterable[str] | None = None,
    *,
    base: str | None = None,
    sign: _signing.Signer | None = None,
    storage: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
) -> Steps[Headers]:
    """Read the COG headers of items' assets. Network-bound.

    Parameters
    ----------
    items : Items or Arrow table
        As `search` gives them, or of your own making.
    bands : str or iterable of str, optional
        Bands whose assets are read; None: every COG asset.
    base : str, optional
        Catalog that relative hrefs are relative to; None: where the items come from.
    sign : callable, optional
        Makes hrefs readable when files are read: ``href -> href`` or ``hrefs -> hrefs`` (told apart by
        the annotation of the parameter, else by its name), sync or async; see `cogweave.sign`.
    storage : dict, optional
        Options of stores, by URL prefix, in obstore's names.
    progress : bool or callable, optional
        True: a bar; a callable is given a `ProgressEvent` now and then, of all that runs for the call.

    Returns
    -------
    Headers
        One row per asset; can be saved, and given to `plan` in another process.

    Raises
    ------
    InvalidArgument
        No such band; the error lists those there are.
    AssetError
        An asset that cannot be read (`AssetNotFound`, `AccessDenied`, `FetchTimeout`,
        `DecodeError`).
    """
    wanted = _arguments.bands(bands)
    origin = _arguments.text(base, "base")
    signer = _signing.checked(sign)
    table = yield from aside(Items._of, items, "items")
    request = _lib.encode(
        {
            "bands": wanted,
            "base": origin or table.origin,
            "storage": stores.request(storage),
            "sign": _signing.name(signer),
        }
    )

    def submit(lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        status: int = lib.cw_headers(queue, request, table.native, op, error)
        return status

    answerers = {**stores.answerers(storage), **_signing.answerers(signer)}
    reading = Request(submit, lambda op: Headers._owning(take_handle(op)), answerers=answerers)
    return (yield from ask(followed(reading, tracker(progress))))


headers = blocking(_headers)
headers_async = awaiting(_headers)
