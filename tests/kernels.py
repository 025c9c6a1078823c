"""Kernels beside exact oracles: one file, one grid, what cogweave and the oracle give, and how they differ.

Nearest is compared with pyproj's coordinates of every cell; the other kernels with GDAL's warper at a tolerance of
1e-6 pixel and a fixed kernel scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from affine import Affine

from tests import oracle

Pixels = npt.NDArray[Any]

SMOOTH = ("bilinear", "cubic", "cubic_spline", "lanczos")
AREA = ("average", "rms", "mode", "min", "max", "med", "q1", "q3", "sum")
KERNELS = ("nearest", *SMOOTH, *AREA)
DTYPES = ("uint8", "int16", "uint16", "int32", "float32", "float64")
SCALES = (0.6, 1.0, 1.5, 2.0, 3.3)  # cell size over pixel size

# name -> CRS and transform of the source, CRS of the grid
_UTM = Affine(10, 0, 730000, 0, -10, 5043000)
_DEGREES = Affine(1e-4, 0, 12.0, 0, -1e-4, 45.5)
PAIRS: dict[str, tuple[str, Affine, str]] = {
    "UTM to UTM": ("EPSG:32632", _UTM, "EPSG:32633"),
    "UTM to itself": ("EPSG:32632", _UTM, "EPSG:32632"),
    "UTM to Mercator": ("EPSG:32632", _UTM, "EPSG:3857"),
    "UTM to degrees": ("EPSG:32632", _UTM, "EPSG:4326"),
    "degrees to UTM": ("EPSG:4326", _DEGREES, "EPSG:32632"),
    "degrees to Mercator": ("EPSG:4326", _DEGREES, "EPSG:3857"),
    "Mercator to Lambert": ("EPSG:3857", Affine(10, 0, 1340000, 0, -10, 5700000), "EPSG:3035"),
    "Lambert to degrees": ("EPSG:3035", Affine(10, 0, 4480000, 0, -10, 2490000), "EPSG:4326"),
    "polar to UTM": ("EPSG:3413", Affine(30, 0, 300000, 0, -30, -900000), "EPSG:32624"),
    "degrees to the pole": ("EPSG:4326", Affine(0.02, 0, -40, 0, -0.002, 89), "EPSG:3413"),
    "rotated": ("EPSG:32632", _UTM @ Affine.rotation(17), "EPSG:32633"),
    "sheared": ("EPSG:32632", _UTM @ Affine.shear(12, 5), "EPSG:32633"),
    "south-up": ("EPSG:32632", Affine(10, 0, 730000, 0, 10, 5036000), "EPSG:32633"),
}


@dataclass(frozen=True)
class Difference:
    """How the pixels of one case differ from the oracle's.

    pixels: fraction of the cells valid on both sides whose value is not the oracle's within what `allowance` says.
    unequal: fraction of those that are not the very same. validity: fraction of all cells valid on one side only.
    valid: fraction of cells that the oracle has valid.
    """

    pixels: float
    unequal: float
    validity: float
    valid: float


def source(folder: Path, pair: str, dtype: str, side: int) -> Path:
    """A file of waves and noise, a disc of nodata in it."""
    path = folder / f"{pair}-{dtype}-{side}.tif".replace(" ", "-")
    if path.exists():
        return path
    crs, transform, _ = PAIRS[pair]
    y, x = np.mgrid[0:side, 0:side]
    noise = np.random.default_rng(7).integers(0, 9, (side, side))
    data = 110 + 60 * np.sin(x / 9) * np.cos(y / 7) + noise
    if dtype.startswith("float"):
        data = data * 1.37 - 90
    elif dtype != "uint8":
        data = data * 101
    data = data.astype(dtype)
    data[(x - 0.4 * side) ** 2 + (y - 0.6 * side) ** 2 < (0.12 * side) ** 2] = 0
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=side, width=side, dtype=dtype, nodata=0,
        crs=crs, transform=transform, tiled=True, blockxsize=128, blockysize=128,
    ) as out:  # fmt: skip
        out.write(data, 1)
    return path


def grid_over(path: Path, crs: str, factor: float, shape: tuple[int, int]) -> cw.Grid:
    """A grid around the middle of a file, its cells `factor` times as large as the file's pixels."""
    with rasterio.open(path) as src:
        t, width, height = src.transform, src.width, src.height
        to_grid = pyproj.Transformer.from_crs(src.crs.to_wkt(), crs, always_xy=True)
    at = [(width / 2, height / 2), (width / 2 + 1, height / 2), (width / 2, height / 2 + 1)]
    (cx, cy), east, south = (to_grid.transform(*_apply(t, *place)) for place in at)
    # A cell has the area of factor x factor pixels, and the grid's rows and columns as long as they are.
    side_x = float(np.hypot(east[0] - cx, south[0] - cx)) * factor
    side_y = float(np.hypot(east[1] - cy, south[1] - cy)) * factor
    left, top = cx - side_x * shape[1] / 2 + 0.31 * side_x, cy + side_y * shape[0] / 2 - 0.27 * side_y
    return cw.Grid(crs, (side_x, 0, left, 0, -side_y, top), shape)


