"""Awaiting gives what calling gives, and leaves the event loop free."""

from __future__ import annotations

import asyncio
import time

import cogweave as cw
import numpy as np
import pyarrow as pa
import pytest
import xarray as xr

from tests.conftest import Archive
from tests.items import open_file


def test_load_async_equals_load(arc: Archive) -> None:
    grid = arc.utm_grid((120, 130), 10)
    called = cw.open(arc.remote, grid=grid).load()
    awaited = asyncio.run(cw.open(arc.remote, grid=grid).load_async())
    xr.testing.assert_identical(awaited, called)


def test_dataset_load_async_equals_load(arc: Archive) -> None:
    grid = arc.utm_grid((120, 130), 10)

    def opened() -> xr.Dataset:
        return xr.open_dataset(arc.remote, engine="cogweave", grid=grid, bands=["B04", "SCL"])

    xr.testing.assert_identical(asyncio.run(opened().load_async()), opened().load())


def test_points_and_lists_async(arc: Archive) -> None:
    da = cw.open(arc.remote, grid=arc.utm_grid((120, 130), 10), bands=["B04"])
    loaded = da.copy().load()
    at = xr.DataArray([3, 119, 50], dims="p")
    for key in ({"x": at, "y": at}, {"x": [5, 2], "time": [3, 1]}, {"y": slice(None, None, -9)}):
        xr.testing.assert_identical(asyncio.run(da.isel(key).load_async()), loaded.isel(key))


def test_every_stage_has_an_awaitable_twin(arc: Archive) -> None:
    grid = arc.utm_grid((80, 90), 10)

    async def awaited() -> tuple[np.ndarray, np.ndarray, xr.DataArray]:
        items = await cw.search_async(arc.remote, datetime="2025-05")
        headers = await cw.headers_async(items, ["B04"])
        plan = await cw.plan_async(items, grid, bands=["B04"], headers=headers)
        tiles = await cw.fetch_async(plan)
        opened = await cw.open_async(arc.remote, grid=grid, bands=["B04"], datetime="2025-05")
        return await cw.mosaic_async(plan, tiles), await cw.read_async(plan), opened

    mosaic, read, opened = asyncio.run(awaited())
    items = cw.search(arc.remote, datetime="2025-05")
    want = cw.read(cw.plan(items, grid, bands=["B04"]))
    assert want.any()
    for got in (mosaic, read, opened.values):
        np.testing.assert_array_equal(got, want)


def test_many_at_once(arc: Archive) -> None:
    grid = arc.utm_grid((120, 130), 10)
    whole = cw.open(arc.remote, grid=grid, bands=["B04"]).load()
    da = cw.open(arc.remote, grid=grid, bands=["B04"])

    async def rows() -> list[xr.DataArray]:
        return await asyncio.gather(*(da.isel(y=[row]).load_async() for row in range(0, 120, 3)))

    got = xr.concat(asyncio.run(rows()), "y")
    np.testing.assert_array_equal(got.values, whole.isel(y=slice(None, None, 3)).values)


def test_the_loop_runs_while_a_read_waits(arc: Archive) -> None:
    """With 200 ms of latency a ticker of 5 ms keeps ticking."""
    da = cw.open(arc.remote, grid=arc.utm_grid((300, 300), 10))
    arc.server.reset(latency="200ms")

    async def ticks() -> tuple[int, float]:
        reading = asyncio.ensure_future(da.load_async())
        count, longest, last = 0, 0.0, time.perf_counter()
        while not reading.done():
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            count, longest, last = count + 1, max(longest, now - last), now
        await reading
        return count, longest

    count, longest = asyncio.run(ticks())
    assert count > 20
    assert longest < 0.15


def test_an_error_is_raised_where_it_is_awaited(arc: Archive) -> None:
    async def awaited() -> None:
        await open_file(arc.path(arc.items[0], "B04"), arc.server.href("gone.tif")).load_async()

    async def searched() -> None:
        await cw.search_async(str(arc.folder / "gone.parquet"))

    with pytest.raises(cw.AssetNotFound, match="gone.tif"):
        asyncio.run(awaited())
    with pytest.raises(cw.CogweaveError, match="gone.parquet"):
        asyncio.run(searched())


def test_the_plain_form_works_inside_a_running_loop(arc: Archive) -> None:
    """A notebook's cell runs inside a loop."""

    async def cell() -> int:
        return pa.table(cw.search(arc.remote)).num_rows

    assert asyncio.run(cell()) == len(arc.items)
