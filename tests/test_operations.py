"""A chunk read is one operation into Go and one completion out, whatever it touches."""

from __future__ import annotations

import asyncio
from typing import Any

import cogweave as cw
import pytest
import xarray as xr

from tests.archive import catalog_table
from tests.conftest import Archive

BANDS = ["B02", "B03", "B04"]


def counted(spent: Any) -> tuple[int, int]:
    return spent["native_calls"], spent["completions"]


@pytest.fixture
def da(arc: Archive) -> xr.DataArray:
    """Three bands, four dates, all items, on a grid that spans both zones."""
    opened: xr.DataArray = cw.open(arc.remote, grid=arc.utm_grid((300, 300), 10), bands=BANDS)
    opened.isel(x=0, y=0, band=0, time=0).load()  # what happens once happens now
    return opened


def test_a_data_array(da: xr.DataArray) -> None:
    with cw.measure() as spent:
        loaded = da.copy().load()
    assert loaded.sizes == {"band": 3, "time": 4, "y": 300, "x": 300}
    assert counted(spent) == (1, 1)
    assert spent["decoded_pixels"] > 0


def test_a_data_array_awaited(da: xr.DataArray) -> None:
    with cw.measure() as spent:
        asyncio.run(da.copy().load_async())
    assert counted(spent) == (1, 1)


@pytest.mark.parametrize("key", [{"time": 0}, {"band": [2, 0]}, {"x": slice(None, None, -7)}], ids=str)
def test_a_part_of_it(da: xr.DataArray, key: dict[str, Any]) -> None:
    with cw.measure() as spent:
        da.isel(key).load()
    assert counted(spent) == (1, 1)


def test_points(da: xr.DataArray) -> None:
    at = xr.DataArray([1, 100, 299], dims="p")
    with cw.measure() as spent:
        da.isel(x=at, y=at).load()
    assert counted(spent) == (1, 1)


def test_a_dataset_has_one_for_each_variable(arc: Archive) -> None:
    grid = arc.utm_grid((200, 200), 10)
    ds = xr.open_dataset(arc.remote, engine="cogweave", grid=grid, bands=BANDS, mask_and_scale=False)
    with cw.measure() as spent:
        ds.load()
    assert counted(spent) == (3, 3)
    again = xr.open_dataset(arc.remote, engine="cogweave", grid=grid, bands=BANDS, mask_and_scale=False)
    with cw.measure() as spent:
        asyncio.run(again.load_async())
    assert counted(spent) == (3, 3)


def test_one_for_each_dask_chunk(arc: Archive) -> None:
    da = cw.open(arc.remote, grid=arc.utm_grid((300, 300), 10), bands=BANDS, chunks={"x": 150, "y": 300, "time": 2})
    with cw.measure() as spent:
        da.compute()
    assert counted(spent) == (4, 4)


def test_a_tile_is_fetched_once(arc: Archive) -> None:
    """The same bytes are never asked for twice by one read."""
    size = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)  # drops what other tests have fetched
    cw.configure(tile_cache=size)
    da = cw.open(arc.remote, grid=arc.utm_grid((300, 300), 10), bands=["B02"])
    arc.server.reset()
    da.load()
    log = [(r["path"], r["range"]) for r in arc.server.requests()]
    assert log and len(log) == len(set(log))
    assert all(r["status"] == 206 for r in arc.server.requests())


def test_a_read_that_fails_completes_once_too(arc: Archive) -> None:
    item = arc.items[0]
    broken = {**item, "assets": {"B04": {**item["assets"]["B04"], "href": arc.server.href("gone/B04.tif")}}}
    da = cw.open(catalog_table([broken]), grid=arc.utm_grid((50, 50), 10), bands=["B04"])
    with cw.measure() as spent, pytest.raises(cw.AssetNotFound):
        da.load()
    assert counted(spent) == (1, 1)
