"""open: a catalog becomes one lazy array."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import _arguments, _crs, _grouping, _signing
from . import _properties as stac_properties
from . import mask as masks
from ._arrays import Chunks, chunked, data_array, prepare
from ._plan_request import plan_request
from ._source import Source, resolve
from ._steps import Steps, aside, awaiting, blocking
from .errors import InvalidArgument, SearchError
from .grid import Grid, as_grid
from .open_item import native_grid
from .plan import Plan, make
from .progress import Progress, tracker
from .search import find, needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import xarray as xr

    from ._grouping import TimePeriod
    from ._methods import MosaicMethod
    from .mask import Mask


@dataclass(frozen=True, slots=True)
class Where:
    """Where an array lies, and what of the catalog that concerns.

    Attributes
    ----------
    grid : Grid or None
        None: the part in the region of the grid that the items share.
    region : dict or None
        Outline of the query, with its CRS, as the engine's request has it.
    intersects : dict or None
        GeoJSON geometry in degrees.
    assumed : four floats or None
        A bbox that was taken for one in the array's CRS, since nothing says which it is in.
    """

    grid: Grid | None
    region: dict[str, Any] | None
    intersects: dict[str, Any] | None
    assumed: _arguments.BBox | None = None

    def grid_of(self, shared: Grid) -> Grid:
        """Give the part of the items' own grid that is asked for."""
        if self.region is None:
            return shared
        return shared._crop(_crs.transform_bbox(tuple(self.region["bbox"]), self.region["crs"], shared.crs))


