"""cogweave, with its defaults, and without the headers of an earlier process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cogweave as cw
import dask.array  # the first open would import it, and pyproj; other libraries do so at once
import distributed  # noqa: F401  dask's first computation would, where it is installed; the peers' environments lack it
import numpy as np
import pyproj  # noqa: F401
import xarray as xr

from benchmarks.tools import THREADS, Request
from benchmarks.tools.gathering import gathered

cw.configure(cache_dir="")
cw.stats()  # loads the library, as an import does elsewhere


def _open(r: Request, **more: Any) -> xr.DataArray:
    return cw.open(
        r.catalog,
        bbox=more.pop("bbox", r.box),
        crs=r.crs,
        resolution=r.resolution,
        bands=r.bands,
        datetime=r.interval,
        resampling=r.resampling,
        **more,
    )


def window(told: dict[str, Any]) -> Callable[[], Any]:
    array = _open(Request.of(told))
    return lambda: array.to_numpy()


def chunks(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    array = _open(r, chunks={"time": 1, "y": r.chunk, "x": r.chunk})
    return lambda: array.compute(scheduler="threads", num_workers=THREADS).to_numpy()


def points(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    x, y = (np.array(axis) for axis in zip(*r.points, strict=True))
    array = _open(r)
    return lambda: array.cogweave.sample((x, y))[0].to_numpy()


each_point = points


def median(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    array = _open(r, time_period="P1Y", mosaic_method="median", mask=r.masked)
    return lambda: array.to_numpy()[:, 0]


def awaits(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    arrays = [_open(r, bbox=box) for box in r.boxes]
    return lambda: gathered([array.load_async for array in arrays])


def objects(told: dict[str, Any]) -> Callable[[], Any]:
    """A lazy array of pystac's items, which are there already."""
    import pystac

    r = Request.of(told)
    items = [pystac.Item.from_dict(item) for item in r.items()]
    return lambda: np.array(
        cw.open(items, bbox=r.box, crs=r.crs, resolution=r.resolution, bands=r.bands, resampling=r.resampling).shape
    )


def opened(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    return lambda: np.array(_open(r).shape)


def graph(told: dict[str, Any]) -> Callable[[], Any]:
    """Opens an array of very many dask chunks, and writes down what a slice of it computes."""
    side = told["chunk"]

    def run() -> Any:
        array = cw.open(
            told["catalog"], bbox=told["box"], crs=told["crs"], resolution=told["resolution"],
            chunks={"time": 1, "y": side, "x": side},
        )  # fmt: skip
        corner = array.isel(time=0, y=slice(0, 2 * side), x=slice(0, 2 * side))
        (part,) = dask.base.optimize(corner.data)  # type: ignore[no-untyped-call]
        return np.array([array.data.npartitions, len(dict(part.dask))])

    return run
