"""Rows that any lazy xarray library can be put through: each runs in a fresh process.

A row takes the library and its arguments, and gives what it measured as JSON's types.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from benchmarks import measures
from benchmarks.libraries import Library, Where

Row = Callable[[Library, Where, dict[str, Any]], Any]


def ticker(library: Library, where: Where, args: dict[str, Any]) -> dict[str, Any]:
    """Gaps of a 1 ms ticker: alone, beside busy processes, beside a download, and while large loads are awaited."""
    arrays = [library.open(where, args["box"], days) for days in args["days"]]

    async def main() -> dict[str, Any]:
        told: dict[str, Any] = {}
        alone, crowded, beside, loading = (measures.Ticker() for _ in range(4))
        async with alone.running():
            await asyncio.sleep(0.5)
        with measures.busy_cores(2):
            async with crowded.running():
                await asyncio.sleep(0.5)
        with measures.downloading(args["files"]):
            async with beside.running():
                await asyncio.sleep(1)
        began = time.perf_counter()
        async with loading.running():
            loaded = await asyncio.gather(*(array.load_async() for array in arrays))
        told["seconds"] = time.perf_counter() - began
        told["pixels"] = sum(array.size for array in loaded)
        states = {"alone": alone, "crowded": crowded, "beside a download": beside, "loading": loading}
        return told | {state: gaps.summary() for state, gaps in states.items()}

    return asyncio.run(main())


def windows(library: Library, where: Where, args: dict[str, Any]) -> dict[str, Any]:
    """Several windows of all dates: awaited at once, or one after another. Cold; threads counted."""
    before = measures.threads()
    arrays = [library.open(where, box) for box in args["boxes"]]
    _reset(where)
    most = before

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, measures.threads())
            await asyncio.sleep(0.01)

    async def main() -> float:
        watching = asyncio.ensure_future(watch())
        began = time.perf_counter()
        if args["together"]:
            await asyncio.gather(*(array.load_async() for array in arrays))
        else:
            for array in arrays:
                await array.load_async()
        seconds = time.perf_counter() - began
        watching.cancel()
        return seconds

    cpu = measures.processor_seconds()
    seconds = asyncio.run(main())
    sums = [int(array.sum(dtype="int64")) for array in arrays]
    return {
        "seconds": seconds, "cpu": measures.processor_seconds() - cpu,
        "threads": most - before, "sums": sums,
    }  # fmt: skip


def cancel(library: Library, where: Where, args: dict[str, Any]) -> list[int]:
    """Times, in Unix nanoseconds, at which awaits were cancelled while their requests were under way."""
    array = library.open(where, args["box"])
    array.isel(y=slice(0, 1), x=slice(0, 1)).load()  # headers are known: what is cancelled are tiles
    _reset(where, latency=args["latency"])

    async def one() -> int:
        task = asyncio.ensure_future(array.load_async())
        await asyncio.sleep(args["after"])
        at = time.time_ns()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await asyncio.sleep(args["after"])
        return at

    async def main() -> list[int]:
        return [await one() for _ in range(args["times"])]

    return asyncio.run(main())


def interrupt(library: Library, where: Where, args: dict[str, Any]) -> dict[str, int]:
    """When Ctrl-C was pressed during a blocking load, and when KeyboardInterrupt arrived."""
    array = library.open(where, args["box"])
    array.isel(y=slice(0, 1), x=slice(0, 1)).load()
    _reset(where, latency=args["latency"])
    pressed = 0

    def press() -> None:
        nonlocal pressed
        time.sleep(args["after"])
        pressed = time.time_ns()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    try:
        array.load()
    except KeyboardInterrupt:
        caught = time.time_ns()
    else:
        raise AssertionError("the load had ended before Ctrl-C was pressed")
    time.sleep(args["watch"])  # the process stays: do its requests stop?
    return {"pressed": pressed, "caught": caught}


def leave(library: Library, where: Where, args: dict[str, Any]) -> None:
    """Ends the interpreter while a thread loads."""
    array = library.open(where, args["box"])
    threading.Thread(target=array.load, daemon=True).start()
    time.sleep(args["after"])
    sys.exit(0)


def fork(library: Library, where: Where, args: dict[str, Any]) -> list[float | None]:
    """Milliseconds until a forked child, of a process that has read, fails; None: it hangs."""
    array = library.open(where, args["box"])
    array.isel(time=slice(0, 1)).copy().load()
    return [_forked(array.isel(time=slice(1, 2)), args["patience"]) for _ in range(args["times"])]


def _forked(array: Any, patience: float) -> float | None:
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        began = time.perf_counter()
        try:
            array.copy().load()
        except BaseException:
            os.write(writable, repr(1000 * (time.perf_counter() - began)).encode())
        os._exit(0)
    os.close(writable)
    answered = select.select([readable], [], [], patience)[0]
    if not answered:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    text = os.read(readable, 100)
    os.close(readable)
    return float(text) if text else None


def memory(library: Library, where: Where, args: dict[str, Any]) -> dict[str, int]:
    """Bytes in RAM after one small read, the most of them during a large one, and the result's."""
    array = library.open(where, args["box"], args["days"])
    array.isel(time=slice(0, 1), y=slice(0, 8), x=slice(0, 8)).load()
    small = measures.resident()
    measures.forget_peak()
    loaded = array.load()
    return {"small": small, "peak": measures.peak(), "result": loaded.nbytes}


def lookup(library: Library, where: Where, args: dict[str, Any]) -> dict[str, float]:
    """Milliseconds that one cell of every date takes, of a catalog of which no item touches that cell."""
    array = library.open(where, args["box"])
    cell = array.isel(band=slice(0, 1), y=slice(0, 1), x=slice(0, 1))
    cell.copy().load()  # the first read makes what the others share
    times = []
    for _ in range(args["repeat"]):
        began = time.perf_counter()
        cell.copy().load()
        times.append(time.perf_counter() - began)
    return {"milliseconds": 1000 * min(times)}  # the least: its few microseconds drown in any neighbour


def _reset(where: Where, latency: str | None = None) -> None:
    query = f"?latency={latency}" if latency else ""
    request = urllib.request.Request(f"{where.server}/_reset{query}", method="POST")
    urllib.request.urlopen(request, timeout=10).close()


ROWS: dict[str, Row] = {
    row.__name__: row for row in (ticker, windows, cancel, interrupt, leave, fork, memory, lookup)
}  # fmt: skip
