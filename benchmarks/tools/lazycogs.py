"""lazycogs 0.7, offline; nearest is the only kernel it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import xarray as xr
from obstore.store import HTTPStore

from benchmarks.libraries import install_extensions
from benchmarks.tools import THREADS, Request, masked_median
from benchmarks.tools.gathering import gathered

install_extensions()

import lazycogs  # noqa: E402 - DuckDB looks for its extensions when it is imported


def _open(r: Request, **more: Any) -> Any:
    return lazycogs.open(
        r.catalog,
        bbox=more.pop("bbox", r.box),
        crs=r.crs,
        resolution=r.resolution,
        bands=more.pop("bands", r.bands),
        datetime=r.interval,
        store=HTTPStore.from_url(r.server, client_options={"allow_http": True}),
        path_from_href=lambda href: urlsplit(href).path.lstrip("/"),
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
    """xarray's vectorized selection of the lazy array."""
    r = Request.of(told)
    x, y = (xr.DataArray(np.array(axis), dims="point") for axis in zip(*r.points, strict=True))
    array = _open(r)
    return lambda: array.sel(x=x, y=y, method="nearest")[0].to_numpy()


def each_point(told: dict[str, Any]) -> Callable[[], Any]:
    """A selection for each point."""
    r = Request.of(told)
    array = _open(r)
    return lambda: np.stack([array.sel(x=x, y=y, method="nearest")[0].to_numpy() for x, y in r.points], axis=-1)


def median(told: dict[str, Any]) -> Callable[[], Any]:
    """Reads bands and classes together, then masks them with numpy: it has no mask of its own."""
    r = Request.of(told)
    (classes, dropped), *_ = r.masked.items()
    array = _open(r, bands=[*r.bands, classes])

    def run() -> Any:
        pixels = array.to_numpy()
        return masked_median(pixels[:-1], pixels[-1], dropped)

    return run


def awaits(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    arrays = [_open(r, bbox=box) for box in r.boxes]
    return lambda: gathered([array.load_async for array in arrays])


def opened(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    return lambda: np.array(_open(r).shape)