@_arguments.names_replacements
def _open(
    source: object,
    *,
    bbox: Iterable[float] | None = None,
    crs: object = None,
    resolution: float | tuple[float, float] | None = None,
    grid: object = None,
    datetime: object = None,
    filter: str | Mapping[str, Any] | None = None,  # noqa: A002
    ids: str | Iterable[str] | None = None,
    collections: str | Iterable[str] | None = None,
    intersects: object = None,
    sortby: object = None,
    bands: str | Iterable[str] | None = None,
    time_period: TimePeriod = "P1D",
    mosaic_method: MosaicMethod = "first",
    resampling: str | Mapping[str, str] = "nearest",
    mask: Mask | None = None,
    mask_dilate: int = 0,
    min_valid: float | None = None,
    consistent: bool = False,
    overviews: bool = True,
    nodata: float | None = None,
    dtype: object = None,
    scale: bool = False,
    errors: str = "raise",
    bbox_crs: object = None,
    properties: str | Iterable[str] | bool | None = None,
    chunks: Chunks | None = None,
    sign: _signing.Signer | None = None,
    storage: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
) -> Steps[xr.DataArray]:
    """Open the items of a catalog as one lazy ``(band, time, y, x)`` array.

    Nothing is read but the catalog and the headers that it does not tell of. A read of any part
    of the array is then one operation, whatever the number of bands, times and items.

    Parameters
    ----------
    source
        A path, glob, folder or URL of stac-geoparquet, a list of those; an Arrow table or anything
        with ``__arrow_c_stream__``; STAC objects (pystac, pystac-client, dicts); a static catalog, a
        document of items or the address of a STAC API (over HTTP with the ``stac`` extra).
    bbox : four floats, optional
        ``(minx, miny, maxx, maxy)`` in ``bbox_crs``; in degrees minx may be the greater, across the antimeridian. With
        ``grid``: crops it to whole cells.
    crs : optional
        CRS of the array: anything `pyproj.CRS` takes, or ``"utm"`` for the zone of the bbox.
    resolution : float or (float, float), optional
        Pixel size, or its x and y sizes, in units of the CRS.
    grid : Grid, GeoBox, xarray object or "native", optional
        Where, instead of bbox, crs and resolution; ``"native"``, and nothing said at all: the grid that
        the items share.
    datetime : str, datetime, numpy.datetime64 or a pair of them, optional
        An instant, a partial date (``"2025-06"``), or an interval; None or ``".."`` is an open end.
    filter : str or dict, optional
        CQL2 text or CQL2 JSON.
    ids, collections : str or iterable of str, optional
        Only these.
    intersects : GeoJSON or object with __geo_interface__, optional
        Geometry in degrees: selects items and, without a bbox, sets the extent; never masks pixels.
    sortby : str, dict or list of them, optional
        Order in which items of a time step combine; else that of the source.
    bands : str or iterable of str, optional
        Asset keys, ``"asset.N"`` (from 1) or common names, in the order wanted; None: every COG
        asset.
    time_period : str, optional
        None: a time step per instant; ISO 8601 (``"P1D"``, ``"P1M"``, ...), ``"solar_day"``,
        ``"id"``, a property's name, or a callable that gives a key for an item (a mapping of its
        columns).
    mosaic_method : str or callable, optional
        How items of a step combine, in their order: ``"first"``, ``"last"``, ``"highest"``,
        ``"lowest"``, ``"mean"``, ``"median"``, ``"stdev"``, ``"sum"``, ``"count"``,
        ``"percentile(p)"`` (p from 0 to 100, linear between values) of each band's valid pixels;
        ``"best(band)"`` takes all bands from the item with the highest value of a band,
        ``"medoid"`` from the item whose bands lie nearest to the others' (the least sum of
        Euclidean distances; items with all bands valid). Of equals, the earlier item counts.

        A callable gets a masked array ``(item, band, y, x)`` of all bands asked for (at most
        64 x 64 cells, which do not follow chunks; items that touch them) and gives
        ``(band, y, x)``, masked where there is nothing; it may be a coroutine function.
    mask : dict, optional
        Pixels to leave out, by what other assets of the item say: classes to drop
        (``{"SCL": [3, 8, 9, 10]}``), bits any of which drops (``{"QA_PIXEL": cw.bits(1, 3, 4)}``),
        or a callable that is asked once which values to drop, given an array of values of the
        asset's type. Source pixels are dropped before they are resampled, as if they were nodata.
    mask_dilate : int, optional
        Widen what is dropped by so many pixels of the mask's asset (a Euclidean distance).
    min_valid : float, optional
        Leave out items of which a smaller fraction is valid, mask applied, over the whole grid.
    consistent : bool, optional
        Take a pixel of an item only where all bands asked for are valid in it.
    resampling : str or dict, optional
        GDAL's name, or one per band with ``"*"`` for the others.
    overviews : bool, optional
        False: read full resolution whatever the grid.
    nodata : float, optional
        Value of cells that nothing covers; None: the sources', else NaN for floats and 0 for
        integers.
    dtype : numpy dtype, optional
        Type of the pixels; None: what holds all bands.
    scale : bool, optional
        Give physical values, scale * pixel + offset, as float32 with NaN for nodata: by the
        item's own raster or STAC 1.1 bands fields, else by the file's.
    errors : {"raise", "ignore"}, optional
        ``"ignore"``: an item that cannot be read counts as absent. What the catalog does not tell of the
        files, the first that can be read does; where that one fails, at most seven others are tried.
    bbox_crs : optional
        CRS of the bbox; None: ``crs``, or EPSG:4326 where that is ``"utm"``.
    properties : str, iterable of str or True, optional
        Properties of the items as coordinates on ``time``: numbers as the mean over a step's items,
        texts joined by ``", "``; also ``"id"``, ``"collection"`` and ``"item_count"``. True: all.
    chunks : int, tuple, dict, "auto" or {}, optional
        None: lazy without dask; else as `xarray.open_dataset` takes them.
    sign : callable, optional
        Makes hrefs readable when files are read: ``href -> href`` or ``hrefs -> hrefs`` (told apart by
        the annotation of the parameter, else by its name), sync or async; see `cogweave.sign`.
    storage : dict, optional
        Options of stores, by URL prefix, in obstore's names.
    progress : bool or callable, optional
        True: a bar; a callable is given a `ProgressEvent` now and then, of all that runs for the array.

    Returns
    -------
    xarray.DataArray
        Dimensions ``(band, time, y, x)``; coordinates at pixel centres, y descending; ``time``
        datetime64[ns], the start of each period; ``spatial_ref`` with the CRS. Raw pixel values;
        ``attrs["_FillValue"]`` tells the nodata value.

    Raises
    ------
    InvalidArgument
        An argument that cannot be used, such as a bbox that is reversed or a band that is not
        there.
    SearchError
        A catalog that cannot be searched, or has no item that matches.
    AssetError
        A header that cannot be read.
    """
    given = locals()
    told = stac_properties.names(properties)
    plan, found = yield from planned(given)
    data = yield from aside(data_array, plan, found.label, properties=told)
    yield from aside(plan._base.let_go)
    if chunks is None:
        return data
    return (yield from aside(chunked, data, plan, chunks))


