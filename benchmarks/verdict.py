"""Whether a row shows what it must: by its ratio to the best peer, or by 1.3 times the floor."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

OURS, FLOOR = "cogweave", "floor"
COLD_FLOOR = 1.3


@dataclass(frozen=True)
class Verdict:
    """Medians of a step in seconds; None where there is none.

    met: None where nothing is asked or cogweave did not run.
    """

    step: str
    ours: float | None
    floor: float | None
    peer: float | None
    best: str
    goal: str
    met: bool | None

    @property
    def of_floor(self) -> float | None:
        return self.ours / self.floor if self.ours and self.floor else None

    @property
    def of_peer(self) -> float | None:
        return self.peer / self.ours if self.ours and self.peer else None


@dataclass(frozen=True)
class Limit:
    """The most that a measure of one of our steps may be. ours: its median; None where it was not measured."""

    step: str
    measure: str
    ours: float | None
    most: float

    @property
    def met(self) -> bool | None:
        return None if self.ours is None else self.ours <= self.most


def median(samples: Sequence[dict[str, Any]], measure: str) -> float:
    """Of one measure of several processes."""
    return float(statistics.median(sample[measure] for sample in samples))


def seconds(row: dict[str, Any], tool: str, step: str) -> float | None:
    """Median time of a tool's step; None where it has none."""
    samples = row["samples"].get(tool, {}).get(step)
    return median(samples, "seconds") if samples else None


def peers(row: dict[str, Any], step: str) -> dict[str, float]:
    """Median times of the peers that did a step, the fastest first."""
    told = {tool: seconds(row, tool, step) for tool in row["samples"] if tool not in (OURS, FLOOR)}
    return dict(sorted(((tool, s) for tool, s in told.items() if s is not None), key=lambda pair: pair[1]))


def judge(row: dict[str, Any]) -> Verdict:
    """The goal of a row that has one."""
    goal = row["goal"]
    step = goal["step"]
    verdict = _verdict(row, step, step)
    met, words = None, f"{goal['floor']:g} x floor"
    if goal["peer"] is not None:
        words = f"{goal['peer']:g} x peer or {words}"
    if verdict.ours:
        # A row without both has nothing to be measured by.
        found = [verdict.of_peer is not None and goal["peer"] is not None, verdict.of_floor is not None]
        met = None if not any(found) else bool(
            (goal["peer"] is not None and (verdict.of_peer or 0) >= goal["peer"])
            or (verdict.of_floor is not None and verdict.of_floor <= goal["floor"])
        )  # fmt: skip
    return Verdict(step, verdict.ours, verdict.floor, verdict.peer, verdict.best, words, met)


def judge_cold(row: dict[str, Any]) -> Verdict | None:
    """Cold, no slower than the best peer's warm run, or 1.3 times the floor's cold one; None without both steps."""
    if "cold" not in row["steps"] or "warm" not in row["steps"]:
        return None
    verdict = _verdict(row, "cold", "warm")
    met = None
    if verdict.ours and verdict.peer:
        met = verdict.ours <= verdict.peer or (verdict.of_floor is not None and verdict.of_floor <= COLD_FLOOR)
    words = f"the best peer's warm run or {COLD_FLOOR:g} times the cold floor"
    return Verdict("cold", verdict.ours, verdict.floor, verdict.peer, verdict.best, words, met)


def judge_limits(row: dict[str, Any]) -> list[Limit]:
    """The limits of a row, in the order in which they stand there."""
    ours = row["samples"].get(OURS, {})
    return [
        Limit(step, measure, median(ours[step], measure) if ours.get(step) else None, most)
        for step, limits in row.get("limits", {}).items()
        for measure, most in limits.items()
    ]


def _verdict(row: dict[str, Any], step: str, peers_step: str) -> Verdict:
    best = peers(row, peers_step)
    name = next(iter(best), "")
    return Verdict(step, seconds(row, OURS, step), seconds(row, FLOOR, step), best.get(name), name, "", None)
