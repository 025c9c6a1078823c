"""Jobs for the floor (benchmarks/floor, a Go program): the byte ranges of cogweave's own plan, and
what their pixels become.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj

from benchmarks.tools import Request
from tests.servers import ROOT, RangeServer

PROGRAM = ROOT / ".bench" / "floor"
STEP = 32  # cells between two control points
IN_FLIGHT = 64  # cogweave's own limit for one host
HEADER = 16 << 10  # bytes
GAPS = (-1, 64 << 10)  # bytes between tiles that share a request; -1: none do. The better one counts

Doubles = npt.NDArray[np.float64]


class FloorError(Exception):
    """The floor could not be measured."""


def job(requests: Sequence[Request], pixels: bool = True, cold: bool = False) -> dict[str, Any]:
    """The job for several requests together; pixels=False only decodes, as far as the points need it.

    cold: a bare DuckDB's start and answer come first, and a request for each file's header.
    """
    lattices: list[dict[str, Any]] = []
    windows: list[dict[str, Any]] = []
    for request in requests:
        bands = [(band, request.resampling) for band in request.bands]
        bands += [(band, "nearest") for band in request.masked]
        for band, kernel in bands:
            windows += _windows(request, band, kernel if pixels else "none", lattices)
    told = {"in_flight": IN_FLIGHT, "lattices": lattices, "windows": windows}
    if cold:
        told["search"] = {"catalog": requests[0].catalog, "ids": requests[0].ids}
        told["header"] = HEADER
    return told


def headers(urls: Sequence[str], in_flight: int) -> dict[str, Any]:
    """The job that requests the beginning of each file and nothing else."""
    windows = [{"url": url, "kernel": "none", "tiles": []} for url in urls]
    return {"in_flight": in_flight, "header": HEADER, "windows": windows}


def run(job: dict[str, Any], server: RangeServer, latency: int) -> dict[str, Any]:
    """Seconds and the rest, of the better of two ways to request the ranges: merged, or one for each tile."""
    if not PROGRAM.exists():
        raise FloorError("benchmarks/floor is not built: make .deps/floor")
    best: dict[str, Any] = {}
    for gap in GAPS:
        with tempfile.NamedTemporaryFile("w", suffix=".json", dir=ROOT / ".bench") as file:
            json.dump({**job, "gap": gap}, file)
            file.flush()
            server.reset(f"{latency}ms")
            done = subprocess.run([str(PROGRAM), file.name], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise FloorError(done.stderr.strip()[-200:])
        told = json.loads(done.stdout)
        told["most"] = server.stats().max_in_flight
        if not best or told["seconds"] < best["seconds"]:
            best = told
    return best


def _windows(r: Request, band: str, kernel: str, lattices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A window for each file that cogweave plans to read."""
    import cogweave as cw

    items = cw.search(r.catalog, ids=r.ids)
    plan = cw.plan(items, cw.Grid.from_bbox(r.box, r.crs, r.resolution), bands=[band], resampling=r.resampling)
    reads = _rows(plan.reads)
    headers = {h["href"]: h for h in _rows(cw.headers(items, bands=[band]))}
    files: dict[str, list[dict[str, Any]]] = {}
    for read in reads:
        files.setdefault(read["href"], []).append(read)
    made = []
    levels: dict[tuple[int, int], tuple[Doubles, Doubles]] = {}
    numbers: dict[tuple[int, int], int] = {}
    for href, tiles in files.items():
        header, level = headers[href], tiles[0]["level"]
        key = header["epsg"], level
        if key not in levels:
            levels[key] = _lattice(r, header, level)
            numbers[key] = len(lattices)
            x, y = levels[key]
            lattices.append({"step": STEP, "cols": x.shape[1], "x": x.ravel().tolist(), "y": y.ravel().tolist()})
        made.append(_window(r, href, header, tiles, kernel, levels[key], numbers[key]))
    return made


def _rows(table: Any) -> list[dict[str, Any]]:
    import pyarrow as pa

    rows: list[dict[str, Any]] = pa.table(table).to_pylist()
    return rows


def _lattice(r: Request, header: dict[str, Any], level: int) -> tuple[Doubles, Doubles]:
    """Coordinates of cells' centres in pixels of a level, at every STEP-th row and column."""
    rows, cols = (-(-n // STEP) + 1 for n in r.shape)
    col, row = np.meshgrid(np.arange(cols) * STEP + 0.5, np.arange(rows) * STEP + 0.5)
    x, y = r.box[0] + col * r.resolution, r.box[3] - row * r.resolution
    if header["epsg"] != r.epsg:
        x, y = pyproj.Transformer.from_crs(r.epsg, header["epsg"], always_xy=True).transform(x, y)
    a, _, left, _, e, top = header["transform"]
    shrink = header["levels"][level]["width"] / header["levels"][0]["width"]
    return (x - left) / a * shrink, (y - top) / e * shrink


def _window(
    r: Request, href: str, header: dict[str, Any], tiles: list[dict[str, Any]], kernel: str,
    lattice: tuple[Doubles, Doubles], number: int,
) -> dict[str, Any]:  # fmt: skip
    side = header["levels"][tiles[0]["level"]]["tile_width"]
    bytes_each = header["levels"][0]["bits"][0] // 8
    x, y = lattice
    rows, cols = r.shape
    if kernel == "none":
        tiles, needed = _pointed(r, tiles, header, side)
    else:
        margin = 0 if kernel == "nearest" else 3
        bottom = _last(y, rows) + margin
        needed = [int(np.clip(np.ceil(bottom) - t["row"], 1, side)) for t in tiles]
    same = header["epsg"] == r.epsg and abs(x[0, 1] - x[0, 0] - STEP) < 1e-6 and kernel == "nearest"
    return {
        "url": href,
        "side": side,
        "bytes": bytes_each,
        "kernel": "copy" if same else kernel,
        "row": int(np.floor(y[0, 0] + 1e-6)),
        "col": int(np.floor(x[0, 0] + 1e-6)),
        "height": 0 if kernel == "none" else rows,
        "width": 0 if kernel == "none" else cols,
        "lattice": number,
        "tiles": [
            {"offset": t["offset"], "length": t["length"], "row": t["row"], "col": t["col"], "rows": n}
            for t, n in zip(tiles, needed, strict=True)
        ],
    }


def _last(y: Doubles, rows: int) -> float:
    """The lowest pixel row that any cell reads, in pixels of the level; the lattice goes one step beyond."""
    beyond = ((rows - 1) % STEP + 1) / STEP
    return float(max(y[-2].max(), (y[-2] + beyond * (y[-1] - y[-2])).max()))


def _pointed(
    r: Request, tiles: list[dict[str, Any]], header: dict[str, Any], side: int
) -> tuple[list[dict[str, Any]], list[int]]:
    """The tiles that hold points, and how many rows of each."""
    a, _, left, _, e, top = header["transform"]
    cols = np.floor((np.array([p[0] for p in r.points]) - left) / a)
    rows = np.floor((np.array([p[1] for p in r.points]) - top) / e)
    kept, needed = [], []
    for tile in tiles:
        inside = (rows // side == tile["row"] // side) & (cols // side == tile["col"] // side)
        if inside.any():
            kept.append(tile)
            needed.append(int(rows[inside].max()) - tile["row"] + 1)
    return kept, needed
