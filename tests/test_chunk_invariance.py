"""The same pixels, to the last bit, however an array is sliced, chunked or indexed: every kernel, every method."""

from __future__ import annotations

import functools
from typing import Any

import cogweave as cw
import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from tests.conftest import Archive

KERNELS = [
    "nearest", "bilinear", "cubic", "cubic_spline", "lanczos",
    "average", "rms", "mode", "min", "max", "med", "q1", "q3", "sum",
]  # fmt: skip
METHODS = [
    "first", "last", "highest", "lowest", "mean", "median", "stdev", "sum", "count",
    "percentile(30)", "medoid", "best(B03)",
]  # fmt: skip
ROWS, COLS = 150, 170
# In another CRS than half of the items, or than all; finer than the pixels, coarser, rotated.
GRIDS = {
    "utm": lambda arc: arc.utm_grid((ROWS, COLS), 13.0, 32633),
    "mercator": lambda arc: _over(arc, "EPSG:3857", 37.0),
    "lonlat": lambda arc: _over(arc, "EPSG:4326", 0.00021),
    "rotated": lambda arc: _turned(arc.utm_grid((ROWS, COLS), 17.0)),
}

Pixels = npt.NDArray[Any]


def _over(arc: Archive, crs: str, resolution: float) -> cw.Grid:
    x0, y0, x1, y1 = arc.utm_grid((ROWS, COLS), 10.0).bbox
    x, y = Transformer.from_crs("EPSG:32632", crs, always_xy=True).transform((x0 + x1) / 2, (y0 + y1) / 2)
    corner = x - COLS * resolution / 2, y + ROWS * resolution / 2
    return cw.Grid(crs, (resolution, 0, corner[0], 0, -resolution, corner[1]), (ROWS, COLS))


def _turned(grid: cw.Grid) -> cw.Grid:
    a, _, c, _, e, f = grid.transform
    return cw.Grid(grid.crs, (0.9 * a, 0.4 * a, c, 0.4 * e, 0.9 * e, f), grid.shape)


@pytest.fixture(scope="module")
def opened(made: Archive) -> Any:
    """Arrays and their pixels as one read gives them, made once for each grid, kernel and method."""

    @functools.cache
    def opened(grid: str, kernel: str, method: str) -> tuple[xr.DataArray, Pixels]:
        arguments: dict[str, Any] = {
            "grid": GRIDS[grid](made), "bands": ["B04", "B03"],
            "resampling": kernel, "mosaic_method": method, "time_period": "P1M",
        }  # fmt: skip
        # An array keeps what was read of it whole: windows are read from another.
        return cw.open(made.local, **arguments), cw.open(made.local, **arguments).values

    return opened


def _axis(size: int) -> st.SearchStrategy[Any]:
    ends = st.integers(-size - 3, size + 3)
    steps = st.integers(-7, 7).filter(bool)
    backwards = st.builds(slice, st.one_of(st.none(), ends), st.one_of(st.none(), ends), steps)
    return st.one_of(
        st.builds(slice, ends, ends),
        # xarray 2026.9 gives every lazy array's whole axis, reversed, for slice(-size - 1, None, -1), which is empty.
        backwards.filter(lambda s: s.step > 0 or s.start is None or s.start >= -size),
        st.integers(0, size - 1),
        st.lists(st.integers(0, size - 1), min_size=1, max_size=5),
    )


@given(
    grid=st.sampled_from(sorted(GRIDS)),
    kernel_and_method=st.one_of(
        st.tuples(st.sampled_from(KERNELS), st.just("first")), st.tuples(st.just("nearest"), st.sampled_from(METHODS))
    ),
    y=_axis(ROWS),
    x=_axis(COLS),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_window_has_the_whole_s_pixels(
    opened: Any, grid: str, kernel_and_method: tuple[str, str], y: Any, x: Any
) -> None:
    array, whole = opened(grid, *kernel_and_method)
    expected = xr.DataArray(whole, dims=array.dims).isel(y=y, x=x).values
    np.testing.assert_array_equal(_bits(array.isel(y=y, x=x).values), _bits(expected))


@given(
    kernel=st.sampled_from(KERNELS),
    points=st.lists(st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLS - 1)), min_size=1, max_size=8),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_points_have_the_whole_s_pixels(opened: Any, kernel: str, points: list[tuple[int, int]]) -> None:
    array, whole = opened("mercator", kernel, "first")
    rows, cols = (xr.DataArray(list(axis), dims="point") for axis in zip(*points, strict=True))
    got = array.isel(y=rows, x=cols).transpose("band", "time", "point").values
    np.testing.assert_array_equal(_bits(got), _bits(whole[:, :, rows.values, cols.values]))


@pytest.mark.parametrize("kernel", ["nearest", "lanczos", "average"])
@pytest.mark.parametrize("size", [41, 64, 100])
def test_dask_chunks_have_the_whole_s_pixels(opened: Any, made: Archive, kernel: str, size: int) -> None:
    _, whole = opened("mercator", kernel, "first")
    chunked = cw.open(
        made.local,
        grid=GRIDS["mercator"](made),
        bands=["B04", "B03"],
        resampling=kernel,
        time_period="P1M",
        chunks={"band": 1, "y": size, "x": size},
    )
    np.testing.assert_array_equal(_bits(chunked.values), _bits(whole))


def test_the_cases_show_something(opened: Any) -> None:
    """Windows of nodata would agree whatever the kernels did."""
    for grid in GRIDS:
        _, whole = opened(grid, "bilinear", "first")
        assert 0.3 < (whole != 0).mean() <= 1, grid


def _bits(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels).view(f"u{pixels.dtype.itemsize}")
