"""Kernels over areas equal their definition, worked out in numpy, on grids that lie in every way to the raster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pytest
import rasterio
from affine import Affine

from tests import areas, kernels

SIDE, SHAPE = 160, (26, 30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("areas")
    return made


def _unequal(folder: Path, pair: str, dtype: str, kernel: str, factor: float) -> float:
    """The fraction of cells that are not the oracle's, none of them by more than coordinates may err."""
    path = kernels.source(folder, pair, dtype, SIDE)
    grid = kernels.grid_over(path, kernels.PAIRS[pair][2], factor, SHAPE)
    read = cw.open_item(path, grid=grid, resampling=kernel, overviews=False, dtype="float64", nodata=float("nan"))
    got, want = np.asarray(read)[0], areas.cells(path, grid, kernel)
    assert want.valid.mean() > 0.3, "the case must show something"
    assert (np.isnan(got) == ~want.valid).mean() >= 0.999
    both = want.valid & ~np.isnan(got)
    got, exact, slack = got[both], want.values[both], want.slack[both]
    if np.dtype(dtype).kind == "f":
        near = np.abs(got - exact) <= slack + 1e-6 * np.abs(exact)
        equal = near
    else:
        limits = np.iinfo(dtype)
        low, rounded, high = (np.clip(np.floor(exact + 0.5 + by), limits.min, limits.max) for by in (-slack, 0, slack))
        near, equal = (low <= got) & (got <= high), got == rounded
    # Besides, a coordinate's error may put a whole pixel into a box or out of it.
    assert near.mean() >= 0.999
    return float(1 - equal.mean())


@pytest.mark.parametrize("kernel", ["average", "sum"])
def test_pairs_of_crs(folder: Path, kernel: str) -> None:
    """Rotated, sheared, south-up and polar rasters among them."""
    cases = [_unequal(folder, pair, "uint8" if kernel == "average" else "int32", kernel, 1.7) for pair in kernels.PAIRS]
    # A sum of 16 bits a pixel shows what 2e-5 of a pixel is: some roundings change.
    assert np.mean(cases) <= (1e-3 if kernel == "average" else 0.03), cases


@pytest.mark.parametrize("kernel", kernels.AREA)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_dtypes(folder: Path, dtype: str, kernel: str) -> None:
    unequal = _unequal(folder, "UTM to UTM", dtype, kernel, 2.6)
    # Sums of large values show what 2e-5 of a pixel is: some roundings change.
    assert unequal <= (0.06 if kernel == "sum" else 1.5e-3)


@pytest.mark.parametrize("kernel", kernels.AREA)
@pytest.mark.parametrize("factor", [0.6, 1.0, 2.0, 9.4])
def test_scales_of_a_rotated_raster(folder: Path, factor: float, kernel: str) -> None:
    assert _unequal(folder, "rotated", "int16" if kernel != "sum" else "float64", kernel, factor) <= 2e-3


@pytest.mark.parametrize("pair", kernels.PAIRS)
def test_a_sum_over_the_whole_raster_loses_nothing(folder: Path, pair: str) -> None:
    path = kernels.source(folder, pair, "float64", SIDE)
    grid = kernels.grid_over(path, kernels.PAIRS[pair][2], 2.3, (130, 130))
    read = cw.open_item(path, grid=grid, resampling="sum", overviews=False, nodata=float("nan"))
    with rasterio.open(path) as src:
        want = src.read(1, masked=True).sum()
    assert np.nansum(np.asarray(read)) == pytest.approx(want, rel=1e-9)


def test_a_sum_across_the_antimeridian_takes_both_parts(tmp_path: Path) -> None:
    """Of a world in degrees, onto a grid around the antimeridian."""
    y, x = np.mgrid[0:180, 0:360]
    world: Any = 1000 + 300 * np.sin(np.radians(x - 180)) + 2 * y
    path = tmp_path / "world.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=180, width=360, dtype="float64", crs="EPSG:4326",
        transform=Affine(1, 0, -180, 0, -1, 90),
    ) as out:  # fmt: skip
        out.write(world, 1)
    one = 2 * np.pi * 6378137 / 360  # a degree along the equator
    rows, cols = 12, 19
    grid = cw.Grid("+proj=eqc +lon_0=180 +ellps=WGS84", (2 * one, 0, -19 * one, 0, -2 * one, 12 * one), (rows, cols))
    da = cw.open_item(path, grid=grid, resampling="sum", overviews=False)
    got = np.asarray(da)[0]
    near = np.roll(world, 180, axis=1)[90 - 12 : 90 + 12, 180 - 19 : 180 + 19]
    want = near.reshape(rows, 2, cols, 2).sum(axis=(1, 3))
    np.testing.assert_allclose(got, want, rtol=1e-4)
    # Scattered cells are no others.
    np.testing.assert_array_equal(np.asarray(da.isel(y=[7, 2, 3], x=[9, 0, 8]))[0], got[np.ix_([7, 2, 3], [9, 0, 8])])