def planned(given: Mapping[str, Any], *, per_band: bool = False) -> Steps[tuple[Plan, Source]]:
    """Search a source where it concerns a grid, and plan what was found on it.

    Parameters
    ----------
    given : dict
        Every argument of `open`, by its name, as the user gave it.
    per_band : bool, optional
        Let each band keep its dtype and nodata.
    """
    request = plan_request(**_of(given, COMBINING), per_band=per_band)
    # xarray may chunk a Dataset once it is open.
    request["chunk"] = per_band or given["chunks"] is not None
    storage, sign = given["storage"], _signing.checked(given["sign"])
    progress = tracker(given["progress"])
    wanted = {
        "datetime": _arguments.datetime(given["datetime"]),
        "filter": _arguments.cql2(given["filter"]),
        "ids": _arguments.names(given["ids"], "ids"),
        "collections": _arguments.names(given["collections"], "collections"),
        "sortby": _arguments.sortby(given["sortby"]),
    }
    place = yield from aside(locate, **_of(given, PLACING))
    found = yield from aside(resolve, given["source"])
    outline = {"region": place.region, "intersects": place.intersects}
    columns = stac_properties.columns_of(given["properties"])
    query = {**wanted, **outline, **needed(request, columns)}
    # Rows that only the plan looks at, and that can be read again, need not be kept.
    passing = (
        place.grid is not None
        and "narrow" in query
        and "group_by" not in query
        and stac_properties.names(given["properties"]) is None
    )
    try:
        ahead = None if place.grid is None else functools.partial(prepare, place.grid)
        items = yield from find(found, query, storage, sign, progress, meanwhile=ahead, planned=True, passing=passing)
    except InvalidArgument as problem:
        if problem.argument == "time_period":
            raise _grouping.unknown(request["time_period"], problem.message) from None
        raise
    if (yield from aside(len, items)) == 0:
        raise SearchError(_nothing(found, place, wanted) + _degrees(place), reason="NoItems")
    target = place.grid
    if target is None:
        request = yield from aside(masks.tabulated, request)
        alone = {**request, "base": found.origin, "native": True, "time_period": None}
        target = place.grid_of((yield from native_grid(items, alone, storage, sign)))
    return (yield from make(items, None, target, {**request, "base": found.origin}, storage, sign, progress)), found


def _of(given: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names}


def _nothing(source: Source, place: Where, query: Mapping[str, Any]) -> str:
    asked = []
    if place.region is not None:
        box = ", ".join(f"{edge:.10g}" for edge in place.region["bbox"])
        asked = [f"bbox ({box}) in {_crs.describe(place.region['crs'])}"]
    asked += [f"{name} {value}" for name, value in query.items() if value is not None]
    return f"no item of {source.label} matches {', '.join(asked)}"


def _degrees(place: Where) -> str:
    """Say what helps where degrees were given for metres, the likeliest reason to find nothing."""
    if place.assumed is None or place.region is None:
        return ""
    minx, miny, maxx, maxy = place.assumed
    like = -180 <= minx <= maxx <= 180 and -90 <= miny <= maxy <= 90
    if not like or _crs.parsed(place.region["crs"]).is_geographic:
        return ""
    return '; if these are degrees, bbox_crs="EPSG:4326" says so'


