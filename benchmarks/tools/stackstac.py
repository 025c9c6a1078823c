"""stackstac 0.5, over dask with 16 threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import stackstac
from rasterio.enums import Resampling

from benchmarks.tools import THREADS, Request, masked_median


def _stack(r: Request, bands: list[str] | None = None, chunk: int = 1024) -> Any:
    return stackstac.stack(
        r.items(),
        assets=bands or r.bands,
        epsg=r.epsg,
        resolution=r.resolution,
        bounds=r.box,
        snap_bounds=False,
        resampling=Resampling[r.resampling],
        chunksize=chunk,
        dtype=np.dtype("uint16"),
        fill_value=np.uint16(0),
        rescale=False,
    )


def _compute(lazy: Any) -> Any:
    """As (band, time, y, x)."""
    return lazy.compute(scheduler="threads", num_workers=THREADS).to_numpy().swapaxes(0, 1)


def window(told: dict[str, Any]) -> Callable[[], Any]:
    lazy = _stack(Request.of(told))
    return lambda: _compute(lazy)


def chunks(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    lazy = _stack(r, chunk=r.chunk)
    return lambda: _compute(lazy)


def points(told: dict[str, Any]) -> Callable[[], Any]:
    """xarray's vectorized selection over dask: reads the chunks that hold points."""
    import xarray as xr

    r = Request.of(told)
    x, y = (xr.DataArray(np.array(axis), dims="point") for axis in zip(*r.points, strict=True))
    half = r.resolution / 2  # it labels cells by their upper left corner
    lazy = _stack(r).isel(band=0).sel(x=x - half, y=y + half, method="nearest")
    return lambda: lazy.compute(scheduler="threads", num_workers=THREADS).to_numpy()


def median(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    (classes, dropped), *_ = r.masked.items()
    lazy = _stack(r, bands=[*r.bands, classes])

    def run() -> Any:
        pixels = _compute(lazy)
        return masked_median(pixels[:-1], pixels[-1], dropped)

    return run


def opened(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    return lambda: np.array(_stack(r).shape)
