"""Writes the page (benchmarks.md) and its charts of a run's results.

Nothing is measured here: the page can be written again of results that are kept.

    python -m benchmarks.page RESULTS.json FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import charts, peers
from benchmarks.verdict import FLOOR, OURS, Verdict, judge, judge_cold, judge_limits, median

MEGA = 1e6
HEAD = (
    "tool", "step", "s", "min to max", "runs", "cpu s", "requests", "MB", "most in flight", "peak RSS MB", "threads",
)  # fmt: skip


def write(told: dict[str, Any], folder: Path) -> Path:
    """Writes benchmarks.md and benchmarks/*.svg below folder; gives the page's path."""
    drawn = folder / "benchmarks"
    drawn.mkdir(parents=True, exist_ok=True)
    rows = told["rows"]
    latency = "warm: headers known, 30 ms for each answer (the dashed line is the floor)"
    (drawn / "warm.svg").write_text(charts.bars(rows, "warm", f"Seconds, {latency}"))
    (drawn / "cold.svg").write_text(charts.bars(rows, "cold", "Seconds, cold: new process, no cache, 30 ms"))
    (drawn / "latency.svg").write_text(charts.latencies(rows, "Seconds at 0, 30 and 100 ms for each answer, warm"))
    page = folder / "benchmarks.md"
    page.write_text("\n".join(_page(told)).rstrip() + "\n")
    return page


def _page(told: dict[str, Any]) -> Iterator[str]:
    rows, machine = told["rows"], told["machine"]
    yield "# Benchmarks"
    yield ""
    yield from _introduction(machine)
    again = [row["title"] for row in rows if row.get("again")]
    if again:
        yield f"Measured again by themselves, after the run that all others are of: {'; '.join(again)}."
        yield ""
    yield "## What must be shown, and whether it is"
    yield ""
    yield from _verdicts(rows)
    yield "## All tools"
    yield ""
    yield "![warm](benchmarks/warm.svg)"
    yield ""
    yield "![cold](benchmarks/cold.svg)"
    yield ""
    yield "![latency](benchmarks/latency.svg)"
    yield ""
    for row in rows:
        yield from _row(row)
    yield from _versions(told["versions"])
    yield from _repeating()


def _introduction(machine: dict[str, Any]) -> Iterator[str]:
    if machine["quick"]:
        yield "**The quick archive, made to see that all runs: its times mean nothing.**"
        yield ""
    memory = machine["memory"] / 2**30
    yield (
        f"Written by `make bench` on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, {memory:.0f} GiB,"
        f" {machine['system']}; load average at the start of the page {machine['load'][0]:.1f}."
        f" Medians of {machine['repeat']} fresh processes for each tool, in turn with the others; fewer where a"
        " table says so."
    )
    yield ""
    yield (
        "The archive: 32 COGs of 10980x10980 uint16 (deflate, predictor 2, tiles of 1024, overviews) and scene classes,"
        " two UTM zones, thirty dates, behind a local HTTP server that adds 30 ms to each answer unless a column"
        " says otherwise. *Cold*: a new process without any cache opens the catalog and reads; imports are not"
        " counted, for any tool. *Warm*: the same process reads another place of the same files, whose headers it"
        " knows. *Floor*: a program that is given the very byte ranges of cogweave's plan and does nothing but request"
        " them, at most 64 at a time, inflate, undo the predictor, and copy or resample: on all cores, without any"
        " check. Cold, it starts a bare DuckDB, has one query for the items answered, and asks for each header first."
    )
    yield ""


def _verdicts(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    verdicts = [(row, judge(row)) for row in rows if row["goal"]]
    missed = [row["title"] for row, verdict in verdicts if verdict.met is False]
    yield f"**Missed: {'; '.join(missed)}.**" if missed else "No row is missed."
    yield ""
    yield "| workload | step | floor | cogweave | x floor | best peer | peer / cogweave | goal | |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row, v in verdicts:
        yield (
            f"| {row['title']} | {v.step} | {_s(v.floor)} | {_s(v.ours)} | {_x(v.of_floor)} | {_best(v)} |"
            f" {_x(v.of_peer)} | {v.goal} | {_met(v.met)} |"
        )
    yield ""
    yield from _limits(rows)
    cold = [(row, verdict) for row in rows if (verdict := judge_cold(row)) and verdict.peer]
    if cold:
        slower = [row["title"] for row, verdict in cold if verdict.met is False]
        yield from _missed(f"Cold, no slower than {cold[0][1].goal}", slower)
        yield "| workload | floor, cold | cogweave, cold | x floor | best peer, warm | |"
        yield "|---|---|---|---|---|---|"
        for row, v in cold:
            yield f"| {row['title']} | {_s(v.floor)} | {_s(v.ours)} | {_x(v.of_floor)} | {_best(v)} | {_met(v.met)} |"
        yield ""


def _missed(what: str, titles: Sequence[str]) -> Iterator[str]:
    yield f"{what}: **missed by {'; '.join(titles)}**." if titles else f"{what}: met by every row."
    yield ""


def _limits(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What rows must stay below whatever others need."""
    told = [(row, limit) for row in rows for limit in judge_limits(row)]
    if not told:
        return
    missed = [f"{row['title']} ({limit.step}, {limit.measure})" for row, limit in told if limit.met is False]
    yield from _missed("Limits of cogweave's own", missed)
    yield "| workload | step | measure | cogweave | limit | |"
    yield "|---|---|---|---|---|---|"
    for row, limit in told:
        ours = "" if limit.ours is None else f"{limit.ours:,.3f}"
        yield f"| {row['title']} | {limit.step} | {limit.measure} | {ours} | {limit.most:,g} | {_met(limit.met)} |"
    yield ""


def _row(row: dict[str, Any]) -> Iterator[str]:
    """All that was measured of one workload."""
    yield f"### {row['title']} (`{row['name']}`)"
    yield ""
    if row["notes"]:
        yield row["notes"]
        yield ""
    gaps = any("gap" in s for steps in row["samples"].values() for told in steps.values() for s in told)
    head = [*HEAD, *(["largest loop gap ms"] if gaps else [])]
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for tool in sorted(row["samples"], key=lambda name: (name != FLOOR, name != OURS, name)):
        for step in row["steps"]:
            if samples := row["samples"][tool].get(step):
                cells = [f"**{tool}**" if tool == OURS else tool, step, *_measures(samples)]
                cells += [_number(samples, "gap", ".1f")] if gaps else []
                yield f"| {' | '.join(cells)} |"
    for tool, reason in row["failures"].items():
        yield f"| {tool} | | {reason.replace('|', '/')} |" + " |" * (len(head) - 3)
    yield ""
    yield from _agreement(row)


def _measures(samples: Sequence[dict[str, Any]]) -> list[str]:
    times = [s["seconds"] for s in samples]
    return [
        f"{median(samples, 'seconds'):.3f}",
        f"{min(times):.3f} to {max(times):.3f}",
        str(len(samples)),
        _number(samples, "cpu", ".2f"),
        _number(samples, "requests", ".0f"),
        _number(samples, "bytes", ".1f", MEGA),
        _number(samples, "most", ".0f"),
        _number(samples, "peak", ".0f", MEGA),
        _number(samples, "threads", ".0f"),
    ]


def _number(samples: Sequence[dict[str, Any]], measure: str, form: str, unit: float = 1) -> str:
    told = [s for s in samples if measure in s]
    return format(median(told, measure) / unit, form) if told else ""


def _agreement(row: dict[str, Any]) -> Iterator[str]:
    """How the tools' pixels differ from cogweave's."""
    if not row["agreement"]:
        return
    equal = [tool for tool, told in row["agreement"].items() if told["differ"] == 0]
    words = []
    if equal:
        words.append(f"The same pixels as cogweave's: {', '.join(equal)}.")
    for tool, told in row["agreement"].items():
        if "words" in told:
            words.append(f"{tool}: {told['words']}.")
        elif told["differ"]:
            words.append(
                f"{tool}: {100 * told['differ']:.2g} % of the cells differ, by {told['mean']:.2g} on average over"
                f" all, {told['largest']:.4g} at most."
            )
    yield "Checksums: " + " ".join(words)
    yield ""


def _versions(versions: dict[str, dict[str, str]]) -> Iterator[str]:
    yield "## Versions"
    yield ""
    for name, told in versions.items():
        yield f"- {name}: " + ", ".join(f"{package} {version}" for package, version in told.items())
    for listed in sorted(peers.LISTS.glob("*.txt")):
        if listed.stem not in versions:
            yield f"- {listed.stem}: **not installed here; its columns are empty**"
    yield ""


def _repeating() -> Iterator[str]:
    yield "## How to repeat it"
    yield ""
    yield "```sh"
    yield "make bench                                  # everything: peers, archive (5 GB), all rows, this page"
    yield "make bench WORKLOAD=series,pixel REPEAT=9   # some rows; the page goes to .bench/page"
    yield "make bench QUICK=1                          # the small archive of continuous integration"
    yield "make bench-compare BASE=<commit>            # Go microbenchmarks of two commits, by benchstat"
    yield "```"
    yield ""
    yield (
        "All that was measured is in `.bench/results.json`, CPU profiles and flame graphs of the rows furthest from"
        " their floor in `.bench/profiles`. `benchmarks/__init__.py` tells how to add a workload."
    )


def _s(value: float | None) -> str:
    return "" if value is None else f"{value:.3f} s"


def _x(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _best(verdict: Verdict) -> str:
    return "" if verdict.peer is None else f"{verdict.best} {verdict.peer:.3f} s"


def _met(met: bool | None) -> str:
    return {True: "met", False: "**MISSED**", None: "not measured"}[met]


if __name__ == "__main__":
    print(write(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])))
