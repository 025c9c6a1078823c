"""What rasterio says that the pixels are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

Masked = np.ma.MaskedArray[Any, np.dtype[Any]]


def level_for(path: Path, crs: str, transform: Affine, shape: tuple[int, int]) -> int | None:
    """The overview that is right for a grid: rasterio's overview_level, None for the full raster.

    The coarsest level whose pixel size, taken into the grid's CRS at the middle of raster and grid,
    is at most 1.01 times the grid's on both axes.
    """
    with rasterio.open(path) as src:
        widths = [src.width] + [-(-src.width // f) for f in src.overviews(1)]
        heights = [src.height] + [-(-src.height // f) for f in src.overviews(1)]
        extent_x, extent_y = src.width * src.transform.a, -src.height * src.transform.e
        to_grid = pyproj.Transformer.from_crs(src.crs.to_wkt(), crs, always_xy=True)
        to_source = pyproj.Transformer.from_crs(crs, src.crs.to_wkt(), always_xy=True)
        x, y = _middle(src.bounds, to_source, transform, shape)
    chosen = 0
    for level, (width, height) in enumerate(zip(widths, heights, strict=True)):
        dx, dy = extent_x / width, extent_y / height
        east = np.subtract(to_grid.transform(x + dx / 2, y), to_grid.transform(x - dx / 2, y))
        north = np.subtract(to_grid.transform(x, y + dy / 2), to_grid.transform(x, y - dy / 2))
        if np.hypot(*(east / (transform.a, -transform.e))) <= 1.01 and (
            np.hypot(*(north / (transform.a, -transform.e))) <= 1.01
        ):
            chosen = level
    return None if chosen == 0 else chosen - 1


def _apply(t: Affine, col: Any, row: Any) -> tuple[Any, Any]:
    return t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f


def _middle(bounds: Any, to_source: Any, transform: Affine, shape: tuple[int, int]) -> tuple[float, float]:
    cols, rows = np.meshgrid(np.linspace(0, shape[1], 21), np.linspace(0, shape[0], 21))
    x, y = to_source.transform(*_apply(transform, cols, rows))
    left, right = max(bounds.left, x.min()), min(bounds.right, x.max())
    bottom, top = max(bounds.bottom, y.min()), min(bounds.top, y.max())
    return (left + right) / 2, (bottom + top) / 2


def warped(
    path: Path,
    crs: str,
    transform: Affine,
    shape: tuple[int, int],
    *,
    level: int | None = None,
    resampling: str = "nearest",
    scale: tuple[float, float] | None = None,
) -> Masked:
    """One band of a file on a grid, through GDAL's warper with exact coordinates.

    scale: level pixel size over grid pixel size, which GDAL else estimates anew for every window.
    """
    options: dict[str, Any] = {} if scale is None else {"XSCALE": scale[0], "YSCALE": scale[1]}
    if level is not None:
        with rasterio.open(path, overview_level=level) as src:
            return _warp(src, crs, transform, shape, resampling, options)
    with rasterio.open(path) as src:
        return _warp(src, crs, transform, shape, resampling, options)


def _warp(src: Any, crs: str, transform: Affine, shape: tuple[int, int], resampling: str, options: Any) -> Masked:
    with WarpedVRT(
        src,
        crs=crs,
        transform=transform,
        width=shape[1],
        height=shape[0],
        resampling=Resampling[resampling],
        tolerance=1e-6,
        **options,
    ) as vrt:
        read: Masked = vrt.read(1, masked=True)
        return read


def first(layers: Sequence[Masked], nodata: float) -> npt.NDArray[Any]:
    """The first valid pixel of each cell, nodata where there is none."""
    result = np.full(layers[0].shape, nodata, layers[0].dtype)
    empty = np.ones(result.shape, bool)
    for layer in layers:
        use = empty & ~np.ma.getmaskarray(layer)
        result[use] = layer.data[use]
        empty &= ~use
    return result


def neighbourhood(
    path: Path, crs: str, transform: Affine, shape: tuple[int, int], level: int | None, at: npt.NDArray[np.bool_]
) -> npt.NDArray[Any]:
    """The 3 x 3 source pixels around the exact position of each chosen cell, as (cells, 9)."""
    with rasterio.open(path) if level is None else rasterio.open(path, overview_level=level) as src:
        data = np.pad(src.read(1), 1, constant_values=src.nodata or 0)
        rows, cols = np.nonzero(at)
        to_source = pyproj.Transformer.from_crs(crs, src.crs.to_wkt(), always_xy=True)
        x, y = to_source.transform(*_apply(transform, cols + 0.5, rows + 0.5))
        col, row = _apply(~src.transform, np.asarray(x), np.asarray(y))
        c = np.clip(np.floor(col).astype(int), -1, src.width) + 1
        r = np.clip(np.floor(row).astype(int), -1, src.height) + 1
    around = [
        data[np.clip(r + i, 0, data.shape[0] - 1), np.clip(c + j, 0, data.shape[1] - 1)]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
    ]
    return np.stack(around, 1)