def locate(
    *,
    bbox: object,
    crs: object,
    resolution: Any,
    grid: object,
    intersects: object,
    bbox_crs: object,
) -> Where:
    """Make the grid that the arguments describe.

    Raises
    ------
    InvalidArgument
        They describe none, or contradict each other.
    """
    geometry = _arguments.geometry(intersects)
    # A grid that is there already says where its columns lie.
    around = grid is None and crs is not None
    box, box_crs = _extent(bbox, bbox_crs, geometry, around=around, unnamed=functools.partial(_crs_of_bbox, crs, grid))
    assumed = box if box_crs is None else None
    unsaid = all(value is None for value in (box, crs, resolution, grid))
    if unsaid or (isinstance(grid, str) and grid == "native"):
        if crs is not None or resolution is not None:
            raise InvalidArgument('grid="native" says where: leave out crs and resolution')
        region = None if box is None else {"crs": box_crs or _crs.LONLAT, "bbox": list(box)}
        return Where(None, region, geometry)
    if grid is not None:
        if crs is not None or resolution is not None:
            raise InvalidArgument("grid says where: leave out crs and resolution")
        target = as_grid(grid)
        if box is not None:
            target = _cropped(target, _crs.transform_bbox(box, box_crs or target.crs, target.crs), bbox is None)
    else:
        if box is None or crs is None or resolution is None:
            missing = [
                name for name, value in (("bbox", box), ("crs", crs), ("resolution", resolution)) if value is None
            ]
            raise InvalidArgument(
                f"where is not said: bbox, crs and resolution, or grid, are wanted, and {' and '.join(missing)} missing"
            )
        if isinstance(crs, str) and crs.lower() == "utm":
            if box_crs is None and (max(map(abs, box[::2])) > 360 or max(map(abs, box[1::2])) > 90):
                raise InvalidArgument(f'bbox {box} is not in degrees, as crs="utm" takes it: bbox_crs says its CRS')
            west, south, east, north = _crs.transform_bbox(box, box_crs or _crs.LONLAT, _crs.LONLAT, around=True)
            box_crs, assumed = box_crs or _crs.LONLAT, None
            crs = _crs.utm((west + east) / 2, (south + north) / 2)
        name = _crs.normalize(crs)
        box = _crs.transform_bbox(box, box_crs or name, name, around=True)
        target = Grid.from_bbox(box, name, resolution)
    region = {"crs": target.crs, "bbox": list(target.bbox)}
    return Where(target, region, geometry, assumed)


def _cropped(target: Grid, box: _arguments.BBox, by_geometry: bool) -> Grid:
    try:
        return target._crop(box)
    except InvalidArgument as problem:
        raise InvalidArgument(
            f"the extent of intersects: {problem.message}" if by_geometry else problem.message
        ) from None


def _crs_of_bbox(crs: object, grid: object) -> str:
    """Give the CRS of a bbox that says none."""
    if grid is not None and not isinstance(grid, str):
        return as_grid(grid).crs
    return _crs.LONLAT if crs is None or (isinstance(crs, str) and crs.lower() == "utm") else _crs.normalize(crs)


def _extent(
    bbox: object, bbox_crs: object, geometry: dict[str, Any] | None, *, around: bool, unnamed: Callable[[], str]
) -> tuple[_arguments.BBox | None, str | None]:
    """Give the bbox asked for and its CRS, None for that of the array, which unnamed gives."""
    if bbox is not None:
        named = None if bbox_crs is None else _crs.normalize(bbox_crs)
        return _arguments.bbox(bbox, degrees=lambda: _crs.parsed(named or unnamed()).is_geographic), named
    if bbox_crs is not None:
        raise InvalidArgument("bbox_crs goes with bbox")
    if geometry is not None:
        return (_arguments.extent_around if around else _arguments.extent)(geometry), _crs.LONLAT
    return None, None


# Which of the arguments say where, and which how items combine: `locate` and `plan_request` list them.
PLACING: Final = tuple(inspect.signature(locate).parameters)
COMBINING: Final = tuple(name for name in inspect.signature(plan_request).parameters if name != "per_band")

open = blocking(_open)  # noqa: A001
open_async = awaiting(_open)
