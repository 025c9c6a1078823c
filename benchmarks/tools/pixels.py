"""What the tools do in `benchmarks.pixels`: one local file, on its own grid or warped."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

ALL = sorted(os.sched_getaffinity(0))  # processors, before any step is bound to some of them


def _cores(count: int) -> None:
    """Keep the whole process on so many processors; before any library asks how many there are."""
    os.sched_setaffinity(0, ALL[:count])


def cogweave(request: dict[str, Any]) -> Callable[[], Any]:
    """A plan's pixels, everything but the pixels done before, on so many processors."""
    _cores(request["threads"])
    return _reading(request)


def cores(request: dict[str, Any]) -> Callable[[], Any]:
    """The same several times over, where each step has other processors: threads that are there already move to them.

    One worker on two processors is not one core: what it reads is fetched meanwhile by the other one.
    """
    read = _reading(request)
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), ALL[: request["threads"]])

    def run() -> Any:
        for _ in range(request["reads"] - 1):
            read()
        return read()

    return run


def _reading(request: dict[str, Any]) -> Callable[[], Any]:
    import cogweave as cw

    cw.configure(threads=request["threads"], tile_cache=0)
    arguments: dict[str, Any] = {}
    if "crs" in request:
        arguments["grid"] = cw.Grid(request["crs"], request["transform"], request["shape"])
        arguments |= {"resampling": request["resampling"], "overviews": False}
    plan = cw.open_item(request["path"], **arguments).cogweave.plan
    return lambda: cw.read(plan)[0, 0]


def warper(request: dict[str, Any]) -> Callable[[], Any]:
    """GDAL's warper, with its usual approximation of coordinates, on a file that is read on the clock.

    Opened anew: GDAL keeps the blocks of a file that is open.
    """
    _cores(1)
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.warp import reproject

    def run() -> Any:
        with rasterio.open(request["path"]) as src:
            out = np.zeros(request["shape"], src.dtypes[0])
            reproject(
                rasterio.band(src, 1), out, src_nodata=0, dst_nodata=0,
                dst_transform=rasterio.Affine(*request["transform"]), dst_crs=request["crs"],
                resampling=Resampling[request["resampling"]], num_threads=1, warp_mem_limit=512,
            )  # fmt: skip
        return out

    return run


def reader(request: dict[str, Any]) -> Callable[[], Any]:
    """GDAL's decoder. Opened anew: GDAL keeps the blocks of a file that is open."""
    _cores(1)
    import rasterio

    def run() -> Any:
        with rasterio.open(request["path"]) as src:
            return src.read(1)

    return run


def async_tiff(request: dict[str, Any]) -> Callable[[], Any]:
    """async-tiff's decoder, tile by tile into one array; its thread pool has one thread."""
    _cores(1)
    import asyncio
    from pathlib import Path

    import async_tiff
    from async_tiff.store import LocalStore

    path = Path(request["path"])

    async def run() -> Any:
        tiff = await async_tiff.TIFF.open(path.name, store=LocalStore(prefix=path.parent))
        ifd = tiff.ifds[0]
        side = ifd.tile_width
        places = [
            (col, row) for row in range(-(-ifd.image_height // side)) for col in range(-(-ifd.image_width // side))
        ]
        out = np.zeros((ifd.image_height, ifd.image_width), "uint16")
        tiles = await asyncio.gather(*(tiff.fetch_tile(col, row, 0) for col, row in places))
        for (col, row), tile in zip(places, tiles, strict=True):
            pixels = np.asarray(await tile.decode()).reshape(side, side, -1)
            part = out[row * side : (row + 1) * side, col * side : (col + 1) * side]
            part[:] = pixels[: part.shape[0], : part.shape[1], 0]
        return out

    return lambda: asyncio.run(run())
