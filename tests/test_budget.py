"""One budget for the process: dask's threads share it, they do not multiply it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cogweave as cw
import numpy as np
import pytest

from tests.conftest import Archive


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = cw.configure()
    yield
    cw.configure(**{k: v for k, v in before.items() if k != "cache_dir"})


def test_requests_in_flight(arc: Archive) -> None:
    dask = pytest.importorskip("dask")
    cw.configure(max_requests=6, tile_cache=0)
    arc.server.reset(latency="20ms")
    da = cw.open(
        arc.remote,
        grid=arc.utm_grid((512, 512), 10),
        bands=["B02", "B03", "B04"],
        chunks={"x": 128, "y": 128, "time": 1},
    )
    with dask.config.set(scheduler="threads", num_workers=16):
        da.compute()
    assert arc.server.stats().max_in_flight == 6


def test_requests_for_each_host(arc: Archive) -> None:
    cw.configure(max_requests_per_host=2, tile_cache=0)
    arc.server.reset(latency="5ms")
    cw.open(arc.remote, grid=arc.utm_grid((256, 256), 10), bands=["B02"]).load()
    assert arc.server.stats().max_in_flight == 2


def test_a_read_larger_than_the_budget_runs_in_pieces(arc: Archive) -> None:
    plan = cw.plan(cw.search(arc.remote), arc.utm_grid((512, 512), 10), bands=["B02", "B03", "B04"])
    want = cw.read(plan)
    cw.configure(memory_limit=3 << 20, tile_cache=0)
    np.testing.assert_array_equal(cw.read(plan), want)


def test_what_can_never_fit(arc: Archive) -> None:
    """A block of cells over a whole file without overviews needs all its tiles at once: more than the least budget."""
    items = cw.search(arc.remote)
    bands = ["B02", "B03", "B04", "SCL"]
    headers = cw.headers(items, bands)
    grid = arc.utm_grid((64, 64), 80)
    plan = cw.plan(items, grid, bands=bands, headers=headers, overviews=False, resampling="average")
    cw.configure(memory_limit=1 << 20, tile_cache=0)
    arc.server.reset()
    with pytest.raises(cw.BudgetExceeded, match="memory_limit"):
        cw.read(plan)
    assert arc.server.stats().requests == 0


def test_a_result_that_no_memory_holds(arc: Archive) -> None:
    left, _, _, top = arc.utm_grid((64, 64), 10).bbox
    grid = cw.Grid("EPSG:32632", (0.001, 0, left, 0, -0.001, top), (1_000_000, 1_000_000))
    da = cw.open(arc.local, grid=grid, bands=["B02"])
    with pytest.raises(cw.BudgetExceeded, match="8000000000000 bytes"):
        da.load()


@pytest.mark.parametrize(
    "nonsense",
    [
        {"threads": 0},
        {"threads": "many"},
        {"memory_limit": -1},
        {"max_requests": 0},
        {"requests_per_second": float("nan")},
        {"colour": 3},
    ],
    ids=str,
)
def test_nonsense(nonsense: dict[str, Any]) -> None:
    before = cw.configure()
    (name,) = nonsense
    with pytest.raises((cw.InvalidArgument, TypeError), match=name):
        cw.configure(lookahead=before["lookahead"] + 1, deny_private=True, **nonsense)
    assert cw.configure() == before, "what makes sense beside it is not taken either"


def test_a_small_read_beside_a_large_one(arc: Archive) -> None:
    """Admission is first come, first served, but a large read's queue does not shut a small one out."""
    import asyncio

    large = cw.plan(cw.search(arc.remote), arc.utm_grid((512, 512), 10), bands=["B02", "B03", "B04", "SCL"])
    small = large[0, 0, :8, :8]
    cw.read(small)
    cw.configure(max_requests=2, tile_cache=0)
    arc.server.reset(latency="30ms")

    async def main() -> tuple[int, int]:
        slow = asyncio.ensure_future(cw.read_async(large))
        while arc.server.stats().requests < 2:
            assert not slow.done()
            await asyncio.sleep(0.005)
        await cw.read_async(small)
        asked = arc.server.stats().requests
        assert not slow.done()
        await slow
        return asked, arc.server.stats().requests

    asked, whole = asyncio.run(main())
    assert asked < whole / 2
