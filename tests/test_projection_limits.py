"""Where a projection has no answer, as beyond the disc of the Earth, cells hold nodata; elsewhere they are as ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine

SIDE = 280  # cells of the grid; the disc lies inside
DISCS = {
    "+proj=ortho +lat_0=45 +lon_0=10 +datum=WGS84": 50_000,
    "+proj=geos +h=35785831 +lon_0=10 +sweep=y +datum=WGS84": 45_000,
    "+proj=laea +lat_0=45 +lon_0=10 +datum=WGS84": 100_000,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each degree has a number of its own, and none is nodata."""
    path = tmp_path_factory.mktemp("world") / "world.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=180, width=360, dtype="uint16", crs="EPSG:4326", nodata=0,
        tiled=True, blockxsize=64, blockysize=64, transform=Affine(1, 0, -180, 0, -1, 90),
    ) as out:  # fmt: skip
        out.write((np.arange(180 * 360) + 1).reshape(180, 360).astype("uint16"), 1)
    return path


@pytest.fixture(params=DISCS, ids=[crs.split()[0][6:] for crs in DISCS])
def grid(request: pytest.FixtureRequest) -> cw.Grid:
    size = DISCS[request.param]
    return cw.Grid(request.param, (size, 0, -SIDE / 2 * size, 0, -size, SIDE / 2 * size), (SIDE, SIDE))


def _degrees(grid: cw.Grid) -> tuple[Any, Any, Any]:
    """Row and column of the world's file under each cell, and whether there are any."""
    a, _, c, _, e, f = tuple(grid.transform)[:6]
    x, y = np.meshgrid(c + a * (np.arange(SIDE) + 0.5), f + e * (np.arange(SIDE) + 0.5))
    lon, lat = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True).transform(x, y)
    there = np.isfinite(lon) & np.isfinite(lat)
    row, col = np.floor(90 - np.where(there, lat, 0)), np.floor(np.where(there, lon, 0) + 180)
    return row.astype(int).clip(0, 179), col.astype(int).clip(0, 359), there


def test_nearest_is_pyproj_s(world: Path, grid: cw.Grid) -> None:
    got = cw.open_item(world, grid=grid, overviews=False).values[0]
    row, col, there = _degrees(grid)
    assert 0.3 < there.mean() < 0.9
    np.testing.assert_array_equal(got != 0, there)
    assert (got == np.where(there, row * 360 + col + 1, 0)).mean() > 0.9999


@pytest.mark.parametrize("kernel", ["bilinear", "cubic", "lanczos"])
def test_smooth_kernels_have_the_same_outline(world: Path, grid: cw.Grid, kernel: str) -> None:
    got = cw.open_item(world, grid=grid, resampling=kernel, overviews=False).values[0]
    np.testing.assert_array_equal(got != 0, _degrees(grid)[2])


def test_cells_with_a_corner_beyond_the_disc(world: Path, grid: cw.Grid) -> None:
    """An area kernel needs a cell's corners: it may leave out cells of the rim, and nothing else."""
    got = cw.open_item(world, grid=grid, resampling="average", overviews=False).values[0] != 0
    there = _degrees(grid)[2]
    inner = there.copy()
    inner[1:-1, 1:-1] &= there[:-2, 1:-1] & there[2:, 1:-1] & there[1:-1, :-2] & there[1:-1, 2:]
    inner[1:-1, 1:-1] &= there[:-2, :-2] & there[2:, 2:] & there[2:, :-2] & there[:-2, 2:]
    assert not (got & ~there).any()
    assert not (inner & ~got).any()


@pytest.mark.parametrize("window", [(0, 0, 40, 280), (100, 120, 90, 60)], ids=["the rim", "the middle"])
def test_windows_have_the_whole_s_pixels(world: Path, grid: cw.Grid, window: tuple[int, int, int, int]) -> None:
    row, col, height, width = window
    da = cw.open_item(world, grid=grid, resampling="bilinear", overviews=False)
    part = da[0, row : row + height, col : col + width].values
    np.testing.assert_array_equal(part, da.values[0, row : row + height, col : col + width])
