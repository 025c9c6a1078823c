"""What is measured inside a process: gaps of an event loop, threads, processor time, memory.

Standard library only: the peers' interpreters import it too.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path


class Ticker:
    """A task that sleeps 1 ms over and over, and notes how long after its last turn it has the next.

    Times are milliseconds and include the millisecond that was asked for.
    """

    def __init__(self) -> None:
        self.gaps: list[float] = []

    async def _run(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.gaps.append(1000 * (now - last))
            last = now

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.ensure_future(self._run())
        await asyncio.sleep(0.02)  # the first turns belong to nobody
        self.gaps.clear()
        try:
            yield
        finally:
            await asyncio.sleep(0.003)
            task.cancel()

    def summary(self) -> dict[str, float]:
        return {"largest": max(self.gaps), "p99": percentile(self.gaps, 99), "p50": percentile(self.gaps, 50)}


def percentile(values: Sequence[float], p: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[p - 1] if len(values) > 1 else values[0]


def processor_seconds() -> float:
    """User and system time of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def threads() -> int:
    """Threads that the kernel knows of, whoever started them."""
    return len(os.listdir("/proc/self/task"))


def resident() -> int:
    """Bytes in RAM now."""
    return _status("VmRSS")


def forget_peak() -> None:
    """Starts `peak` anew from the present size."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Most bytes in RAM since the start or `forget_peak`."""
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


DOWNLOAD = """
import sys, threading, urllib.request
def download(url):
    while True:
        with urllib.request.urlopen(url) as answer:
            while answer.read(1 << 20):
                pass
for url in sys.argv[1:]:
    threading.Thread(target=download, args=(url,)).start()
"""


@contextmanager
def downloading(urls: Sequence[str]) -> Iterator[None]:
    """Another process, at the lowest priority, that only downloads: what a loop suffers of loopback itself.

    Client and server share the machine here, and the kernel moves their bytes in whoever's time it is.
    """
    process = subprocess.Popen(["nice", "-n", "19", sys.executable, "-c", DOWNLOAD, *urls])
    try:
        time.sleep(0.3)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Processes that do nothing but use a core each: what any program on a busy machine suffers."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(0.2)
        yield
    finally:
        for process in spinning:
            process.kill()
        for process in spinning:
            process.wait()
