"""The benchmarks do not rot: every workload runs on the quick archive, and its pixels are the floor's.

The floor (benchmarks/floor) shares no code with the engine: where both only copy pixels or take the
nearest one, their checksums are equal; and cogweave sends no more requests than there are tiles.
Times are not looked at. The peers take no part.
"""

from __future__ import annotations

import inspect
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cogweave as cw
import pytest

from benchmarks import __main__ as benchmark
from benchmarks import archive, charts, floor, harness, page, profiles, reads, worker
from benchmarks.tools import Request
from benchmarks.tools import cogweave as actions
from tests.servers import ROOT, RangeServer

COPIES = ("window", "series", "again", "pixel", "large", "chunks")
# The floor interpolates linearly between control points: a few cells at a border take the next pixel.
NEAREST = ("zones-nearest", "chunks-zones", "overview")


@pytest.fixture(scope="module")
def site() -> Iterator[harness.Site]:
    made = archive.make(quick=True)
    with RangeServer(made.folder) as server:
        catalog, features = made.catalog(server.href, "test")
        yield harness.Site(made, server, catalog, features, quick=True)


@pytest.fixture
def empty_cache() -> None:
    """What one workload read is not there for the next."""
    size = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    cw.configure(tile_cache=size)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The floor, built where `make bench` has not built it."""
    if shutil.which("go") is None:
        pytest.skip("go is not installed: the floor is left out")
    built = tmp_path_factory.mktemp("floor") / "floor"
    build = 'eval "$(./build.sh env)" && go build -o "$0" ./benchmarks/floor'
    environment = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}  # Go's cache too
    subprocess.run(["bash", "-c", build, str(built)], cwd=ROOT, check=True, env=environment)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(floor, "PROGRAM", built)
        yield


def _names() -> list[str]:
    quick = archive.Archive(archive.FOLDER / "quick", 1372, 128, [])
    with RangeServer(Path(__file__).parent) as server:
        site = harness.Site(quick, server, Path(), Path(), quick=True)
        return [workload.name for workload in reads.workloads(site)]


@pytest.mark.parametrize("name", _names())
def test_a_workload_reads_what_the_floor_reads(name: str, site: harness.Site, program: None, empty_cache: None) -> None:
    (workload,) = (w for w in reads.workloads(site) if w.name == name)
    if name == "median" and "mask" not in inspect.signature(cw.open).parameters:
        pytest.skip("cogweave.open takes no mask")
    action = getattr(actions, workload.actions["cogweave"].split(":")[1])
    warm = next(step for step in workload.steps if step.floor and step.clock == "run")
    assert warm.floor is not None
    least = floor.run(warm.floor(), site.server, latency=0)
    step = {"name": warm.name, "request": asdict_json(warm.request), "clock": "run", "latency": 0}
    told = worker.run(action, step, site.server.url, None)
    assert told is not None
    tiles = sum(len(w["tiles"]) for w in warm.floor()["windows"])
    files = len({w["url"] for w in warm.floor()["windows"]})
    assert 0 < told["requests"] <= tiles + files
    assert told["most"] <= floor.IN_FLIGHT
    if name in COPIES:
        assert told["sum"] == least["sum"] != 0
    elif name in NEAREST:
        assert told["sum"] == pytest.approx(least["sum"], rel=1e-4)


def test_a_cold_floor_searches_and_asks_for_headers(
    site: harness.Site, program: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor, "GAPS", floor.GAPS[:1])
    (workload,) = (w for w in reads.workloads(site) if w.name == "series")
    cold, warm = (step.floor for step in workload.steps[:2])
    assert cold is not None
    assert warm is not None
    job = {**cold(), "windows": (windows := warm()["windows"]), "lattices": warm()["lattices"]}
    least, known = floor.run(job, site.server, latency=0), floor.run(warm(), site.server, latency=0)
    assert least["sum"] == known["sum"]
    assert least["requests"] == known["requests"] + len({w["url"] for w in windows})
    job["search"]["ids"].append("nothing")
    with pytest.raises(floor.FloorError, match="20 of 21 items"):
        floor.run(job, site.server, latency=0)


def asdict_json(request: dict[str, Any]) -> dict[str, Any]:
    """A request as the process that is measured gets it."""
    told: dict[str, Any] = json.loads(json.dumps(request))
    return told


def test_a_run_gives_a_page(site: harness.Site, tmp_path: Path) -> None:
    harness.FOLDER.mkdir(exist_ok=True)
    runner = harness.Runner(site, {"cogweave": sys.executable}, 1, print)
    (workload,) = (w for w in reads.workloads(site) if w.name == "pixel")
    without_floor = replace(workload, steps=[replace(step, floor=None) for step in workload.steps[:2]])
    row = runner.run(without_floor, ["cogweave", "rasteret"])
    assert row.failures == {"rasteret": "not installed"}
    assert row.samples["cogweave"]["cold"][0]["shape"] == [1, 30, 1, 1]
    assert row.samples["cogweave"]["warm"][0]["requests"] == 30
    told = {"machine": _machine(), "versions": {"cogweave": {"python": "3"}}, "rows": [asdict(row)]}
    written = page.write(told, tmp_path).read_text()
    assert "| rasteret | | not installed |" in written
    assert "one pixel x 30 dates" in (tmp_path / "benchmarks" / "warm.svg").read_text()


def _machine() -> dict[str, Any]:
    return {
        "date": "2025-05-01", "cpu": "a processor", "cores": 2, "memory": 1 << 30, "system": "Linux",
        "load": [0.0], "quick": True, "repeat": 1,
    }  # fmt: skip


def test_a_row_that_is_measured_again_says_so(tmp_path: Path) -> None:
    first, second, again = ({"name": name, "title": f"the {name} row"} for name in ("first", "second", "first"))
    rows = benchmark._with(benchmark._with([first], second), {**again, "samples": {}})
    assert rows == [{**again, "samples": {}, "again": True}, second]
    full = [
        {"goal": None, "notes": "", "steps": {}, "samples": {}, "failures": {}, "agreement": {}, **row} for row in rows
    ]
    text = page.write({"machine": _machine(), "versions": {}, "rows": full}, tmp_path).read_text()
    assert "Measured again by themselves, after the run that all others are of: the first row." in text


def test_a_tool_that_fails_or_hangs_leaves_its_reason(site: harness.Site) -> None:
    job: dict[str, Any] = {"action": "benchmarks.nowhere:nothing", "server": site.server.url, "steps": [], "keep": None}
    told, problem = harness.fresh([sys.executable, "-m", "benchmarks.worker"], job)
    assert told == []
    assert "benchmarks.nowhere" in problem
    told, problem = harness.fresh([sys.executable, "-c", "import time; time.sleep(60)"], job, patience=0.3)
    assert told == []
    assert problem == "took more than 0 s"


def test_only_slow_tools_run_fewer_times(site: harness.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.FOLDER.mkdir(exist_ok=True)
    (workload,) = (w for w in reads.workloads(site) if w.name == "pixel")
    workload = replace(workload, steps=[], actions={"cogweave": ""}, what="numbers")
    runs: list[int] = []
    runner = harness.Runner(site, {"cogweave": sys.executable}, 5, print)
    monkeypatch.setattr(runner, "_process", lambda *told: runs.append(told[3]))
    for pace, times in ((1, 5), (harness.LONG + 1, harness.FEWER), (harness.SLOW + 1, 1)):
        runs.clear()
        clock = itertools.count(0, pace)
        monkeypatch.setattr(harness.time, "monotonic", lambda clock=clock: next(clock))
        runner.run(workload)
        assert len(runs) == times


def test_charts_show_every_tool() -> None:
    row = {
        "title": "a & b", "steps": {"warm": {"latency": 30}},
        "samples": {tool: {"warm": [{"seconds": 0.1}]} for tool in ("cogweave", "floor", "odc-stac")},
    }  # fmt: skip
    drawn = charts.bars([row], "warm", "title")
    assert "a &amp; b" in drawn
    assert all(f">{tool}<" in drawn for tool in row["samples"])


def test_requests_survive_json() -> None:
    request = Request("c", "f", "s", 32632, 10.0, (0, 0, 20, 10), ["B02"], ("2025-05-01", "2025-05-02"), ["a"])
    assert Request.of(asdict_json(asdict(request))) == request
    assert request.shape == (1, 2)


def test_rows_without_a_goal_are_not_profiled() -> None:
    def row(name: str, goal: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
        samples = {"cogweave": {"warm": [{"seconds": seconds}]}, "floor": {"warm": [{"seconds": 1.0}]}}
        return {"name": name, "goal": goal, "steps": {"warm": {}}, "samples": samples}

    goal = {"peer": None, "step": "warm", "floor": 1.3}
    assert profiles.furthest([row("near", goal, 1.1), row("none", None, 9), row("far", goal, 2)]) == ["far", "near"]
