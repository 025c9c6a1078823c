"""Calls of other libraries, for those who come from them.

``from lazycogs import open`` becomes ``from cogweave.compat import open``: the arguments are the
same, and what cogweave replaces says by what. `odc_load` is called as `odc.stac.load` is, and gives
the Dataset that it gives.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from . import _arguments, _signing
from ._arrays import dataset
from ._plan_request import plan_request
from ._source import resolve, stac_items
from ._steps import Steps, aside, awaiting, blocking
from .errors import InvalidArgument
from .grid import as_grid
from .open import open, open_async  # noqa: A004
from .plan import Plan, make
from .tables import Items

if TYPE_CHECKING:
    import xarray as xr

    from ._signing import Signer
    from .grid import Grid

__all__ = [
    "CountMethod",
    "FirstMethod",
    "HighestMethod",
    "LowestMethod",
    "MeanMethod",
    "MedianMethod",
    "StdevMethod",
    "odc_load",
    "odc_load_async",
    "open",
    "open_async",
]

# lazycogs names its mosaic methods by classes.
FirstMethod: Final = "first"
HighestMethod: Final = "highest"
LowestMethod: Final = "lowest"
MeanMethod: Final = "mean"
MedianMethod: Final = "median"
StdevMethod: Final = "stdev"
CountMethod: Final = "count"

# What odc.stac.load has beside what is here.
_ODC_REPLACED: Final = {
    **dict.fromkeys(("lon", "lat"), "bbox=, in degrees"),
    **dict.fromkeys(("x", "y", "geopolygon", "intersects"), "geobox="),
    "pool": "cogweave.configure(threads=)",
    "progress": "cogweave.open, which has progress=",
    "stac_cfg": "dtype= and nodata=; else the files say both",
    "with_properties": "cogweave.open, which has properties=",
    "fuse_func": "cogweave.open, which has mosaic_method= and a mask",
    "driver": "nothing: cogweave reads the files itself",
}

_LEAST_SHARE: Final = 0.1  # of a pixel, by which edges may lie off the lattice


@functools.partial(_arguments.names_replacements, replaced=_ODC_REPLACED)
def _odc_load(
    items: object,
    bands: str | Iterable[str] | None = None,
    *,
    groupby: str | None = "time",
    crs: object = None,
    resolution: float | tuple[float, float] | None = None,
    anchor: object = None,
    geobox: object = None,
    like: object = None,
    bbox: tuple[float, float, float, float] | None = None,
    resampling: str | Mapping[str, str] | None = None,
    dtype: object = None,
    nodata: float | None = None,
    chunks: Mapping[str, Any] | None = None,
    fail_on_error: bool = True,
    patch_url: Signer | None = None,
    preserve_original_order: bool = False,
    storage: Mapping[str, Mapping[str, Any]] | None = None,
) -> Steps[xr.Dataset]:
    """Load items as `odc.stac.load` does: its order of items, time labels, grid and variables.

    Parameters
    ----------
    items : iterable of pystac.Item, or dicts
        All of them are loaded; where they lie selects none.
    bands : str or iterable of str, optional
        Asset keys or common names; None: every COG asset.
    groupby : {"time", "solar_day", "id"}, str or None
        What makes a time step: an instant, a solar day, an item (also None), or the value of a
        property.
    crs, resolution : optional
        Of the grid; None: those that most items have in the first band.
    anchor : optional
        As odc-geo takes it; None: pixel edges on multiples of the resolution.
    geobox, like : optional
        The grid itself, an odc-geo GeoBox or an xarray object, instead of all the others.
    bbox : four floats, optional
        ``(west, south, east, north)`` in degrees; None: what the items cover.
    resampling : str or dict, optional
        GDAL's name, or one per band with ``"*"`` for the others; None: nearest.
    dtype, nodata : optional
        Of all bands; None: each band's own.
    chunks : dict, optional
        None: the pixels are loaded now. Else sizes for dask along ``time``, ``y`` and ``x``; what is
        not named is 1 step and the files' tiles.
    fail_on_error : bool, optional
        False: an item that cannot be read counts as absent.
    patch_url : callable, optional
        ``href -> href``, asked when files are read: what `cogweave.open` calls ``sign``.
    preserve_original_order : bool, optional
        Combine the items of a step in the order given, not by time and id.
    storage : dict, optional
        Options of stores, by URL prefix, in obstore's names.

    Returns
    -------
    xarray.Dataset
        A variable ``(time, y, x)`` per band (``latitude, longitude`` in a geographic CRS), raw
        pixels, ``attrs["nodata"]``; ``time`` is the instant of the first item of a step.

    Raises
    ------
    InvalidArgument
        No items, arguments that contradict each other, no CRS or resolution to be found.
    AssetError
        A file that cannot be read.
    """
    features = yield from aside(_features, items)
    order = list(range(len(features)))
    if not preserve_original_order:
        order.sort(key=lambda i: (_instant(features[i]), features[i]["id"]))
    ordered = [features[i] for i in order]
    grid = yield from aside(_grid, ordered, bands, crs, resolution, anchor, geobox, like, bbox)
    found = yield from aside(resolve, ordered)
    period = {None: "id", "time": None}.get(groupby, groupby)
    request = plan_request(
        bands=bands,
        time_period=period,
        resampling="nearest" if resampling is None else resampling,
        mosaic_method="first",
        overviews=True,
        nodata=nodata,
        dtype=dtype,
        errors="raise" if fail_on_error else "ignore",
        per_band=True,
    )
    request["chunk"] = chunks is not None
    table = yield from aside(_table_of, found)
    plan = yield from make(table, None, grid, request, storage, _signing.checked(patch_url))
    data = yield from aside(_labelled, plan, groupby, order, ordered)
    if chunks is None:
        return (yield from aside(data.load))
    return (yield from aside(_chunked, data, chunks))


def _table_of(found: Any) -> Items:
    return Items._of(found.table({}) if found.items is None else found.items, "items")


def _features(items: object) -> list[dict[str, Any]]:
    features = stac_items(items if isinstance(items, Mapping) or not isinstance(items, Iterable) else list(items))
    if not features:
        raise InvalidArgument(f"items wants STAC items, at least one: {type(items).__name__}")
    return features


def _instant(item: Mapping[str, Any]) -> np.datetime64:
    told = item["properties"]
    text = told.get("datetime") or told.get("start_datetime") or told.get("end_datetime")
    if not text:
        raise InvalidArgument(f"item {item.get('id')!r} has no datetime")
    import pandas as pd

    moment = pd.Timestamp(text)
    return np.datetime64((moment.tz_convert(None) if moment.tzinfo else moment).to_datetime64(), "ns")


def _labelled(plan: Plan, groupby: str | None, order: list[int], items: list[dict[str, Any]]) -> xr.Dataset:
    """Give a plan's dataset odc-stac's order of time steps, labels, dimensions and attributes."""
    steps = plan._base.membership.steps
    firsts = np.asarray([_instant(item) for item in items], "datetime64[ns]")
    first_item = np.asarray([np.flatnonzero(steps == step)[0] for step in range(len(plan.times))])
    if groupby in (None, "id"):
        sequence = np.argsort(np.asarray(order)[first_item])
    elif groupby in ("time", "solar_day"):
        sequence = np.arange(len(plan.times))
    else:
        keys = [items[i]["properties"].get(groupby) for i in first_item]
        sequence = np.asarray(sorted(range(len(keys)), key=keys.__getitem__))
    data = dataset(plan, "a list of items", mask_and_scale=False)
    data = data.assign_coords(time=("time", firsts[first_item])).isel(time=sequence).drop_vars("group", errors="ignore")
    for variable in data.data_vars.values():
        value = variable.attrs.get("_FillValue")
        variable.attrs = {} if value is None else {"nodata": value.item()}
    return data if plan.grid.crs != "EPSG:4326" else data.rename(y="latitude", x="longitude")


def _chunked(data: xr.Dataset, chunks: Mapping[str, Any]) -> xr.Dataset:
    unknown = set(chunks) - {*data.dims, "y", "x"}
    if unknown:
        raise InvalidArgument(f"chunks names {sorted(unknown)}; there are {', '.join(map(str, data.dims))}")
    names = {"y": "latitude", "x": "longitude"} if "latitude" in data.dims else {}
    suited = next(iter(data.data_vars.values())).encoding["preferred_chunks"]
    wanted = {names.get(dim, dim): size for dim, size in {**suited, **chunks}.items()}
    return data.chunk(wanted)


def _grid(
    items: list[dict[str, Any]],
    bands: str | Iterable[str] | None,
    crs: Any,
    resolution: Any,
    anchor: Any,
    geobox: object,
    like: object,
    bbox: Any,
) -> Grid:
    """Make the grid that odc-stac would."""
    if geobox is not None or like is not None:
        if any(value is not None for value in (crs, resolution, anchor, bbox)) or (geobox is None) == (like is None):
            raise InvalidArgument("geobox and like each say where alone: leave out the other, crs, resolution and bbox")
        return as_grid(geobox if geobox is not None else like)
    from odc.geo import geom
    from odc.geo.geobox import GeoBox

    if crs is None or resolution is None:
        common = _common(items, bands)
        crs = common[0] if crs is None else crs
        anchor = common[2] if anchor is None else anchor
        resolution = common[1] if resolution is None else resolution
    anchor = "edge" if anchor is None else anchor
    if isinstance(resolution, tuple):
        from odc.geo import resxy_

        resolution = resxy_(resolution[0], -abs(resolution[1]))
    if bbox is not None:
        west, south, east, north = _arguments.bbox(bbox)
        outline = geom.box(west, south, east, north, "EPSG:4326")
        return as_grid(GeoBox.from_geopolygon(outline, resolution=resolution, crs=crs, anchor=anchor))
    covered: Any = geom.unary_union([geom.Geometry(item["geometry"], "EPSG:4326") for item in items])
    return as_grid(GeoBox.from_bbox(covered.to_crs(crs).boundingbox, resolution=resolution, anchor=anchor))


def _common(items: list[dict[str, Any]], bands: str | Iterable[str] | None) -> tuple[str, float, str]:
    """Give the CRS, the resolution and the anchor that most items have in the first band that tells."""
    wanted = [bands] if isinstance(bands, str) else list(bands or ())
    told: collections.Counter[tuple[str, float, str]] = collections.Counter()
    for item in items:
        assets = item["assets"]
        for asset in [assets[wanted[0]]] if wanted and wanted[0] in assets else assets.values():
            found = _projection(item, asset)
            if found is not None:
                told[found] += 1
                break
    if not told:
        raise InvalidArgument("crs and resolution are wanted: the items do not tell them (proj:code, proj:transform)")
    return told.most_common(1)[0][0]


def _projection(item: Mapping[str, Any], asset: Mapping[str, Any]) -> tuple[str, float, str] | None:
    def of(name: str) -> Any:
        value = asset.get(name)
        return item["properties"].get(name) if value is None else value

    transform, number, code = of("proj:transform"), of("proj:epsg"), of("proj:code")
    if transform is None or (number is None and code is None):
        return None
    size, left = abs(float(transform[0])), float(transform[2])
    share = left / size % 1
    anchor = "center" if abs(share - 0.5) < _LEAST_SHARE else "edge"
    return str(code or f"EPSG:{number}"), size, anchor


odc_load = blocking(_odc_load)
odc_load_async = awaiting(_odc_load)
