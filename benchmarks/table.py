"""Results of a run: judged against their goals, printed as a table, kept as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """A row. ratio: the peer's measure over ours, where more is better for us; None without a peer."""

    what: str
    measured: str
    goal: str
    met: bool
    peer: str = ""
    ratio: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def show(results: Sequence[Result]) -> str:
    """Plain text, one line a row."""
    head = ("", "what", "cogweave", "goal", "lazycogs", "ratio")
    lines = [head] + [
        ("met" if r.met else "MISSED", r.what, r.measured, r.goal, r.peer or "-", f"{r.ratio:.1f}" if r.ratio else "-")
        for r in results
    ]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def keep(results: Sequence[Result], path: Path) -> None:
    """Writes the rows, with everything that was measured, and the machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"cores": os.cpu_count(), "load": os.getloadavg(), "system": platform.platform()}
    path.write_text(json.dumps({"machine": machine, "rows": [asdict(r) for r in results]}, indent=1))
