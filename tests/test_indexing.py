"""Every kind of index gives, lazily, what the loaded array gives."""

from __future__ import annotations

from typing import Any

import cogweave as cw
import numpy as np
import pytest
import xarray as xr

from tests.conftest import Archive
from tests.items import native_grid

CASES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "integers": {"band": 1, "time": 2, "y": 10, "x": 20},
    "negative integers": {"time": -1, "x": -3},
    "slices": {"y": slice(5, 40), "x": slice(None, 30)},
    "steps": {"y": slice(3, None, 4), "x": slice(1, 50, 7), "time": slice(None, None, 2)},
    "negative steps": {"y": slice(None, None, -1), "x": slice(40, 3, -3), "time": slice(None, None, -1)},
    "empty slice": {"y": slice(7, 7)},
    "empty list": {"x": []},
    "lists": {"y": [3, 1, 1, 40], "x": [0, 59]},
    "unsorted times and bands": {"time": [3, 0, 2, 0], "band": [1, 0]},
    "negative in lists": {"x": [-1, 0, -60]},
    "boolean mask": {"time": np.array([True, False, True, True])},
    "list beside slice": {"band": [1], "y": slice(10, 20, 3), "x": [5, 4, 4]},
    "single points": {"y": xr.DataArray([1, 40, 40], dims="p"), "x": xr.DataArray([50, 2, 2], dims="p")},
    "points on all axes": {
        "band": xr.DataArray([1, 0, 1], dims="p"),
        "time": xr.DataArray([0, 3, 1], dims="p"),
        "y": xr.DataArray([0, 22, 49], dims="p"),
        "x": xr.DataArray([59, 0, 8], dims="p"),
    },
    "points beside a slice": {
        "y": xr.DataArray([1, 40], dims="p"),
        "x": xr.DataArray([50, 2], dims="p"),
        "time": slice(1, 3),
    },
    "points in two dimensions": {
        "y": xr.DataArray([[1, 2, 3], [4, 5, 6]], dims=("a", "b")),
        "x": xr.DataArray([[9, 8, 7], [6, 5, 4]], dims=("a", "b")),
    },
    "broadcast": {"y": xr.DataArray([1, 7, 3], dims="a"), "x": xr.DataArray([9, 2], dims="b")},
    "points beside a list": {"y": xr.DataArray([1, 7], dims="a"), "time": [2, 0]},
    "no points": {"y": xr.DataArray(np.array([], int), dims="p"), "x": xr.DataArray(np.array([], int), dims="p")},
}


@pytest.fixture(scope="module")
def lazy_and_loaded(made: Archive) -> tuple[Any, xr.DataArray]:
    def opened() -> xr.DataArray:
        return cw.open(made.remote, grid=made.utm_grid((50, 60), 10), bands=["B04", "SCL"])

    loaded = opened().load()
    assert len(np.unique(loaded.values)) > 100
    return opened, loaded


@pytest.mark.parametrize("key", CASES.values(), ids=CASES.keys())
def test_isel(lazy_and_loaded: tuple[Any, xr.DataArray], key: dict[str, Any]) -> None:
    opened, loaded = lazy_and_loaded
    part = opened().isel(key)
    assert not part.variable._in_memory
    xr.testing.assert_identical(part.load(), loaded.isel(key))


def test_indexes_compose(lazy_and_loaded: tuple[Any, xr.DataArray]) -> None:
    opened, loaded = lazy_and_loaded

    def chain(da: xr.DataArray) -> xr.DataArray:
        return da[1, ::-1].isel(y=slice(40, 4, -2)).isel(x=[50, 3, 9], y=slice(1, None, 3))

    xr.testing.assert_identical(chain(opened()).load(), chain(loaded))


def test_sel_by_label(lazy_and_loaded: tuple[Any, xr.DataArray]) -> None:
    opened, loaded = lazy_and_loaded
    key = {"x": float(loaded.x[7]) + 2, "y": float(loaded.y[33]) - 2}

    def select(da: xr.DataArray) -> xr.DataArray:
        return da.sel(key, method="nearest").sel(band="SCL", time="2025-05")

    assert select(loaded).shape == (2,)
    xr.testing.assert_identical(select(opened()).load(), select(loaded))


def test_no_dimension_is_left(lazy_and_loaded: tuple[Any, xr.DataArray]) -> None:
    opened, loaded = lazy_and_loaded
    value = opened()[0, 3, 20, 30].values
    assert value.shape == () and value == loaded.values[0, 3, 20, 30]


@pytest.mark.parametrize("key", [{"x": 60}, {"y": -51}, {"time": [0, 4]}], ids=str)
def test_beyond_the_end_is_an_index_error(lazy_and_loaded: tuple[Any, xr.DataArray], key: dict[str, Any]) -> None:
    opened, _ = lazy_and_loaded
    with pytest.raises(IndexError):
        opened().isel(key).load()


def test_points_read_only_their_tiles(made: Archive) -> None:
    """Two far corners as points touch two tiles of each file; their product of rows and columns, four."""
    item = made.item("32TQR", "20250608")
    da = cw.open(made.local, grid=native_grid(made.path(item, "B03")), bands=["B03"], ids=[item["id"]])
    at = xr.DataArray([127, 511], dims="p")  # in the last rows of their tiles: these are decoded whole
    with cw.measure() as points:
        da.isel(y=at, x=at).load()
    assert points["decoded_pixels"] == 2 * 128 * 128
