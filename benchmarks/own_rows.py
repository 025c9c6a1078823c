"""Rows that look at cogweave's own counters or stages; each runs in a fresh process."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import cogweave as cw

from benchmarks import measures
from benchmarks.libraries import Library, Where
from benchmarks.shared_rows import Row, memory


def operations(library: Library, where: Where, args: dict[str, Any]) -> dict[str, float]:
    """Operations and completions that loading one array of all bands and dates takes."""
    array = library.open(where, args["box"])
    with cw.measure() as counted:
        array.load()
    return {name: counted[name] for name in ("native_calls", "completions", "requests")}


def completions(library: Library, where: Where, args: dict[str, Any]) -> dict[str, float]:
    """Microseconds of processor for one of many small awaits, all threads counted.

    The read is of one cell that no item covers: it is submitted, planned, filled and completed.
    `completion` is the last part alone, from ten thousand finished operations in the queue to as many
    arrays in the hands of their callers.
    """
    cell = _plan(where, args["box"])[0, 0, 0:1, 0:1]
    cw.read(cell)
    count = args["count"]

    def read() -> Awaitable[Any]:
        return cw.read_async(cell)

    def through_threads() -> Awaitable[Any]:
        return asyncio.to_thread(cw.read, cell)

    return {
        "completion": asyncio.run(_completion(read, count)),
        "read": asyncio.run(_at_once(read, count)),
        "read in a thread pool": asyncio.run(_at_once(through_threads, count)),
        "thread pool alone": asyncio.run(_at_once(lambda: asyncio.to_thread(int), count)),
        "asyncio alone": asyncio.run(_at_once(_nothing, count)),
    }


async def _at_once(one: Callable[[], Awaitable[Any]], count: int) -> float:
    before = measures.processor_seconds()
    await asyncio.gather(*(one() for _ in range(count)))
    return 1e6 * (measures.processor_seconds() - before) / count


async def _completion(one: Callable[[], Awaitable[Any]], count: int) -> float:
    finished = cw.stats()["completions"] + count
    waiting = asyncio.gather(*(one() for _ in range(count)))
    await asyncio.sleep(0)  # every one is submitted
    while cw.stats()["completions"] < finished:
        time.sleep(0.01)  # noqa: ASYNC251 - the loop must not run before all have finished
    before = measures.processor_seconds()
    await waiting
    return 1e6 * (measures.processor_seconds() - before) / count


async def _nothing() -> None:
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, None)
    await future


def many(library: Library, where: Where, args: dict[str, Any]) -> dict[str, float]:
    """OS threads with ten thousand reads of single cells awaited at once, over those before first use."""
    before = measures.threads()
    plan = _plan(where, args["box"], bands=where.bands[:1])
    _, times, rows, cols = plan.shape
    chance = random.Random(1)
    cells = [
        plan[0, chance.randrange(times), chance.randrange(rows), chance.randrange(cols)] for _ in range(args["count"])
    ]

    async def main() -> int:
        most = 0
        tasks = [asyncio.ensure_future(cw.read_async(cell)) for cell in cells]
        waiting = asyncio.gather(*tasks)
        while not waiting.done():
            most = max(most, measures.threads())
            await asyncio.wait([waiting], timeout=0.01)
        await waiting
        return most

    began = time.perf_counter()
    most = asyncio.run(main())
    return {"threads": most - before, "seconds": time.perf_counter() - began}


def limited_memory(library: Library, where: Where, args: dict[str, Any]) -> dict[str, int]:
    """`memory`, with a memory limit."""
    cw.configure(memory_limit=args["limit"])
    return memory(library, where, args) | {"limit": args["limit"]}


def _plan(where: Where, box: Any, bands: list[str] | None = None) -> Any:
    cw.configure(cache_dir="")
    items = cw.search(where.catalog)
    return cw.plan(items, cw.Grid.from_bbox(box, where.crs, where.resolution), bands=bands or where.bands)


ROWS: dict[str, Row] = {
    row.__name__: row for row in (operations, completions, many, limited_memory)
}  # fmt: skip
