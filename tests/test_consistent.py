"""consistent=True: the bands of one pixel come from the same item, however the array is sliced."""

from __future__ import annotations

from typing import Any

import cogweave as cw
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.test_methods import SIMPLE, Stack, made


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return Stack(tmp_path_factory.mktemp("consistent"), made(np.random.default_rng(11), 6, 3, 900, 0.35))


def whole_items(stack: Stack) -> Any:
    """The stack, an item's pixel masked in all bands where it is in one."""
    masked = np.ma.getmaskarray(stack.pixels).any(1)
    return np.ma.array(stack.pixels.data, mask=np.broadcast_to(masked[:, None], stack.pixels.shape))


@pytest.mark.parametrize("method", ["first", "last", "mean", "median", "count"])
def test_only_whole_pixels_of_items_count(stack: Stack, method: str) -> None:
    got = stack.read(mosaic_method=method, consistent=True)
    np.testing.assert_array_equal(got, SIMPLE[method](whole_items(stack)))
    assert (got != stack.read(mosaic_method=method)).any()


def test_every_pixel_is_one_item_s(stack: Stack) -> None:
    got = stack.read(consistent=True)
    filled = (got != 0).all(0)
    assert 0.5 < filled.mean() < 1
    assert ((got != 0).any(0) == filled).all()
    same = (stack.pixels.filled(0) == got[None]).all(1).any(0)
    assert same[filled].all()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bands=st.lists(st.integers(0, 2), min_size=1, max_size=4),
    row=st.integers(0, 69), col=st.integers(0, 69), height=st.integers(1, 70), width=st.integers(1, 70),
    method=st.sampled_from(["first", "median", "medoid", "best(b2)"]),
)  # fmt: skip
def test_slices_agree(stack: Stack, bands: list[int], row: int, col: int, height: int, width: int, method: str) -> None:
    da = stack.open(consistent=True, mosaic_method=method).isel(time=0)
    part = {"y": slice(row, row + height), "x": slice(col, col + width)}
    whole = da.copy().load()
    np.testing.assert_array_equal(da.isel(band=bands, **part).values, whole.isel(band=bands, **part).values)


def test_a_dataset_s_variables_agree_too(stack: Stack) -> None:
    ds = xr.open_dataset(stack.table, engine="cogweave", grid=stack.grid, bands=stack.bands, time_period="P1Y",
                         consistent=True, mask_and_scale=False)  # fmt: skip
    np.testing.assert_array_equal(np.stack([ds[b].values[0] for b in stack.bands]), stack.read(consistent=True))


@pytest.mark.parametrize("method", ["highest", "lowest"])
def test_methods_that_take_each_band_by_itself_are_refused(stack: Stack, method: str) -> None:
    with pytest.raises(cw.InvalidArgument, match="best\\(band\\) chooses an item"):
        stack.open(mosaic_method=method, consistent=True)
