"""Throughput: one large read of tiles from loopback without latency, beside a bare Go client on the same ranges.

Both read the same tiles and decode none: cogweave by `fetch`, the bare client (benchmarks/bare) as one goroutine for
each of its connections, a request for each run of neighbouring tiles, into memory of its own that it holds until all
is there. They read in turn, after a round that is not counted: in the first one the server warms up.

    python -m benchmarks.tiles [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import cogweave as cw
import pyarrow as pa

from benchmarks import archive
from tests.servers import ROOT, RangeServer

GOAL = 0.8
IN_FLIGHT = 32
GAP = 64  # bytes between the tiles of a COG, read over
LARGEST = 8 << 20


def main() -> int:
    """Print the throughputs of both, in turn, and their relation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the small archive")
    parser.add_argument("--repeat", type=int, default=11)
    options = parser.parse_args()
    made = archive.make(options.quick)
    with RangeServer(made.folder) as server:
        catalog, _ = made.catalog(server.href, "tiles")
        cw.configure(
            cache_dir="", tile_cache=0, memory_limit="2 GB", max_requests=IN_FLIGHT, max_requests_per_host=IN_FLIGHT
        )
        items = cw.search(catalog, ids=[made.items[0]["id"]])
        plan = cw.plan(items, _grid(made), bands=list(archive.BANDS))
        reads = pa.table(plan.reads).to_pylist()
        size = sum(read["length"] for read in reads)
        runs = [{"href": href, "start": start, "end": end} for href, start, end in merged(reads)]
        program = build()
        ours, bare = [], []
        for _ in range(options.repeat + 1):
            began = time.perf_counter()
            cw.fetch(plan)
            ours.append(size / (time.perf_counter() - began) / 1e6)
            bare.append(size / alone(program, runs) / 1e6)
        del ours[0], bare[0]
        relation = statistics.median(ours) / statistics.median(bare)
        print(f"{len(reads)} tiles, {size / 1e6:.0f} MB, {len(runs)} requests of the bare client")
        print(f"cogweave.fetch {statistics.median(ours):6.0f} MB/s   {[round(v) for v in ours]}")
        print(f"bare Go client {statistics.median(bare):6.0f} MB/s   {[round(v) for v in bare]}")
        print(f"{relation:.2f} of the bare client; the goal is {GOAL}")
    return 0 if relation >= GOAL else 1


def _grid(made: archive.Archive) -> cw.Grid:
    asset = made.items[0]["assets"][archive.BANDS[0]]
    rows, cols = asset["proj:shape"]
    code = made.items[0]["properties"]["proj:code"]
    return cw.Grid(code, tuple(asset["proj:transform"][:6]), (min(rows, 6144), min(cols, 6144)))


def merged(reads: Iterable[dict[str, Any]]) -> Iterable[tuple[str, int, int]]:
    """Runs of neighbouring tiles of a file."""
    ordered = sorted(reads, key=lambda read: (read["href"], read["offset"]))
    for href, tiles in groupby(ordered, key=lambda read: read["href"]):
        start = end = -1
        for tile in tiles:
            if start >= 0 and tile["offset"] - end <= GAP and tile["offset"] + tile["length"] - start <= LARGEST:
                end = tile["offset"] + tile["length"]
                continue
            if start >= 0:
                yield href, start, end
            start, end = tile["offset"], tile["offset"] + tile["length"]
        yield href, start, end


def build() -> Path:
    """The bare client's program; standard library only."""
    program = ROOT / ".bench" / "bare"
    source = ROOT / "benchmarks" / "bare" / "main.go"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
        subprocess.run(["go", "build", "-o", str(program), "./benchmarks/bare"], cwd=ROOT, env=environment, check=True)
    return program


def alone(program: Path, runs: list[dict[str, Any]]) -> float:
    """Seconds that the bare client takes for all runs, its start not counted."""
    job = json.dumps({"in_flight": IN_FLIGHT, "runs": runs})
    done = subprocess.run([str(program)], input=job, capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
