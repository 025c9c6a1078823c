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


def _degrees(path: Path, west: float, data: Any, size: float, nodata: float | None = None) -> Path:
    rows, cols = data.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=rows, width=cols, dtype=data.dtype, crs="EPSG:4326", nodata=nodata,
        transform=Affine(size, 0, west, 0, -size, size * rows / 2), tiled=True, blockxsize=64, blockysize=64,
    ) as out:  # fmt: skip
        out.write(data, 1)
    return path


ACROSS = {
    "Mercator": cw.Grid("+proj=merc +lon_0=180 +datum=WGS84", (152_000, 0, -9.4e6, 0, -152_000, 9e6), (70, 141)),
    "polar": cw.Grid("EPSG:3031", (171_000, 0, -1e6, 0, -171_000, -6e5), (12, 14)),
    "degrees": cw.Grid("EPSG:4326", (1.3, 0, 160.2, 0, -1.3, 70), (40, 40)),
    "one column": cw.Grid("EPSG:4326", (2.5, 0, 178.6, 0, -2.5, 70), (40, 1)),
}


@pytest.mark.parametrize("kernel", kernels.AREA)
@pytest.mark.parametrize("grid", ACROSS)
def test_cells_across_the_antimeridian(tmp_path: Path, grid: str, kernel: str) -> None:
    """They are those of the same world counted from Greenwich, which has no end there."""
    rng = np.random.default_rng(1)
    data = rng.integers(1, 250, (360, 720)).astype("float32")
    data[rng.random(data.shape) < 0.2] = 0
    greenwich = _degrees(tmp_path / "greenwich.tif", 0, np.roll(data, -360, axis=1), 0.5, nodata=0)
    across = _degrees(tmp_path / "across.tif", -180, data, 0.5, nodata=0)
    read, plain = (
        cw.open_item(path, grid=ACROSS[grid], resampling=kernel, overviews=False) for path in (across, greenwich)
    )
    got, want = np.asarray(read)[0], np.asarray(plain)[0]
    assert (want != 0).mean() > 0.9
    np.testing.assert_allclose(got, want, rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(read.isel(y=[7, 2]).isel(x=slice(None, None, -1)))[0], got[[7, 2], ::-1])


@pytest.mark.parametrize("kernel", [kernel for kernel in kernels.AREA if kernel != "sum"])
def test_a_place_that_both_ends_hold_counts_once(tmp_path: Path, kernel: str) -> None:
    """A world of 361 columns, whose first and last are centred on the antimeridian."""
    data = np.random.default_rng(2).integers(1, 250, (180, 360)).astype("float32")
    across = _degrees(tmp_path / "across.tif", -180.5, np.hstack([data, data[:, :1]]), 1, nodata=0)
    greenwich = _degrees(tmp_path / "greenwich.tif", -0.5, np.roll(data, -180, axis=1), 1, nodata=0)
    grid = cw.Grid("EPSG:4326", (2.8, 0, 164.6, 0, -2.8, 70), (40, 12))
    got, want = (
        np.asarray(cw.open_item(path, grid=grid, resampling=kernel, overviews=False)) for path in (across, greenwich)
    )
    assert (want != 0).all()
    np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("kernel", ["mode", "min", "max", "med", "q1", "q3", "sum"])
@pytest.mark.parametrize("side", ["west", "east"])
def test_a_raster_that_ends_at_the_antimeridian(tmp_path: Path, side: str, kernel: str) -> None:
    """Its part of a cell is what it would be if nothing but nodata went on beyond."""
    data = np.random.default_rng(4).integers(1, 250, (400, 100)).astype("float32")
    beyond = np.zeros_like(data)
    pixels = [data, beyond] if side == "west" else [beyond, data]
    ends = _degrees(tmp_path / "ends.tif", 170 if side == "west" else -180, data, 0.1, nodata=0)
    goes_on = _degrees(tmp_path / "on.tif", 170, np.hstack(pixels), 0.1, nodata=0)
    for grid in ACROSS["Mercator"], ACROSS["degrees"]:
        got, want = (
            np.asarray(cw.open_item(path, grid=grid, resampling=kernel, overviews=False))[0] for path in (ends, goes_on)
        )
        assert (want != 0).sum() > 10
        np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("width", [357, 359, 360, 361, 362])
@pytest.mark.parametrize("size", [1, 1.003])
def test_a_sum_of_a_world_whose_ends_do_not_meet_loses_nothing(tmp_path: Path, width: int, size: float) -> None:
    """They leave a gap, or lie over one another."""
    data = np.random.default_rng(3).random((100, width))
    path = _degrees(tmp_path / "world.tif", -size * width / 2, data, size)
    degree = 2 * np.pi * 6378137 / 360
    cell = (3.6 * degree, 0, -180 * degree, 0, -3.6 * degree, 72 * degree)
    grid = cw.Grid("+proj=eqc +lon_0=178 +ellps=WGS84", cell, (40, 100))
    got = np.nansum(np.asarray(cw.open_item(path, grid=grid, resampling="sum", overviews=False)))
    assert got == pytest.approx(data.sum(), rel=1e-6)
