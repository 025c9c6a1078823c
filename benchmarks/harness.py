"""Runs workloads: every tool in fresh processes, in turn, with the server's and the kernel's counters.

`benchmarks/__init__.py` tells how to write a workload.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from benchmarks import peers
from benchmarks.archive import Archive
from tests.servers import ROOT, RangeServer

FOLDER = ROOT / ".bench"
LATENCY = 30  # ms, where a step does not say otherwise
PATIENCE = 120  # s for all steps of one process
LONG = 6  # s: a tool whose process takes longer runs FEWER times
FEWER = 3
SLOW = 20  # s: a tool whose process takes longer is not repeated

FloorJob = Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """One measurement inside a process. latency: ms that the server adds to each answer.

    clock: ``"all"`` counts opening and reading, ``"run"`` only reading, ``"none"`` measures nothing:
    such a step makes later ones warm. processes: only in that many of a tool's first processes.
    floor: gives the job of `benchmarks.floor` for the same bytes.
    """

    name: str
    request: dict[str, Any]
    clock: Literal["all", "run", "none"] = "all"
    latency: int = LATENCY
    processes: int | None = None
    floor: FloorJob | None = None


@dataclass(frozen=True)
class Goal:
    """What a row must show: the best peer's time over ours, or at most 1.3 times the floor; either will do.

    peer: None where the floor alone counts. step: which step is judged.
    """

    peer: float | None
    step: str = "warm"
    floor: float = 1.3


@dataclass(frozen=True)
class Workload:
    """What every tool is asked to do. actions: tool -> "module:function".

    limits: step -> measure -> the most that cogweave may need.
    """

    name: str
    title: str
    steps: Sequence[Step]
    actions: dict[str, str]
    goal: Goal | None = None
    what: Literal["pixels", "numbers"] = "pixels"
    smooth: bool = False  # values may differ a little: interpolated, or a float method
    notes: str = ""
    repeat: int | None = None
    limits: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Site:
    """Where workloads happen: the archive, the server before it, and how large all is."""

    archive: Archive
    server: RangeServer
    catalog: Path
    features: Path
    quick: bool


@dataclass
class Row:
    """What a workload measured. samples: tool -> step -> one dict of measures for each process."""

    name: str
    title: str
    goal: Goal | None
    notes: str = ""
    limits: dict[str, dict[str, float]] = field(default_factory=dict)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    samples: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    agreement: dict[str, dict[str, Any]] = field(default_factory=dict)


class Runner:
    """Runs workloads on a site. interpreters: environment -> python, for those that are installed."""

    def __init__(self, site: Site, interpreters: dict[str, str], repeat: int, say: Callable[[str], None]) -> None:
        self.site, self.interpreters, self.repeat, self.say = site, interpreters, repeat, say

    def run(self, workload: Workload, only: Sequence[str] = ()) -> Row:
        """Every tool's processes in turn; the floor takes its turn among them."""
        row = Row(workload.name, workload.title, workload.goal, workload.notes, workload.limits)
        row.steps = {s.name: {"latency": s.latency, "clock": s.clock} for s in workload.steps if s.clock != "none"}
        floors = {step.name: step.floor() for step in workload.steps if step.floor}
        tools = [tool for tool in workload.actions if not only or tool in only]
        for tool in tools:
            if peers.environment(tool) not in self.interpreters:
                row.failures[tool] = "not installed"
        repeat = min(self.repeat, workload.repeat or self.repeat)
        times: dict[str, float] = dict.fromkeys(tools, repeat)
        with tempfile.TemporaryDirectory(dir=FOLDER, prefix="pixels-") as kept:
            for turn in range(repeat):
                self._floors(row, workload, floors, turn)
                # Another one begins each time, so that no tool always follows the same neighbour.
                for tool in tools[turn % len(tools) :] + tools[: turn % len(tools)]:
                    if tool not in row.failures and turn < times[tool]:
                        began = time.monotonic()
                        self._process(row, workload, tool, turn, Path(kept) if turn == 0 else None)
                        times[tool] = min(times[tool], allowed(time.monotonic() - began))
            if workload.what == "pixels":
                row.agreement = compare(Path(kept), [t for t in tools if t not in row.failures], workload)
        return row

    def _process(self, row: Row, workload: Workload, tool: str, turn: int, kept: Path | None) -> None:
        steps = [s for s in workload.steps if s.processes is None or turn < s.processes]
        job = {
            "action": workload.actions[tool],
            "server": self.site.server.url,
            "steps": [{"name": s.name, "request": s.request, "clock": s.clock, "latency": s.latency} for s in steps],
            "keep": str(kept / tool) if kept else None,
        }
        told, problem = fresh([self.interpreters[peers.environment(tool)], "-m", "benchmarks.worker"], job)
        for measured in told:
            row.samples.setdefault(tool, {}).setdefault(measured.pop("step"), []).append(measured)
        timed = [s for s in steps if s.clock != "none"]
        if problem and len(told) < len(timed):  # some libraries crash at exit, when all is told
            row.failures[tool] = problem
            self.say(f"    {tool}: {problem}")

    def _floors(self, row: Row, workload: Workload, floors: dict[str, dict[str, Any]], turn: int) -> None:
        from benchmarks import floor

        for step in workload.steps:
            if step.name in floors and (step.processes is None or turn < step.processes):
                try:
                    measured = floor.run(floors[step.name], self.site.server, step.latency)
                except floor.FloorError as error:
                    row.failures["floor"] = str(error)
                    self.say(f"    floor: {error}")
                else:
                    row.samples.setdefault("floor", {}).setdefault(step.name, []).append(measured)


