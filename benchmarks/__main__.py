"""Runs the benchmarks: `make bench`, or `python -m benchmarks`.

A whole run takes about twenty minutes on two cores that nobody else uses, and writes docs/benchmarks.md.

    --workload NAME,NAME  only these; --list names them
    --tools NAME,NAME     only these tools, and the floor
    --quick               the small archive, for continuous integration: times mean nothing there
    --repeat N            processes of each tool; the median counts
    --results FILE        where all that was measured goes; .bench/results.json
    --page FOLDER         where the page and its charts go; docs/ for a whole run, else .bench/page
    --again               puts these workloads into the results of an earlier run; the page says which
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import archive, page, peers, profiles
from benchmarks.harness import FOLDER, Row, Runner, Site, Workload
from benchmarks.verdict import judge_limits, median
from tests.servers import ROOT, RangeServer

SUBJECTS = ("reads", "opening", "search", "headers", "pixels")


def main() -> None:
    options = _options()
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:6.0f} s] {text}", flush=True)

    FOLDER.mkdir(exist_ok=True)
    say("archive")
    made = archive.make(options.quick)
    interpreters = peers.installed()
    for name in peers.missing():
        say(f"LEFT OUT: {name} is not installed, its column stays empty (make .deps/peers/{name})")
    with RangeServer(made.folder) as server:
        catalog, features = made.catalog(server.href, "items")
        site = Site(made, server, catalog, features, options.quick)
        runner = Runner(site, interpreters, options.repeat, say)
        rows, run = [], {}
        told: dict[str, Any] = {"machine": machine(options), "versions": peers.versions(interpreters), "rows": []}
        if options.again:
            told = json.loads(options.results.read_text())
        for workload in _chosen(site, options):
            say(f"{workload.name}: {workload.title}")
            rows.append(runner.run(workload, options.tools))
            run[workload.name] = workload
            for line in summary(rows[-1]):
                say("    " + line)
            told["rows"] = _with(told["rows"], asdict(rows[-1]))
            options.results.write_text(json.dumps(told, indent=1))  # as they come: what breaks later loses none
        say(f"all measures: {options.results}")
        for name in [name for name in profiles.furthest(told["rows"]) if name in run]:
            for path in profiles.take(run[name], server):
                say(f"profile: {path.relative_to(ROOT)}")
    if rows:
        say(f"page: {page.write(told, options.page)}")


def _with(rows: list[dict[str, Any]], row: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows with one more, or with that in the place of an earlier one of its name."""
    if row["name"] not in [one["name"] for one in rows]:
        return [*rows, row]
    return [{**row, "again": True} if one["name"] == row["name"] else one for one in rows]


def _chosen(site: Site, options: argparse.Namespace) -> Iterator[Workload]:
    """The workloads, of one subject after another, made when their turn comes."""
    left = set(options.workload)
    for subject in SUBJECTS:
        for workload in importlib.import_module(f"benchmarks.{subject}").workloads(site):
            if options.list:
                print(f"{workload.name:16} {workload.title}")
            elif not options.workload or workload.name in left:
                left.discard(workload.name)
                yield workload
    if left and not options.list:
        raise SystemExit(f"no workload {', '.join(sorted(left))}: --list names them")


def summary(row: Row) -> Iterator[str]:
    """A line for each step, medians of all tools; and one for each limit."""
    for step in row.steps:
        words = [f"{tool} {median(steps[step], 'seconds'):.3f}" for tool, steps in row.samples.items() if step in steps]
        yield f"{step}: " + ", ".join(words)
    for limit in judge_limits(asdict(row)):
        if limit.ours is not None:
            met = "met" if limit.met else "missed"
            yield f"{limit.step}: {limit.measure} {limit.ours:,.3f}, goal {limit.most:,g}: {met}"


def machine(options: argparse.Namespace) -> dict[str, Any]:
    """What was run, on what."""
    told = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = [line.split(":")[1].strip() for line in told if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": cpu[0] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory": memory,
        "system": platform.platform(),
        "load": os.getloadavg(),
        "quick": options.quick,
        "repeat": options.repeat,
        "whole": not options.workload and not options.tools,
    }


def _options() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return [name for name in text.split(",") if name]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", type=names, default=[])
    parser.add_argument("--tools", type=names, default=[])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    whole = options.again or not (options.workload or options.tools or options.quick)
    options.results = options.results or FOLDER / ("results.json" if whole else "results-part.json")
    options.page = options.page or (ROOT / "docs" if whole else FOLDER / "page")
    return options


if __name__ == "__main__":
    main()
