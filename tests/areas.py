"""Kernels over the source pixels that a cell covers, from their definition: an oracle in float64.

A cell covers the box between two opposite corners, as in GDAL's warper: the outermost pixels weigh as much as lies in
the box. `sum` shares each pixel out by area, between the four corners. Corners are pyproj's; nothing is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from affine import Affine

Floats = npt.NDArray[np.float64]
QUANTILES = {"q1": 0.25, "med": 0.5, "q3": 0.75}
ERROR = 2e-5  # of coordinates, in pixels: the engine's own bound (core/plan/geometry.go)
EDGE = 1e-10  # a box that ends so near to a pixel's edge ends there


@dataclass(frozen=True)
class Cells:
    """Of each cell: what the kernel gives, not rounded; how far coordinates' errors move that; where there is any."""

    values: Floats
    slack: Floats
    valid: npt.NDArray[np.bool_]


def cells(path: Path, grid: cw.Grid, kernel: str) -> Cells:
    """What a kernel gives for a file with nodata."""
    with rasterio.open(path) as src:
        data, known = src.read(1).astype("f8"), src.read_masks(1) != 0
        x, y = corners(grid, src.crs.to_wkt(), ~src.transform)
    rows, cols = grid.shape
    made = Cells(np.zeros((rows, cols)), np.zeros((rows, cols)), np.zeros((rows, cols), bool))
    for row, col in np.ndindex(rows, cols):
        quad = [(row, col), (row, col + 1), (row + 1, col + 1), (row + 1, col)]
        qx, qy = np.array([x[at] for at in quad]), np.array([y[at] for at in quad])
        if not (np.isfinite(qx).all() and np.isfinite(qy).all()):
            continue
        if kernel == "sum":
            left, right = _clamped(np.floor(qx.min()), np.ceil(qx.max()), data.shape[1])
            top, bottom = _clamped(np.floor(qy.min()), np.ceil(qy.max()), data.shape[0])
            weights = shares(qx, qy, np.arange(left, right), np.arange(top, bottom))
        else:
            left, right, across = span(qx[0], qx[2], data.shape[1])
            top, bottom, down = span(qy[0], qy[2], data.shape[0])
            weights = np.outer(down, across)
        part = np.s_[top:bottom, left:right]
        here = known[part] & (weights > 1e-12)
        if not here.any():
            continue
        values, weights = data[part][here], weights[here]
        made.valid[row, col] = True
        made.values[row, col] = _value(kernel, values, weights)
        # Each of four sides moves, and with it the weight of the pixels along it.
        length = 4 * (right - left + bottom - top) * ERROR
        most = np.abs(values).max() if kernel == "sum" else np.ptp(values) / weights.sum()
        made.slack[row, col] = length * most if kernel in ("average", "rms", "sum") else 0
    return made


def corners(grid: cw.Grid, crs: str, inverse: Affine) -> tuple[Floats, Floats]:
    """The cells' corners in pixels of a file."""
    rows, cols = np.mgrid[0 : grid.shape[0] + 1, 0 : grid.shape[1] + 1].astype("f8")
    to_source = pyproj.Transformer.from_crs(grid.crs, crs, always_xy=True)
    x, y = to_source.transform(*_apply(Affine(*grid.transform), cols, rows))
    return _apply(inverse, x, y)


def span(a: float, b: float, size: int) -> tuple[int, int, Floats]:
    """The pixels between two coordinates along an axis, and the weight of each."""
    low, high = min(a, b), max(a, b)
    if high <= -EDGE or low >= size + EDGE:
        return 0, 0, np.zeros(0)
    first, last = _clamped(np.floor(low + EDGE), np.ceil(high - EDGE), size)
    if first == last < size:
        last += 1
    weights = np.ones(last - first)
    if last - first > 1:
        # As GDAL: what sticks out of the raster counts for its outermost pixel.
        weights[0], weights[-1] = 1 - (low - first), 1 - (last - high)
    return first, last, weights


def _clamped(low: float, high: float, size: int) -> tuple[int, int]:
    return int(min(max(low, 0), size)), int(min(max(high, 0), size))


def shares(qx: Floats, qy: Floats, cols: Any, rows: Any) -> Floats:
    """The part of each pixel inside a quadrilateral, from areas of what lies left of and above the pixels' corners."""
    x = np.append(cols, cols[-1:] + 1).astype("f8")[None, :]
    y = np.append(rows, rows[-1:] + 1).astype("f8")[:, None]
    if x.size < 2 or y.size < 2:
        return np.zeros((len(rows), len(cols)))
    area = np.zeros((y.size, x.size))
    for i in range(4):
        area += _under(qx[i], qy[i], qx[i - 3], qy[i - 3], x, y)
    parts = np.diff(np.diff(area, axis=0), axis=1)
    made: Floats = np.abs(parts)
    return made


def _under(x0: float, y0: float, x1: float, y1: float, x: Floats, y: Floats) -> Floats:
    """The integral of min(edge, y) along an edge from x0 to x1, left of x: with the edges' signs the polygon's area."""
    sign = 1.0
    if x0 > x1:
        x0, y0, x1, y1, sign = x1, y1, x0, y0, -1.0
    end = np.clip(x, x0, x1)
    stop = y0 + (y1 - y0) * (end - x0) / (x1 - x0) if x1 > x0 else np.full_like(end, y0)
    low, high = np.minimum(y0, stop), np.maximum(y0, stop)
    # Up to which part of the way the edge is the lower one.
    part = np.clip((y - low) / np.where(high > low, high - low, 1), 0, 1)
    part = np.where(high > low, part, y >= low)
    mean = part * (low + low + part * (high - low)) / 2 + (1 - part) * y
    made: Floats = sign * (end - x0) * mean
    return made


def _value(kernel: str, values: Floats, weights: Floats) -> float:
    if kernel == "average":
        return float((values * weights).sum() / weights.sum())
    if kernel == "rms":
        return float(np.sqrt((values**2 * weights).sum() / weights.sum()))
    if kernel == "sum":
        return float((values * weights).sum())
    if kernel == "mode":  # the first that is counted most often, row by row
        counts: dict[float, int] = {}
        best, most = 0.0, 0
        for value in values.tolist():
            counts[value] = counts.get(value, 0) + 1
            if counts[value] > most:
                best, most = value, counts[value]
        return best
    if kernel in QUANTILES:
        return float(np.sort(values)[int(np.ceil(QUANTILES[kernel] * values.size - 1))])
    return float(values.min() if kernel == "min" else values.max())


def _apply(t: Affine, col: Any, row: Any) -> tuple[Any, Any]:
    return t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f
