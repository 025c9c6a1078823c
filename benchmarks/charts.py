"""SVG charts of a run: bars of every tool for each workload, and lines over latency. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Any

from benchmarks.verdict import FLOOR, OURS, median, seconds

WIDTH, MARGIN, COLUMNS = 1000, 20, 2
BAR, TITLE = 19, 34
INK, FAINT, PAPER = "#222222", "#8a8a8a", "#ffffff"
COLOURS = {
    "cogweave": "#c2410c", "floor": "#8a8a8a", "lazycogs": "#2563eb", "odc-stac": "#0f766e", "stackstac": "#7c3aed",
    "rasteret": "#a16207", "rasterio": "#475569", "rioxarray": "#be185d", "async-tiff": "#15803d",
}  # fmt: skip


def bars(rows: Sequence[dict[str, Any]], step: str, title: str) -> str:
    """A panel of bars for each row that has the step, each on a scale of its own."""
    panels = [(row, _times(row, step)) for row in rows]
    panels = [(row, times) for row, times in panels if times]
    width = (WIDTH - (COLUMNS + 1) * MARGIN) / COLUMNS
    tops, top = [], 60.0
    for i in range(0, len(panels), COLUMNS):
        tops.append(top)
        top += TITLE + BAR * max(len(times) for _, times in panels[i : i + COLUMNS]) + 24
    parts = []
    for i, (row, times) in enumerate(panels):
        left = MARGIN + (i % COLUMNS) * (width + MARGIN)
        parts.append(_panel(row, times, left, tops[i // COLUMNS], width))
    return _svg(title, top + 6, parts)


def _times(row: dict[str, Any], step: str) -> list[tuple[str, float]]:
    """Tools and their medians, the fastest first; the floor leads."""
    told = [(tool, seconds(row, tool, step)) for tool in row["samples"]]
    found = [(tool, s) for tool, s in told if s is not None]
    return sorted(found, key=lambda pair: (pair[0] != FLOOR, pair[1]))


def _panel(row: dict[str, Any], times: list[tuple[str, float]], left: float, top: float, width: float) -> str:
    label, number = 84, 92
    room, most = width - label - number, max(s for _, s in times)
    ours = dict(times).get(OURS)
    parts = [_text(left, top + 16, row["title"], weight="bold")]
    for i, (tool, s) in enumerate(times):
        y = top + TITLE + i * BAR
        heavy = "bold" if tool == OURS else "normal"
        length = max(1.0, room * s / most)
        parts.append(_text(left + label - 8, y + 10, tool, "end", heavy))
        parts.append(
            f'<rect x="{left + label:.1f}" y="{y:.1f}" width="{length:.1f}" height="{BAR - 6}" rx="2"'
            f' fill="{COLOURS.get(tool, INK)}"{" fill-opacity=" + chr(34) + "0.5" + chr(34) if tool == FLOOR else ""}/>'
        )
        ratio = f" ({s / ours:.1f} x)" if ours and tool not in (OURS, FLOOR) else ""
        parts.append(_text(left + label + length + 5, y + 10, f"{s:.3f} s{ratio}", weight=heavy))
    if times[0][0] == FLOOR:
        x = left + label + room * times[0][1] / most
        parts.append(
            f'<line x1="{x:.1f}" y1="{top + TITLE - 4:.1f}" x2="{x:.1f}" y2="{top + TITLE + BAR * len(times):.1f}"'
            f' stroke="{FAINT}" stroke-dasharray="3 3"/>'
        )
    return "\n".join(parts)


def latencies(rows: Sequence[dict[str, Any]], title: str) -> str:
    """For each row that was measured at several latencies: a line for each tool, on a logarithmic scale of time."""
    panels = [row for row in rows if len(_latencies(row)) > 1]
    width, height = (WIDTH - (COLUMNS + 1) * MARGIN) / COLUMNS, 250
    parts = []
    for i, row in enumerate(panels):
        left = MARGIN + (i % COLUMNS) * (width + MARGIN)
        parts.append(_lines(row, left, 60 + (i // COLUMNS) * (height + 30), width, height))
    return _svg(title, 60 + -(-len(panels) // COLUMNS) * (height + 30), parts)


def _latencies(row: dict[str, Any]) -> list[tuple[int, str]]:
    """Latency in ms and step of the warm steps."""
    return sorted((told["latency"], step) for step, told in row["steps"].items() if step != "cold")


def _lines(row: dict[str, Any], left: float, top: float, width: float, height: float) -> str:
    from math import log10

    points: dict[str, list[tuple[int, float]]] = {}
    for latency, step in _latencies(row):
        for tool, steps in row["samples"].items():
            if step in steps:
                points.setdefault(tool, []).append((latency, median(steps[step], "seconds")))
    values = [s for told in points.values() for _, s in told]
    low, high = log10(min(values)) - 0.1, log10(max(values)) + 0.1
    x0, y0, x1, y1 = left + 46, top + 26, left + width - 84, top + height - 26

    def place(latency: int, s: float) -> tuple[float, float]:
        return x0 + (x1 - x0) * latency / 100, y1 - (y1 - y0) * (log10(s) - low) / (high - low)

    parts = [_text(left, top + 12, row["title"], weight="bold")]
    for power in range(-4, 3):
        for digit in (1, 3):
            s = digit * 10.0**power
            if low <= log10(s) <= high:
                _, y = place(0, s)
                parts.append(f'<line x1="{x0:.1f}" y1="{y:.1f}" x2="{x1:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
                parts.append(_text(x0 - 6, y + 4, f"{s:g} s", "end", fill=FAINT))
    for latency, _ in _latencies(row):
        x, _ = place(latency, 1)
        parts.append(_text(x, y1 + 16, f"{latency} ms", "middle", fill=FAINT))
    ends = []
    for tool, told in points.items():
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in told))
        style = 'stroke-dasharray="4 3"' if tool == FLOOR else f'stroke-width="{3 if tool == OURS else 1.5}"'
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS.get(tool, INK)}" {style}/>')
        ends.append([place(*told[-1])[1], tool])
    return "\n".join(parts + _labels(ends, x1 + 6))


def _labels(ends: list[list[Any]], x: float) -> list[str]:
    """Names at the lines' ends, moved apart where they would overlap."""
    ends.sort()
    for before, after in pairwise(ends):
        after[0] = max(after[0], before[0] + 13)
    return [
        _text(x, y + 4, tool, weight="bold" if tool == OURS else "normal", fill=COLOURS.get(tool, INK))
        for y, tool in ends
    ]


def _text(x: float, y: float, text: str, anchor: str = "start", weight: str = "normal", fill: str = INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}">'
        f"{escape(text)}</text>"
    )


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}"'
        f' height="{height:.0f}" font-family="Helvetica, Arial, sans-serif" font-size="12" role="img">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="{PAPER}"/>\n'
        f'<text x="{MARGIN}" y="32" font-size="16" font-weight="bold" fill="{INK}">{escape(title)}</text>\n'
        f"{body}\n</svg>\n"
    )
