"""Completions reach every kind of event loop, and none is lost."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pytest

from tests.conftest import Archive


@pytest.fixture
def plan(arc: Archive) -> Any:
    return cw.plan(cw.search(arc.local), arc.utm_grid((64, 64), 10), bands=["B02"])


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_asyncio_run_in_a_row(plan: Any) -> None:
    want = cw.read(plan)
    asyncio.run(cw.read_async(plan))
    gc.collect()
    before = descriptors()
    for _ in range(100):
        np.testing.assert_array_equal(asyncio.run(cw.read_async(plan)), want)
    gc.collect()
    assert descriptors() <= before


def test_uvloop(plan: Any) -> None:
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        np.testing.assert_array_equal(runner.run(cw.read_async(plan)), cw.read(plan))


def test_inside_a_running_loop(plan: Any) -> None:
    """The plain form in a coroutine, as in a notebook's cell."""

    async def cell() -> Any:
        return cw.read(plan), await cw.read_async(plan)

    plain, awaited = asyncio.run(cell())
    np.testing.assert_array_equal(plain, awaited)


def test_a_loop_without_add_reader(plan: Any) -> None:
    base = asyncio.new_event_loop()
    original = base.add_reader
    refused = []

    def refuse(fd: int, callback: Any, *args: Any) -> None:
        if getattr(callback, "__name__", "") == "drain":
            refused.append(fd)
            raise NotImplementedError
        original(fd, callback, *args)

    base.add_reader = refuse  # type: ignore[method-assign]
    try:
        np.testing.assert_array_equal(base.run_until_complete(cw.read_async(plan)), cw.read(plan))
    finally:
        base.close()
    assert len(refused) == 1


def test_several_loops_in_several_threads(plan: Any) -> None:
    """Three loops, a third of the awaits cancelled at random: every other one gets its pixels."""
    want = cw.read(plan)
    problems: list[str] = []

    async def one(seed: int) -> str:
        task = asyncio.ensure_future(cw.read_async(plan))
        chance = random.Random(seed)
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() * 0.005)
            task.cancel()
        try:
            got = await task
        except asyncio.CancelledError:
            return "cancelled"
        return "right" if np.array_equal(got, want) else "wrong"

    def loop(number: int) -> None:
        async def main() -> list[str]:
            return await asyncio.gather(
                *(one(number * 1000 + i) for i in range(int(os.environ.get("COGWEAVE_SOAK", 100))))
            )

        try:
            outcomes = asyncio.run(main())
        except BaseException as problem:  # the thread's own outcome
            problems.append(repr(problem))
            return
        if "wrong" in outcomes or "right" not in outcomes:
            problems.append(str(outcomes))

    threads = [threading.Thread(target=loop, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a wake-up was lost"
    assert problems == []


def test_many_awaits_need_few_threads(plan: Any) -> None:
    async def main() -> int:
        tasks = [asyncio.ensure_future(cw.read_async(plan)) for _ in range(1000)]
        most = 0
        while not all(t.done() for t in tasks):
            most = max(most, len(os.listdir("/proc/self/task")))
            await asyncio.sleep(0.005)
        for task in tasks:
            task.result()
        return most

    before = len(os.listdir("/proc/self/task"))
    assert asyncio.run(main()) - before <= (os.cpu_count() or 1) + 16


def test_no_python_thread_for_completions(plan: Any) -> None:
    async def main() -> set[str]:
        task = asyncio.ensure_future(cw.read_async(plan))
        names = {t.name for t in threading.enumerate()}
        await task
        return names | {t.name for t in threading.enumerate()}

    before = {t.name for t in threading.enumerate()}
    # The loop's executor does work of Python's own, such as building coordinates; completions need none.
    assert {n for n in asyncio.run(main()) - before if not n.startswith("asyncio_")} == set()
