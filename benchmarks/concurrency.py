"""What the concurrency model promises, measured: `python -m benchmarks.concurrency`.

Every measurement runs in a fresh process, cogweave's and lazycogs' in turn, against one local range
server that adds 30 ms to each answer. On a machine that others use too, times are worth little and
ratios a good deal: both libraries suffer the same neighbours.

    --lazycogs PYTHON   interpreter of an environment with lazycogs 0.7 (see docs/concurrency.md)
    --rows NAME,NAME    only these; `--list` names them
    --repeat N          processes for each timed row, the median counts
    --json FILE         where the rows go; .bench/concurrency.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import catalogs, scene
from benchmarks.libraries import Where
from benchmarks.table import Result, keep, median, show
from tests.servers import ROOT, RangeServer

LATENCY = "30ms"
MEGA = 1_000_000


@dataclass(frozen=True)
class Bench:
    """A run: its archive, its server, and the interpreters of the libraries."""

    scene: scene.Scene
    server: RangeServer
    where: Where
    pythons: dict[str, str]
    repeat: int
    items: int

    @property
    def peer(self) -> bool:
        return "lazycogs" in self.pythons

    def run(
        self, library: str, row: str, where: Where | None = None, fresh: bool = True, **args: Any
    ) -> subprocess.CompletedProcess[str]:
        """One row of one library in a process of its own; the server's counters start at zero."""
        if fresh:
            self.server.reset(LATENCY)
        request = json.dumps({"where": asdict(where or self.where), "args": args})
        return subprocess.run(
            [self.pythons[library], "-m", "benchmarks.probe", library, row, request],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def measure(self, library: str, row: str, where: Where | None = None, **args: Any) -> Any:
        """What one row of one library measured; a peer may crash when it has told (lazycogs does, at exit)."""
        done = self.run(library, row, where, **args)
        if done.returncode and (library == "cogweave" or not done.stdout):
            raise RuntimeError(f"{library} {row}: exit code {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout)

    def alternate(self, row: str, **args: Any) -> dict[str, list[Any]]:
        """A row of every library in turn, several times."""
        told: dict[str, list[Any]] = {name: [] for name in self.pythons}
        for _ in range(self.repeat):
            for name, measured in told.items():
                one = self.measure(name, row, **args)
                measured.append(one | {"max_in_flight": self.server.stats().max_in_flight})
        return told


def operations(bench: Bench) -> list[Result]:
    told = bench.measure("cogweave", "operations", box=scene.bbox(100, 100, 512, 512))
    pair = told["native_calls"], told["completions"]
    what = f"operations / completions, {len(scene.BANDS)} bands x {scene.DATES} dates"
    return [Result(what, f"{pair[0]} / {pair[1]}", "1 / 1", pair == (1, 1), detail=told)]


def ticker(bench: Bench) -> list[Result]:
    return [_gaps(bench, 1, 10), _gaps(bench, 8, 15)]


def _gaps(bench: Bench, loads: int, goal: float) -> Result:
    box = scene.bbox(100, 100, 3000, 3000)
    files = [bench.server.href(path) for path in sorted((bench.scene.folder / "real").glob("*.tif"))]
    told = bench.alternate("ticker", box=box, days=[_days(2 * i, 2) for i in range(loads)], files=files)

    def of(name: str, key: str, state: str = "loading") -> float:
        return median([t[state][key] for t in told[name]])

    largest, p99 = of("cogweave", "largest"), of("cogweave", "p99")
    crowd = of("cogweave", "largest", "crowded")
    beside = [of("cogweave", key, "beside a download") for key in ("largest", "p99")]
    peer = f"{of('lazycogs', 'largest'):.0f}, p99 {of('lazycogs', 'p99'):.1f} ms" if bench.peer else ""
    return Result(
        f"largest gap of a 1 ms ticker, {loads} x 54 Mpx",
        f"{largest:.1f}, p99 {p99:.1f} ms (idle beside two busy processes {crowd:.1f}; "
        f"beside another's download {beside[0]:.1f}, p99 {beside[1]:.1f})",
        f"{goal}, p99 2 ms",
        largest <= goal and p99 <= 2,
        peer,
        of("lazycogs", "largest") / largest if bench.peer else None,
        told,
    )


def _days(first: int, count: int) -> str:
    days = [scene.FIRST_DAY + timedelta(days=d) for d in (first, first + count - 1)]
    return f"{days[0]:%Y-%m-%d}T00:00:00Z/{days[1]:%Y-%m-%d}T23:59:59Z"


def eight(bench: Bench) -> list[Result]:
    boxes = [scene.bbox(col, row, 512, 512) for col, row in scene.straddling(bench.scene.size, bench.scene.tile, 512)]
    together = bench.alternate("windows", boxes=boxes, together=True)
    in_turn = bench.alternate("windows", boxes=boxes, together=False)
    sums = {tuple(t["sums"]) for told in together.values() for t in told}
    if len(sums) != 1:
        raise RuntimeError(f"the libraries do not agree on the pixels: {sums}")

    def of(name: str, key: str = "seconds", told: dict[str, list[Any]] = together) -> float:
        return median([t[key] for t in told[name]])

    def words(name: str) -> str:
        return (
            f"{of(name):.2f} s ({of(name, told=in_turn):.2f} one by one; cpu {of(name, 'cpu'):.1f} s); "
            f"{of(name, 'max_in_flight'):.0f} in flight"
        )

    ratio = of("lazycogs") / of("cogweave") if bench.peer else None
    most = max(t["max_in_flight"] for t in together["cogweave"])
    detail = {"together": together, "in turn": in_turn}
    results = [
        Result(
            f"{len(boxes)} concurrent loads, 20 dates x 3 bands x 512x512",
            words("cogweave"),
            "2.5 x lazycogs; at most 64 in flight",
            (ratio is None or ratio >= 2.5) and most <= 64,
            words("lazycogs") if bench.peer else "",
            ratio,
            detail,
        )
    ]
    threads = max(t["threads"] for t in together["cogweave"])
    peer = f"{max(t['threads'] for t in together['lazycogs'])}" if bench.peer else ""
    limit = (os.cpu_count() or 1) + 16
    results.append(Result("more OS threads with these eight", f"{threads}", f"{limit}", threads <= limit, peer))
    return results


def completions(bench: Bench) -> list[Result]:
    told = bench.measure("cogweave", "completions", box=scene.bbox(-1000, 100, 1500, 512), count=10_000)
    words = f"{told['completion']:.0f} us; submit to array {told['read']:.0f} us"
    return [
        Result(
            "processor for a completion, 10,000 small awaits",
            words,
            "15 us",
            told["completion"] <= 15,
            f"thread pool: {told['read in a thread pool']:.0f} us",
            told["read in a thread pool"] / told["read"],
            told,
        )
    ]


def many(bench: Bench) -> list[Result]:
    small = scene.make(512, 128)  # ten thousand tiles are decoded: small ones
    with RangeServer(small.folder, LATENCY) as server:
        where = Where(**asdict(bench.where) | {"catalog": str(small.catalog(server.href, "many.parquet"))})
        told = bench.measure("cogweave", "many", where, box=scene.bbox(0, 0, 512, 512), count=10_000)
    limit = (os.cpu_count() or 1) + 16
    what = "more OS threads with 10,000 reads awaited at once"
    return [
        Result(what, f"{told['threads']} ({told['seconds']:.1f} s)", f"{limit}", told["threads"] <= limit, detail=told)
    ]


def cancel(bench: Bench) -> list[Result]:
    told = {name: _cancelled(bench, name, 20 if name == "cogweave" else 5) for name in bench.pythons}
    seen = told["cogweave"]["milliseconds"]
    met = bool(seen) and told["cogweave"]["ran on"] == 0 and median(seen) <= 50

    def words(name: str) -> str:
        times = told[name]["milliseconds"]
        first = f"{median(times):.1f} ms" if times else "never"
        return f"{first}; {told[name]['ran on']} of {told[name]['requests']} requests ran on"

    peer = words("lazycogs") if bench.peer else ""
    return [Result("cancel until the server's handler sees it", words("cogweave"), "50 ms", met, peer, detail=told)]


def _cancelled(bench: Bench, name: str, times: int) -> dict[str, Any]:
    """For each cancel, when the last of its requests was seen to be aborted."""
    box = scene.bbox(512, 512, 1024, 1024)
    at = bench.measure(name, "cancel", box=box, latency="2s", after=0.2, times=times)
    log = bench.server.requests()
    aborted = [r["aborted_ns"] for r in log if r.get("aborted_ns")]
    last = [max((a for a in aborted if start <= a < end), default=None) for start, end in _spans(at)]
    return {
        "milliseconds": [(a - start) / 1e6 for a, start in zip(last, at, strict=True) if a],
        "requests": len(log),
        "ran on": len(log) - len(aborted),
    }


def _spans(times: list[int]) -> list[tuple[int, int]]:
    return list(zip(times, [*times[1:], times[-1] + 10**12], strict=True))


def interrupt(bench: Bench) -> list[Result]:
    told = {name: [_interrupted(bench, name) for _ in range(5)] for name in bench.pythons}
    ours = told["cogweave"]
    caught = median([t["caught"] for t in ours])
    stopped = median([t["stopped"] for t in ours if t["stopped"] is not None] or [float("inf")])
    met = caught <= 50 and stopped <= 50 and not any(t["ran on"] for t in ours)
    peer = ""
    if bench.peer:
        theirs = told["lazycogs"]
        peer = f"{median([t['caught'] for t in theirs]):.1f} ms; {theirs[0]['ran on']} requests ran on"
    words = f"{caught:.1f} ms; requests stopped after {stopped:.1f} ms"
    return [Result("Ctrl-C to KeyboardInterrupt, and the work stopped", words, "50 ms", met, peer, detail=told)]


def _interrupted(bench: Bench, name: str) -> dict[str, Any]:
    box = scene.bbox(512, 512, 1024, 1024)
    at = bench.measure(name, "interrupt", box=box, latency="1s", after=0.3, watch=1.5)
    log = bench.server.requests()
    aborted = [r["aborted_ns"] for r in log if r.get("aborted_ns")]
    return {
        "caught": (at["caught"] - at["pressed"]) / 1e6,
        "stopped": (max(aborted) - at["pressed"]) / 1e6 if aborted else None,
        "ran on": len(log) - len(aborted),
    }


def leave(bench: Bench) -> list[Result]:
    told = {name: [_left(bench, name) for _ in range(15)] for name in bench.pythons}

    def words(name: str) -> str:
        codes = [t["code"] for t in told[name] if t["code"]]
        noisy = sum(bool(t["stderr"]) for t in told[name])
        return f"{len(codes)} bad exit codes, {noisy} with stderr, of 15"

    met = not any(t["code"] or t["stderr"] for t in told["cogweave"])
    peer = words("lazycogs") if bench.peer else ""
    goal = "0 bad, 0 with stderr"
    return [Result("interpreter exit in the middle of a read", words("cogweave"), goal, met, peer, detail=told)]


def _left(bench: Bench, name: str) -> dict[str, Any]:
    done = bench.run(name, "leave", box=scene.bbox(0, 0, 2048, 2048), after=0.1)
    return {"code": done.returncode, "stderr": done.stderr[-500:]}


def fork(bench: Bench) -> list[Result]:
    box = scene.bbox(0, 0, 256, 256)
    told = {name: bench.measure(name, "fork", box=box, times=15 if name == "cogweave" else 2, patience=3.0)
            for name in bench.pythons}  # fmt: skip
    ours = told["cogweave"]
    met = None not in ours and median(ours) <= 10
    hung = sum(t is None for t in ours)
    words = f"{median([t for t in ours if t is not None]):.1f} ms; {hung} hung"
    peer = f"{sum(t is None for t in told['lazycogs'])} of {len(told['lazycogs'])} hung" if bench.peer else ""
    return [Result("call in a forked child", words, "error in 10 ms", met, peer, detail=told)]


def memory(bench: Bench) -> list[Result]:
    limit = 256 << 20
    box, days = scene.bbox(100, 100, 3000, 3000), _days(0, 2)
    ours = [bench.measure("cogweave", "limited_memory", box=box, days=days, limit=limit) for _ in range(bench.repeat)]
    over = median([t["peak"] - t["small"] - t["result"] for t in ours])
    peer, theirs = "", []
    if bench.peer:
        theirs = [bench.measure("lazycogs", "memory", box=box, days=days) for _ in range(bench.repeat)]
        peer = f"{median([t['peak'] - t['small'] - t['result'] for t in theirs]) / MEGA:.0f} MB, without a limit"
    return [
        Result(
            "peak RSS beyond a small read's and the result, 54 Mpx",
            f"{over / MEGA:.0f} MB with memory_limit {limit / MEGA:.0f} MB",
            f"{limit / MEGA:.0f} + 64 MB",
            over <= limit + 64 * MEGA,
            peer,
            detail={"cogweave": ours, "lazycogs": theirs},
        )
    ]


def lookup(bench: Bench) -> list[Result]:
    folder = ROOT / ".bench"
    paths = {count: folder / f"catalog-{count}.parquet" for count in (catalogs.DATES, bench.items)}
    boxes = {c: catalogs.write(p, c, bench.server.href("real/0-B02.tif")) for c, p in paths.items()}
    told: dict[str, dict[int, float]] = {}
    for name in bench.pythons:
        told[name] = {}
        for count, path in paths.items():
            where = Where(**asdict(bench.where) | {"catalog": str(path), "bands": ["B02"]})
            one = bench.measure(name, "lookup", where, box=boxes[count], repeat=51 if name == "cogweave" else 3)
            told[name][count] = one["milliseconds"]

    def more(name: str) -> float:
        return told[name][bench.items] - told[name][catalogs.DATES]

    allowed = 0.2 * bench.items / MEGA if bench.items < MEGA else 0.2
    peer = f"{told['lazycogs'][bench.items]:.0f} ms in all" if bench.peer else ""
    return [
        Result(
            f"item lookup for one chunk of {catalogs.DATES} dates, {bench.items:,} items",
            f"{more('cogweave'):.2f} ms more than with {catalogs.DATES} items",
            f"{allowed:.2g} ms",
            more("cogweave") <= allowed,
            peer,
            told["lazycogs"][bench.items] / told["cogweave"][bench.items] if bench.peer else None,
            told,
        )
    ]


ROWS: dict[str, Callable[[Bench], list[Result]]] = {
    row.__name__: row
    for row in (operations, ticker, eight, completions, many, cancel, interrupt, leave, fork, lookup, memory)
}


def main() -> None:
    options = _options()
    if options.list:
        print("\n".join(ROWS))
        return
    made = scene.make()
    pythons = {"cogweave": sys.executable} | ({"lazycogs": options.lazycogs} if options.lazycogs else {})
    results: list[Result] = []
    with RangeServer(made.folder, LATENCY) as server:
        catalog = made.catalog(server.href, "concurrency.parquet")
        where = Where(str(catalog), server.url, f"EPSG:{scene.EPSG}", scene.PIXEL, list(scene.BANDS))
        bench = Bench(made, server, where, pythons, options.repeat, options.items)
        for name in options.rows.split(",") if options.rows else ROWS:
            for result in ROWS[name](bench):
                print(f"{'met   ' if result.met else 'MISSED'}  {result.what}: {result.measured}", file=sys.stderr)
                results.append(result)
    print(show(results))
    keep(results, options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lazycogs", metavar="PYTHON", help="interpreter of an environment with lazycogs")
    parser.add_argument("--rows", help="names, separated by commas")
    parser.add_argument("--list", action="store_true", help="names the rows")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--items", type=int, default=MEGA, help="items of the catalog for the lookup")
    parser.add_argument("--json", type=Path, default=ROOT / ".bench" / "concurrency.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
