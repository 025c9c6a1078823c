"""search: a query becomes items."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

from . import _arguments, _ffi, _grouping, _lib, _signing
from . import _storage as stores
from ._ports import Request
from ._source import Source, resolve
from ._steps import Steps, aside, ask, awaiting, blocking
from .progress import Progress, Tracker, followed, tracker
from .tables import Items

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable, Iterable, Mapping, Sequence

Query = dict[str, Any]
_BEST: Final = re.compile(r"best\((.+)\)")


@_arguments.names_replacements
def _search(
    source: object,
    *,
    bbox: Iterable[float] | None = None,
    intersects: object = None,
    datetime: object = None,
    filter: str | Mapping[str, Any] | None = None,  # noqa: A002
    ids: str | Iterable[str] | None = None,
    collections: str | Iterable[str] | None = None,
    sortby: object = None,
    limit: int | None = None,
    sign: _signing.Signer | None = None,
    storage: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
) -> Steps[Items]:
    """Find the items of a catalog that match a query.

    Parameters
    ----------
    source
        A path, glob, folder or URL of stac-geoparquet, a list of those; an Arrow table or anything
        with ``__arrow_c_stream__``; STAC objects (pystac, pystac-client, dicts); a static catalog, a
        document of items or the address of a STAC API (over HTTP with the ``stac`` extra).
    bbox : four floats, optional
        ``(west, south, east, north)`` in degrees (EPSG:4326).
    intersects : GeoJSON or object with __geo_interface__, optional
        Geometry in degrees; items whose footprint meets it.
    datetime : str, datetime, numpy.datetime64 or a pair of them, optional
        An instant, a partial date (``"2025-06"``), or an interval; None or ``".."`` is an open end.
    filter : str or dict, optional
        CQL2 text or CQL2 JSON.
    ids, collections : str or iterable of str, optional
        Only these.
    sortby : str, dict or list of them, optional
        ``"p"``, ``"-p"`` (descending) or STAC sort objects; else the order of the source: file,
        then row.
    limit : int, optional
        At most so many items.
    sign : callable, optional
        Makes hrefs readable when files are read: ``href -> href`` or ``hrefs -> hrefs`` (told apart by
        the annotation of the parameter, else by its name), sync or async; see `cogweave.sign`.
    storage : dict, optional
        Options of stores, by URL prefix, in obstore's names.
    progress : bool or callable, optional
        True: a bar; a callable is given a `ProgressEvent` now and then, of all that runs for the call.

    Returns
    -------
    Items
        One row per item, in order; none where nothing matches.

    Raises
    ------
    InvalidArgument
        An argument that cannot be used.
    SearchError
        A source that is missing or no catalog, a filter that does not fit it.
    AssetError
        A remote source that cannot be read.
    """
    query = {
        "bbox": None if bbox is None else list(_arguments.lonlat_bbox(bbox)),
        "intersects": _arguments.geometry(intersects),
        "datetime": _arguments.datetime(datetime),
        "filter": _arguments.cql2(filter),
        "ids": _arguments.names(ids, "ids"),
        "collections": _arguments.names(collections, "collections"),
        "sortby": _arguments.sortby(sortby),
        "limit": None if limit is None else _arguments.count(limit, "limit", least=1),
    }
    found = yield from aside(resolve, source)
    return (yield from find(found, query, storage, _signing.checked(sign), tracker(progress)))


def find(
    source: Source,
    query: Query,
    storage: Mapping[str, Mapping[str, Any]] | None = None,
    sign: _signing.Sign | None = None,
    progress: Tracker | None = None,
    *,
    meanwhile: Callable[[], None] | None = None,
    planned: bool = False,
    passing: bool = False,
) -> Steps[Items]:
    """Search with a query whose members are those of the engine's request; see `Request` for meanwhile.

    planned: a plan of the items comes next; the engine decodes them for it.
    passing: nobody looks at the rows but that plan. The engine lets go of many as soon as it has decoded them, if they
    can be found again by reference.
    """
    query = {name: value for name, value in query.items() if value is not None}
    identity = source.identity(query)  # of the files before they are read
    request = _lib.encode(
        {
            "source": source.paths,
            **query,
            "base": source.origin,
            "planned": planned,
            "passing": passing and identity is not None,
            "storage": stores.request(storage),
            "sign": _signing.name(sign),
        }
    )
    table = yield from aside(source.table, query)

    def submit(lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        native = 0 if table is None else table.native
        status: int = lib.cw_search(queue, request, native, op, error)
        return status

    answerers = {**stores.answerers(storage), **_signing.answerers(sign)}
    finding = Request(submit, lambda op: Items._owning(take_handle(op)), answerers=answerers, meanwhile=meanwhile)
    items = yield from ask(followed(finding, progress))
    limit = query.get("limit")
    if source.limits and table is not None and len(table) == limit and len(items) < limit:
        # The server counted items that are none by our own search: all have to be looked at.
        table = yield from aside(source.table, {name: value for name, value in query.items() if name != "limit"})
        items = yield from ask(followed(finding, progress))
    items.origin = source.origin
    items._identity = identity
    items._found = source.found(query)
    items._again = functools.partial(find, source, storage=storage, sign=sign), query
    return items


def needed(request: Mapping[str, Any], properties: Sequence[str] | None = None) -> Query:
    """Say what of the items a plan needs, so that nothing else is read.

    Parameters
    ----------
    request : dict
        How items are to be combined, as `plan.plan_request` writes it.
    properties : sequence of str, optional
        Properties that are looked at beside that; empty for all.

    Returns
    -------
    dict
        Members of a query; none where a callable may look at anything.
    """
    period, mask, bands = request["time_period"], request.get("mask"), request["bands"]
    if callable(period) or (properties is not None and not properties):
        return {}
    query: Query = {"narrow": True, "bands": bands}
    if properties:
        query["properties"] = list(properties)
    if isinstance(period, str) and not _grouping.BUILT_IN.fullmatch(period):
        query["group_by"] = period
    if bands is None:
        return query
    best = _BEST.fullmatch(str(request.get("mosaic_method") or ""))
    beside = [best[1]] if best else []
    beside += [one["asset"] for one in mask or ()]
    return {**query, "bands": list(dict.fromkeys([*bands, *beside]))}


def take_handle(operation: int) -> int:
    """Take the table or plan that an operation made."""
    result, error = _ffi.Handle(), _ffi.Text()
    lib = _lib.library()
    _lib.check(lib.cw_op_take(operation, result, error), error)
    return int(result.value)


search = blocking(_search)
search_async = awaiting(_search)
