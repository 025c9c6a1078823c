"""The full numbers of promises that the suite checks with small ones: `make soak`.

300 interpreters that end in the middle of a read, in five ways; 200 forks of a process that is
reading; 10,000 awaits over three loops in three threads, a third of them cancelled at random.
Prints "N passed, N failed", and what failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import scene
from tests import scripts
from tests.servers import ROOT, RangeServer

LEAVE = """
    import asyncio, sys, threading, time
    import cogweave as cw
    how = sys.argv[1]
    cw.configure(cache_dir="", tile_cache=0)
    grid = cw.Grid.from_bbox(tuple(map(float, sys.argv[3:7])), "EPSG:32632", 10)
    plan = cw.plan(cw.search(sys.argv[2]), grid, bands=["B02", "B03", "B04"])

    async def abandoned():
        asyncio.ensure_future(cw.read_async(plan))
        await asyncio.sleep(0.03)

    if how == "thread":
        threading.Thread(target=cw.read, args=(plan,), daemon=True).start()
        time.sleep(0.03)
    elif how == "exit":
        threading.Thread(target=cw.read, args=(plan,), daemon=True).start()
        time.sleep(0.03)
        sys.exit(0)
    elif how == "loop":
        asyncio.run(abandoned())
    elif how == "result":
        sys.modules["keeps"] = cw.read(plan[:, 0])
    elif how == "stream":
        steps = iter(cw.stream(plan))
        next(steps)
        sys.modules["keeps"] = steps
"""
WAYS = ("thread", "exit", "loop", "result", "stream")

FORK = """
    import os, sys, threading, time
    import cogweave as cw
    cw.configure(cache_dir="", tile_cache=0)
    items = cw.search(sys.argv[2])
    grid = cw.Grid.from_bbox(tuple(map(float, sys.argv[3:7])), "EPSG:32632", 10)
    plan = cw.plan(items, grid, bands=["B02", "B03", "B04"])
    stop = False

    def read():
        while not stop:
            cw.read(plan)

    reading = threading.Thread(target=read)
    reading.start()
    calls = [cw.stats, lambda: cw.read(plan), lambda: cw.search(sys.argv[2]), lambda: cw.fetch(plan)]
    for i in range(int(sys.argv[1])):
        child = os.fork()
        if child == 0:
            began = time.perf_counter()
            try:
                calls[i % len(calls)]()
            except cw.ForkedProcess:
                os._exit(0 if time.perf_counter() - began < 0.5 else 2)
            except BaseException:
                os._exit(3)
            os._exit(4)
        end = time.monotonic() + 10
        gone, status = os.waitpid(child, os.WNOHANG)
        while not gone and time.monotonic() < end:
            time.sleep(0.001)
            gone, status = os.waitpid(child, os.WNOHANG)
        if not gone:
            os.kill(child, 9)
            os.waitpid(child, 0)
        print({0: "passed", 2: "slow", 3: "another error", 4: "no error"}.get(os.waitstatus_to_exitcode(status), "died")
              if gone else "hung", flush=True)
    stop = True
    cw.cancel_all()
    try:
        reading.join()
    except cw.Cancelled:
        pass
"""


@dataclass(frozen=True)
class Target:
    """What the processes read: a small archive behind a slow server."""

    catalog: Path
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Outcome:
    """One attempt. problem: empty if it passed."""

    what: str
    problem: str


def exits(target: Target, count: int) -> Iterator[Outcome]:
    """Interpreters that end in the middle of a read: exit code 0, and nothing on stderr."""

    def one(number: int) -> Outcome:
        how = WAYS[number % len(WAYS)]
        try:
            done = scripts.run(LEAVE, how, target.catalog, *target.box)
        except subprocess.TimeoutExpired:
            return Outcome(f"exit: {how}", "hung")
        problem = f"exit code {done.returncode}: {_last(done.stderr)}" if done.returncode or done.stderr else ""
        return Outcome(f"exit: {how}", problem)

    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(one, range(count))


def forks(target: Target, count: int) -> Iterator[Outcome]:
    """Forked children of a process that is reading: ForkedProcess within half a second."""
    done = scripts.run(FORK, count, target.catalog, *target.box, timeout=600)
    lines = done.stdout.split("\n")[:-1]
    yield from (Outcome("fork", "" if line == "passed" else line) for line in lines)
    if len(lines) != count:
        yield Outcome("fork", f"the parent ended after {len(lines)} forks: {_last(done.stderr)}")


def awaits(count: int) -> Iterator[Outcome]:
    """The suite's test of several loops, with that many awaits in all."""
    test = "tests/test_loops.py::test_several_loops_in_several_threads"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test],
        cwd=ROOT,
        env={**os.environ, "COGWEAVE_SOAK": str(-(-count // 3))},
        capture_output=True,
        text=True,
        check=False,
    )
    yield Outcome(f"{count} awaits", _last(done.stdout) if done.returncode else "")


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def _target(server: RangeServer, made: scene.Scene) -> Target:
    return Target(made.catalog(server.href, "soak.parquet"), scene.bbox(0, 0, made.size, made.size))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exits", type=int, default=300)
    parser.add_argument("--forks", type=int, default=200)
    parser.add_argument("--awaits", type=int, default=10_000)
    options = parser.parse_args()
    outcomes: list[Outcome] = []
    made = scene.make(512, 128)
    with RangeServer(made.folder, "50ms") as server:
        target = _target(server, made)
        for several in (exits(target, options.exits), forks(target, options.forks), awaits(options.awaits)):
            for outcome in several:
                outcomes.append(outcome)
                if outcome.problem:
                    print(f"FAILED  {outcome.what}: {outcome.problem}", flush=True)
    failed = sum(bool(outcome.problem) for outcome in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
