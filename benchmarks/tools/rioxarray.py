"""rioxarray: one file at a time, as its users open them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import rasterio
import rioxarray
from rasterio.enums import Resampling

from benchmarks.tools import Request
from benchmarks.tools.rasterio import ENVIRONMENT


def window(told: dict[str, Any]) -> Callable[[], Any]:
    r = Request.of(told)
    items = r.items()

    def run() -> Any:
        with rasterio.Env(**ENVIRONMENT):
            pixels = [_read(item["assets"][band]["href"], r) for band in r.bands for item in items]
        return np.stack(pixels).reshape(len(r.bands), len(items), *r.shape)

    return run


def _read(href: str, r: Request) -> Any:
    array: Any = rioxarray.open_rasterio(href)
    if array.rio.crs.to_epsg() == r.epsg and array.rio.resolution()[0] == r.resolution:
        minx, miny, maxx, maxy = r.box
        return array.sel(x=slice(minx, maxx), y=slice(maxy, miny)).to_numpy()[0]
    rows, cols = r.shape
    grid = rasterio.transform.from_origin(r.box[0], r.box[3], r.resolution, r.resolution)
    around = array.rio.clip_box(*r.box, crs=r.crs)  # else it reads the whole file
    return around.rio.reproject(
        r.crs, shape=(rows, cols), transform=grid, resampling=Resampling[r.resampling]
    ).to_numpy()[0]