def allowed(seconds: float) -> float:
    """How many processes a tool may have whose last one took so long."""
    return math.inf if seconds <= LONG else FEWER if seconds <= SLOW else 1


def fresh(command: list[str], job: dict[str, Any], patience: float = PATIENCE) -> tuple[list[dict[str, Any]], str]:
    """Runs a process on a job, and gives the lines it told and what went wrong ("" if nothing did).

    A process that takes too long is ended, with all that it started.
    """
    # A PYTHONPATH of the caller's may lead to another build of cogweave.
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
    with _scratch() as told_to, _scratch() as out, _scratch() as errors:
        json.dump(job, told_to)
        told_to.seek(0)
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=told_to, stdout=out, stderr=errors, start_new_session=True
        )
        most = watch(process, patience)
        problem = "" if most is not None else f"took more than {patience:.0f} s"
        if most is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        out.seek(0)
        errors.seek(0)
        told = [json.loads(line) for line in out if line.startswith("{")]
        for one in told:
            one["threads"] = max(one.get("threads", 0), most or 0)
        if process.returncode and not problem:
            lines = [line.strip() for line in errors if line.strip()]
            problem = (lines[-1] if lines else f"exit code {process.returncode}")[:200]
    return told, problem


def _scratch() -> IO[str]:
    return tempfile.TemporaryFile("w+", dir=FOLDER)


def watch(process: subprocess.Popen[bytes], patience: float) -> int | None:
    """Waits for a process and gives its most threads; None if it is still running after patience seconds."""
    most, end = 0, time.monotonic() + patience
    while process.poll() is None:
        if time.monotonic() > end:
            return None
        with contextlib.suppress(OSError):
            most = max(most, len(os.listdir(f"/proc/{process.pid}/task")))
        time.sleep(0.02)
    return most


def compare(kept: Path, tools: Sequence[str], workload: Workload) -> dict[str, dict[str, Any]]:
    """How each tool's pixels of the first measured step differ from cogweave's.

    differ: part of the cells that do; mean, largest: of the absolute differences.
    """
    import numpy as np

    step = next(s.name for s in workload.steps if s.clock != "none")
    arrays = {}
    for tool in tools:
        path = kept / f"{tool}-{step}.npy"
        if path.exists():
            arrays[tool] = np.load(path, mmap_mode="r")
    ours = arrays.pop("cogweave", None)
    told: dict[str, dict[str, Any]] = {}
    for tool, theirs in arrays.items():
        if ours is None:
            continue
        if theirs.shape != ours.shape:
            told[tool] = {"differ": 1.0, "words": f"shape {theirs.shape}, not {ours.shape}"}
            continue
        difference = np.abs(theirs.astype("float64") - ours.astype("float64"))
        told[tool] = {
            "differ": float(np.count_nonzero(difference > 0) / difference.size),
            "mean": float(difference.mean()),
            "largest": float(difference.max()),
        }
    return told


def python() -> str:
    """The interpreter of cogweave's own environment."""
    return sys.executable
