"""odc-stac 0.5, with GDAL's settings for the cloud and a pool of 16 threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import odc.stac
import pystac
import xarray as xr
from odc.geo.geobox import GeoBox

from benchmarks.tools import THREADS, Box, Request, masked_median
from benchmarks.tools.gathering import gathered

odc.stac.configure_rio(cloud_defaults=True)


def _items(r: Request) -> list[pystac.Item]:
    return [pystac.Item.from_dict(item) for item in r.items()]


def _load(r: Request, items: list[pystac.Item], box: Box | None = None, **more: Any) -> Any:
    grid = GeoBox.from_bbox(box or r.box, r.crs, resolution=r.resolution, tight=True)
    bands = more.pop("bands", r.bands)
    return odc.stac.load(items, bands=bands, geobox=grid, resampling=r.resampling, groupby="solar_day", **more)


def _stack(loaded: Any, bands: list[str]) -> Any:
    return np.stack([loaded[band].to_numpy() for band in bands])


def window(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    items = _items(r)
    return lambda: _stack(_load(r, items, pool=THREADS), r.bands)


def chunks(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    lazy = _load(r, _items(r), chunks={"x": r.chunk, "y": r.chunk})
    return lambda: _stack(lazy.compute(scheduler="threads", num_workers=THREADS), r.bands)


def points(told: dict[str, Any]) -> Callable[[], Any]:
    """xarray's vectorized selection over dask: reads the chunks that hold points."""
    r = Request.of(told)
    lazy = _load(r, _items(r), chunks={"x": r.chunk, "y": r.chunk})[r.bands[0]]
    x, y = (xr.DataArray(np.array(axis), dims="point") for axis in zip(*r.points, strict=True))
    chosen = lazy.sel(x=x, y=y, method="nearest")
    return lambda: chosen.compute(scheduler="threads", num_workers=THREADS).to_numpy()


def each_point(told: dict[str, Any]) -> Callable[[], Any]:
    """A selection for each point, over dask chunks."""
    r = Request.of(told)
    lazy = _load(r, _items(r), chunks={"x": r.chunk, "y": r.chunk})[r.bands[0]]

    def run() -> Any:
        read = (
            lazy.sel(x=x, y=y, method="nearest").compute(scheduler="threads", num_workers=THREADS) for x, y in r.points
        )
        return np.stack([one.to_numpy() for one in read], axis=-1)

    return run


def median(told: dict[str, Any]) -> Callable[[], Any]:
    """Reads bands and classes together, then masks them with numpy: it has no mask of its own."""
    r = Request.of(told)
    items = _items(r)
    (classes, dropped), *_ = r.masked.items()

    def run() -> Any:
        loaded = _load(r, items, bands=[*r.bands, classes], pool=THREADS)
        return masked_median(_stack(loaded, r.bands), loaded[classes].to_numpy(), dropped)

    return run


def awaits(told: dict[str, Any]) -> Callable[[], Any]:
    """It has no await: a thread for each window, as a service would do it."""
    r = Request.of(told)
    items = _items(r)

    def load(box: Box) -> Callable[[], Any]:
        return lambda: asyncio.to_thread(lambda: _stack(_load(r, items, box, pool=THREADS), r.bands))

    return lambda: gathered([load(box) for box in r.boxes])


def opened(told: dict[str, Any]) -> Callable[[], Any]:
    """A lazy array of items that are JSON already: there is no catalog to search."""
    r = Request.of(told)
    return lambda: np.array(_load(r, _items(r), chunks={})[r.bands[0]].shape)


def objects(told: dict[str, Any]) -> Callable[[], Any]:
    """A lazy array of pystac's items, which are there already."""
    r = Request.of(told)
    items = _items(r)
    return lambda: np.array(_load(r, items, chunks={})[r.bands[0]].shape)
