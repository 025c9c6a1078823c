"""CPU profiles of the engine while it does a workload again and again, and flame graphs of them.

    python -m benchmarks.profiles ACTION OUT.pb.gz SECONDS < REQUEST.json      the process that is profiled

Profiles are pprof's (`go tool pprof -http=: FILE`); the flame graphs are drawn here, since pprof's
own need a browser. Frames of C stand under the Go function that called them.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.harness import FOLDER, Workload, python
from benchmarks.verdict import judge
from tests.servers import ROOT, RangeServer

SECONDS = 3
PROFILED = 3  # rows


def furthest(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Names of the rows that are furthest from their floor."""
    ratios = {row["name"]: judge(row).of_floor for row in rows if row["goal"]}
    told = sorted(((ratio, name) for name, ratio in ratios.items() if ratio), reverse=True)
    return [name for _, name in told[:PROFILED]]


def take(workload: Workload, server: RangeServer) -> Iterator[Path]:
    """Profiles the last step that only reads; gives what was written."""
    step = next((s for s in reversed(workload.steps) if s.clock == "run" and s.processes is None), None)
    if step is None:
        return
    folder = FOLDER / "profiles"
    folder.mkdir(exist_ok=True)
    path = folder / f"{workload.name}.pb.gz"
    server.reset(f"{step.latency}ms")
    command = [python(), "-m", "benchmarks.profiles", workload.actions["cogweave"], str(path), str(SECONDS)]
    subprocess.run(command, input=json.dumps(step.request), text=True, cwd=ROOT, check=True, timeout=120)
    yield path
    flames = path.with_suffix("").with_suffix(".svg")
    flames.write_text(draw(stacks(path), f"{workload.title}: {SECONDS} s of processor time"))
    yield flames


def stacks(profile: Path) -> Iterator[tuple[int, list[str]]]:
    """Nanoseconds and frames, the outermost first, of a CPU profile."""
    done = subprocess.run(
        ["go", "tool", "pprof", "-traces", "-unit=ns", str(profile)], capture_output=True, text=True, check=True
    )
    for block in done.stdout.split("-----------+")[1:]:
        lines = [line for line in block.splitlines()[1:] if line.strip()]
        if not lines:
            continue
        value, _, first = lines[0].strip().partition(" ")
        if value.endswith("ns"):
            frames = [first.strip(), *(line.strip() for line in lines[1:])]
            yield int(float(value[:-2])), frames[::-1]


@dataclass
class Frame:
    """A function within its callers."""

    name: str
    total: int = 0
    inner: dict[str, Frame] = field(default_factory=dict)

    def depth(self) -> int:
        return 1 + max((frame.depth() for frame in self.inner.values()), default=0)


def draw(told: Iterator[tuple[int, list[str]]], title: str) -> str:
    """A flame graph as SVG: callers below, widths by time, the full name as a tool tip."""
    root = Frame("all")
    for value, frames in told:
        at = root
        at.total += value
        for name in frames:
            at = at.inner.setdefault(name, Frame(name))
            at.total += value
    width, row = 1200, 17
    height = 40 + row * root.depth()
    parts = list(_frames(root, 0.0, height - row - 6, width / max(1, root.total), row))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="monospace"'
        f' font-size="11"><title>{escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="8" y="20" font-size="14">{escape(title)}</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _frames(frame: Frame, x: float, y: float, scale: float, row: int) -> Iterator[str]:
    width = frame.total * scale
    if width < 0.5:
        return
    short = frame.name.rpartition("/")[2]
    text = escape(short[: int(width / 6.7)]) if width > 25 else ""
    hue = 20 + sum(map(ord, short)) % 40
    yield (
        f'<g><title>{escape(frame.name)} {frame.total / 1e6:.0f} ms</title><rect x="{x:.1f}" y="{y}"'
        f' width="{max(width - 0.4, 0.3):.1f}" height="{row - 1}" fill="hsl({hue},80%,68%)"/>'
        f'<text x="{x + 3:.1f}" y="{y + 12}">{text}</text></g>'
    )
    for inner in sorted(frame.inner.values(), key=lambda one: one.name):
        yield from _frames(inner, x, y - row, scale, row)
        x += inner.total * scale


def main() -> None:
    import cogweave as cw

    action, path, seconds = sys.argv[1:]
    module, name = action.split(":")
    request = json.load(sys.stdin)
    prepare = getattr(importlib.import_module(module), name)
    cw.configure(tile_cache=0)  # else the second read would find its tiles
    prepare(request)()
    profiling = threading.Thread(target=lambda: Path(path).write_bytes(cw.debug.profile("cpu", float(seconds))))
    profiling.start()
    while profiling.is_alive():
        prepare(request)()
    profiling.join()


if __name__ == "__main__":
    main()
