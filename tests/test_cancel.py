"""Cancelling ends the work: no new request, no lost memory, no completion that nobody takes."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Any

import cogweave as cw
import numpy as np
import pytest

from tests.conftest import Archive

pytestmark = pytest.mark.usefixtures("arc")


def until(condition: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@pytest.fixture
def plan(arc: Archive) -> Any:
    items = cw.search(arc.remote)
    return cw.plan(items, arc.utm_grid((512, 512), 10), bands=["B02", "B03", "B04"], headers=cw.headers(items))


@pytest.fixture
def cold(arc: Archive, plan: Any) -> Any:
    """Headers are known, no tile is, and no answer comes before `until` gives up: what ends ends by the cancel."""
    before = cw.configure()
    cw.configure(tile_cache=0)
    arc.server.reset(latency="30s")
    yield
    cw.configure(tile_cache=before["tile_cache"])
    arc.server.reset(latency="0s")


def idle() -> bool:
    return cw.stats()["in_flight"] == 0


@pytest.mark.usefixtures("cold")
def test_a_cancelled_await_stops_its_requests(arc: Archive, plan: Any) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(cw.read_async(plan))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert until(idle)
    assert until(lambda: arc.server.stats().in_flight == 0)
    sent = arc.server.stats()
    assert sent.aborted == sent.requests > 0
    time.sleep(0.3)
    assert arc.server.stats().requests == sent.requests, "requests went on after the cancel"


@pytest.mark.usefixtures("cold")
def test_a_deadline(plan: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(0.1):
            await cw.read_async(plan)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert until(idle)


@pytest.mark.usefixtures("cold")
def test_a_forgotten_future(plan: Any) -> None:
    async def main() -> None:
        read = cw.read_async(plan)
        asyncio.ensure_future(read)
        await asyncio.sleep(0.1)

    asyncio.run(main())  # run() cancels what is left
    gc.collect()
    assert until(idle)


@pytest.mark.usefixtures("cold")
def test_a_closed_loop(plan: Any) -> None:
    loop = asyncio.new_event_loop()
    task = loop.create_task(cw.read_async(plan))
    loop.run_until_complete(asyncio.sleep(0.1))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()
    assert until(idle)


@pytest.mark.usefixtures("cold")
def test_a_waiter_inherits_a_cancelled_fetch(arc: Archive, plan: Any) -> None:
    """Two reads want the same tiles; the one that started them is cancelled; the other gets its pixels."""
    arc.server.reset(latency="0s")
    want = cw.read(plan)
    arc.server.reset(latency="400ms")

    async def main() -> np.ndarray[Any, Any]:
        first = asyncio.ensure_future(cw.read_async(plan))
        await asyncio.sleep(0.05)
        second = asyncio.ensure_future(cw.read_async(plan))
        await asyncio.sleep(0.05)
        assert arc.server.stats().in_flight > 0
        first.cancel()
        return await second

    got = asyncio.run(main())
    np.testing.assert_array_equal(got, want)
    asked = [(request["path"], request["range"]) for request in arc.server.requests()]
    assert len(asked) == len(set(asked)), "the second did not wait for the first one's tiles"
    assert arc.server.stats().aborted == 0


@pytest.mark.usefixtures("cold")
def test_cancel_all(plan: Any) -> None:
    async def main() -> None:
        tasks = [asyncio.ensure_future(cw.read_async(plan)) for _ in range(3)]
        await asyncio.sleep(0.1)
        cw.cancel_all()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(r, cw.Cancelled) for r in results), results

    asyncio.run(main())
    assert until(idle)


def test_memory_returns(plan: Any) -> None:
    size = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    try:
        gc.collect()
        before = cw.stats()["memory"]
        pixels = cw.read(plan)
        assert cw.stats()["memory"] >= before + pixels.nbytes
        del pixels
        assert until(lambda: cw.stats()["memory"] <= before)
    finally:
        cw.configure(tile_cache=size)


def test_the_next_call_works(plan: Any) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(cw.read_async(plan))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        np.testing.assert_array_equal(await cw.read_async(plan), cw.read(plan))

    asyncio.run(main())
