"""rasterio as somebody who knows it would use it: open files kept, 16 threads, GDAL tuned for the cloud.

Windows of a file's own grid are read as they are; others through WarpedVRT, GDAL's warper.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import rasterio
import rasterio.transform
import rasterio.vrt
import rasterio.warp
import rasterio.windows
from rasterio.enums import Resampling

from benchmarks.tools import THREADS, Request, masked_median

ENVIRONMENT = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "GDAL_NUM_THREADS": "ALL_CPUS",
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "CPL_VSIL_CURL_CHUNK_SIZE": "65536",
    "VSI_CACHE": "FALSE",
}
_pool = ThreadPoolExecutor(THREADS)
_open: dict[str, tuple[Any, threading.Lock]] = {}
_opening = threading.Lock()


def _dataset(href: str, level: int | None = None) -> tuple[Any, threading.Lock]:
    """An open file and the lock under which it is read: a dataset belongs to one thread at a time."""
    key = f"{href} {level}"
    with _opening:
        found = _open.get(key)
    if found is None:
        more = {} if level is None else {"OVERVIEW_LEVEL": level}
        found = rasterio.open(href, NUM_THREADS="ALL_CPUS", **more), threading.Lock()
        with _opening:
            found = _open.setdefault(key, found)
    return found


def _read(href: str, r: Request) -> Any:
    with rasterio.Env(**ENVIRONMENT):
        dataset, lock = _dataset(href)
        with lock:
            if dataset.crs.to_epsg() == r.epsg and dataset.res[0] == r.resolution:
                return dataset.read(1, window=rasterio.windows.from_bounds(*r.box, dataset.transform))
            level = _level(dataset, r)
            if level is None:
                return _warp(dataset, r)
        overview, lock = _dataset(href, level)
        with lock:
            return _warp(overview, r)


def _level(dataset: Any, r: Request) -> int | None:
    """The coarsest overview that is no coarser than the request; WarpedVRT would read full resolution."""
    native, _, _ = rasterio.warp.calculate_default_transform(
        dataset.crs, r.crs, dataset.width, dataset.height, *dataset.bounds
    )
    wanted = 1.01 * r.resolution / native.a
    fitting = [level for level, factor in enumerate(dataset.overviews(1)) if factor <= wanted]
    return fitting[-1] if fitting else None


def _warp(dataset: Any, r: Request) -> Any:
    rows, cols = r.shape
    grid = rasterio.transform.from_origin(r.box[0], r.box[3], r.resolution, r.resolution)
    with rasterio.vrt.WarpedVRT(
        dataset,
        crs=r.crs,
        transform=grid,
        width=cols,
        height=rows,
        resampling=Resampling[r.resampling],
        warp_extras={"NUM_THREADS": "ALL_CPUS"},
    ) as warped:
        return warped.read(1)


def _stack(r: Request, items: list[dict[str, Any]], bands: list[str]) -> Any:
    hrefs = [item["assets"][band]["href"] for band in bands for item in items]
    pixels = list(_pool.map(lambda href: _read(href, r), hrefs))
    return np.stack(pixels).reshape(len(bands), len(items), *r.shape)


def window(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    items = r.items()
    return lambda: _stack(r, items, r.bands)


def points(told: dict[str, Any]) -> Callable[[], Any]:
    """Reads each file's window around the points, and picks the pixels: much faster than `sample`."""
    r = Request.of(told)
    items = r.items()
    x, y = (np.array(axis) for axis in zip(*r.points, strict=True))
    rows = np.floor((r.box[3] - y) / r.resolution).astype(int)
    cols = np.floor((x - r.box[0]) / r.resolution).astype(int)
    return lambda: _stack(r, items, r.bands)[0][:, rows, cols]


def median(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    items = r.items()
    (classes, dropped), *_ = r.masked.items()

    def run() -> Any:
        pixels = _stack(r, items, [*r.bands, classes])
        return masked_median(pixels[:-1], pixels[-1], dropped)

    return run
