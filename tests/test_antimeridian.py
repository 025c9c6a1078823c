"""Rasters in degrees on grids across the antimeridian and around poles: the pixels of exact transforms, however cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine

ROWS, COLS, SIZE = 900, 1800, 0.2
GRIDS = {
    "Mercator": cw.Grid("EPSG:3832", (20_000, 0, 2_000_300, 0, -20_000, 7e6), (700, 150)),
    "wide Mercator": cw.Grid("EPSG:3832", (30_000, 0, -18e6, 0, -30_000, 15e6), (1000, 1200)),
    "UTM": cw.Grid("EPSG:32660", (1000, 0, 300_000, 0, -1000, 7_000_000), (600, 900)),
    "beside a pole": cw.Grid("EPSG:3413", (5000, 0, -2_400_700, 0, -5000, 3_000_300), (560, 600)),
    "around a pole": cw.Grid("EPSG:3995", (9000, 0, -3_000_400, 0, -9000, 2_400_700), (700, 700)),
    "around the other": cw.Grid("EPSG:3031", (2000, 0, -300_400, 0, -2000, 240_700), (200, 310)),
}


def _world(path: Path, begins: float, pixels: Any) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=ROWS, width=COLS, dtype=pixels.dtype, crs="EPSG:4326", nodata=0,
        tiled=True, blockxsize=128, blockysize=128, transform=Affine(SIZE, 0, begins, 0, -SIZE, 90),
    ) as out:  # fmt: skip
        out.write(pixels, 1)
    return path


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The same world, each pixel with a number of its own, counted from -180 and from 0."""
    folder = tmp_path_factory.mktemp("worlds")
    pixels = (np.arange(ROWS * COLS, dtype="uint32") + 1).reshape(ROWS, COLS)
    return {
        -180: _world(folder / "west.tif", -180, pixels),
        0: _world(folder / "greenwich.tif", 0, np.roll(pixels, -COLS // 2, axis=1)),
    }


def _pixels(grid: cw.Grid) -> tuple[Any, Any]:
    """Column and row of the first world under each cell's centre, by pyproj."""
    a, _, c, _, e, f = tuple(grid.transform)[:6]
    rows, cols = grid.shape
    x, y = np.meshgrid(c + a * (np.arange(cols) + 0.5), f + e * (np.arange(rows) + 0.5))
    lon, lat = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True).transform(x, y)
    return (lon + 180) / SIZE, (90 - lat) / SIZE


@pytest.mark.parametrize("begins", [-180, 0])
@pytest.mark.parametrize("name", GRIDS)
def test_nearest_is_pyproj_s(worlds: dict[int, Path], name: str, begins: int) -> None:
    grid = GRIDS[name]
    da = cw.open_item(worlds[begins], grid=grid, overviews=False)
    got = np.asarray(da)[0]
    col, row = _pixels(grid)
    want = np.floor(row) * COLS + np.floor(col) % COLS + 1
    edge = np.minimum(np.abs(col - np.round(col)), np.abs(row - np.round(row)))
    assert edge.max() > 0.4
    np.testing.assert_array_equal(got[edge > 2e-5], want[edge > 2e-5])
    rows, cols = slice(37, 411), slice(70, 140)
    np.testing.assert_array_equal(np.asarray(da.isel(y=rows, x=cols))[0], got[rows, cols])
    some, others = [140, 3, 66], [99, 64, 0]
    np.testing.assert_array_equal(np.asarray(da.isel(y=some, x=others))[0], got[np.ix_(some, others)])


@pytest.mark.parametrize("kernel", ["nearest", "bilinear", "average"])
@pytest.mark.parametrize("begins", [-180, 0])
@pytest.mark.parametrize(
    "grid",
    [
        cw.Grid("EPSG:3995", (10_000, 0, -505_000, 0, -10_000, 3_000_000), (101, 101)),
        cw.Grid("EPSG:3031", (10_000, 0, -505_000, 0, -10_000, -1_000_000), (101, 101)),
        cw.Grid("EPSG:3832", (10_000, 0, 3339584.723798207 - 505_000, 0, -10_000, 500_000), (101, 101)),
    ],
    ids=["3995", "3031", "3832"],
)
def test_cells_centred_on_the_antimeridian_have_pixels(
    worlds: dict[int, Path], grid: cw.Grid, begins: int, kernel: str
) -> None:
    """PROJ gives 180 there, which is as much -180: a world has a pixel at one end."""
    got = np.asarray(cw.open_item(worlds[begins], grid=grid, resampling=kernel, overviews=False))
    assert got.all()