def _apply(t: Affine, col: Any, row: Any) -> tuple[Any, Any]:
    return t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f


def compare(path: Path, pair: str, kernel: str, factor: float, shape: tuple[int, int]) -> Difference:
    """One case."""
    crs = PAIRS[pair][2]
    grid = grid_over(path, crs, factor, shape)
    # Cells without a value are NaN; the others hold what the kernel gave in the file's own type.
    floats = cw.open_item(path, grid=grid, resampling=kernel, overviews=False, dtype="float64", nodata=float("nan"))
    got = floats.to_numpy()[0]
    valid = ~np.isnan(got)
    if kernel == "nearest":
        want = nearest(path, grid)
    else:
        want = oracle.warped(
            path, crs, Affine(*grid.transform), shape, resampling=kernel, scale=_kernel_scale(path, grid)
        )
    theirs = ~np.ma.getmaskarray(want)
    both = valid & theirs
    if not both.any():
        return Difference(0, 0, float((valid != theirs).mean()), float(theirs.mean()))
    gap = np.abs(got[both] - want.data[both].astype("f8"))
    allowed = allowance(path, grid, kernel, both, want.dtype)
    equal = np.isclose(got[both], want.data[both], rtol=1e-6, atol=0)
    return Difference(
        float((gap > allowed).mean()), float((~equal).mean()), float((valid != theirs).mean()), float(theirs.mean())
    )


def allowance(path: Path, grid: cw.Grid, kernel: str, cells: npt.NDArray[np.bool_], dtype: np.dtype[Any]) -> Any:
    """What two sound implementations may differ by."""
    if kernel in SMOOTH:
        if dtype.kind in "iu":
            return 1.0
        near = oracle.neighbourhood(path, grid.crs, Affine(*grid.transform), grid.shape, None, cells).astype("f8")
        return 1e-3 * np.maximum(np.ptp(near, axis=1), 1e-3)
    if kernel == "sum":  # GDAL shares pixels out in the grid's plane, cogweave in the source's
        return 1.5 + 1e-4 * _most(path) if dtype.kind in "iu" else 5e-3
    if kernel in ("average", "rms"):  # coordinates err by 2e-5 pixel, which decides some roundings
        return 1.0 if dtype.kind in "iu" else 2e-3
    return 1e-5 if dtype.kind == "f" else 0.0  # GDAL finds the mode of float64 in float32


def _most(path: Path) -> float:
    """The largest sum that a cell of the coarsest scale may hold."""
    with rasterio.open(path) as src:
        return float(src.read(1).max()) * max(SCALES) ** 2


def _kernel_scale(path: Path, grid: cw.Grid) -> tuple[float, float]:
    """Pixel size over cell size at the grid's middle: GDAL's XSCALE and YSCALE."""
    with rasterio.open(path) as src:
        to_source = pyproj.Transformer.from_crs(grid.crs, src.crs.to_wkt(), always_xy=True)
        inverse = ~src.transform
    row, col = grid.shape[0] / 2, grid.shape[1] / 2
    ends = [(col - 0.5, row), (col + 0.5, row), (col, row - 0.5), (col, row + 0.5)]
    at = [_apply(inverse, *to_source.transform(*_apply(Affine(*grid.transform), *end))) for end in ends]
    a, d = np.subtract(at[1], at[0])
    b, e = np.subtract(at[3], at[2])
    jacobian = np.linalg.inv([[a, b], [d, e]])  # from pixels to cells
    sizes = np.hypot(jacobian[0], jacobian[1])
    return _rounded(sizes[0]), _rounded(sizes[1])


def _rounded(scale: float) -> float:
    """As GDAL's warper: 1/n where it is nearly that."""
    if scale >= 1:
        return 1.0
    n = round(1 / scale)
    return 1 / n if abs(1 / scale - n) < 0.05 else float(scale)


def nearest(path: Path, grid: cw.Grid) -> oracle.Masked:
    """The pixel that each cell's centre lies in, by pyproj."""
    with rasterio.open(path) as src:
        data, inverse = src.read(1), ~src.transform
        to_source = pyproj.Transformer.from_crs(grid.crs, src.crs.to_wkt(), always_xy=True)
    rows, cols = np.mgrid[0 : grid.shape[0], 0 : grid.shape[1]] + 0.5
    col, row = _apply(inverse, *to_source.transform(*_apply(Affine(*grid.transform), cols, rows)))
    inside = (col >= 0) & (col < data.shape[1]) & (row >= 0) & (row < data.shape[0])
    at = np.where(inside, np.floor(row), 0).astype(int), np.where(inside, np.floor(col), 0).astype(int)
    return np.ma.MaskedArray(data[at], ~inside | (data[at] == 0))
