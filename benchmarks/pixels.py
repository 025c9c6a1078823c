"""The workloads of the pixel engine alone, on one core: kernels beside GDAL's warper, and decoding.

Files are local; both cogweave and GDAL read them on the clock, uncompressed ones for the kernels.
cogweave knows the header, GDAL opens the file anew, which costs it less than a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.warp
from affine import Affine
from rasterio.enums import Resampling

from benchmarks.harness import FOLDER, Goal, Site, Step, Workload

ORIGIN = 730_000.0, 5_043_000.0  # of the files, in zone 32; near the border of zone 33
# kernel -> cell size over pixel size, times as fast as GDAL's warper that it must be
KERNELS = {
    "nearest": (1, 4.0), "bilinear": (1, 15.0), "cubic": (1, 8.0), "lanczos": (1, 5.0),
    "average": (2, 4.0), "mode": (2, 10.0), "med": (2, 4.0),
}  # fmt: skip
ACTIONS = "benchmarks.tools.pixels:"


def workloads(site: Site) -> Iterator[Workload]:
    """Kernels, decoding, and how both grow with a second core."""
    side = 512 if site.quick else 4096
    folder = FOLDER / "pixels"
    folder.mkdir(exist_ok=True)
    plain = _file(folder / f"plain-{side}.tif", side)
    packed = _file(folder / f"packed-{side}.tif", side, compress="deflate", predictor=2)
    for kernel, (factor, goal) in KERNELS.items():
        yield warp(plain, side, kernel, factor, goal)
    yield decode(packed, side)
    yield cores(packed, side)


def warp(path: Path, side: int, kernel: str, factor: int, goal: float) -> Workload:
    """A file of zone 32 onto a grid of zone 33 in its middle."""
    cells = side // 2 // factor
    x, y = rasterio.warp.transform("EPSG:32632", "EPSG:32633", [ORIGIN[0] + 5 * side], [ORIGIN[1] - 5 * side])
    request = {
        "path": str(path),
        "crs": "EPSG:32633",
        "transform": [10 * factor, 0, x[0] - 5 * cells * factor, 0, -10 * factor, y[0] + 5 * cells * factor],
        "shape": [cells, cells],
        "resampling": kernel,
        "threads": 1,
    }
    size = "1:1" if factor == 1 else f"{factor}:1"
    return Workload(
        f"kernel-{kernel}", f"{kernel}, UTM to the next zone, {size}, uint16, {cells} x {cells}, one core",
        (Step("first", request, "none", latency=0), Step("warm", request, "run", latency=0)),
        {"cogweave": ACTIONS + "cogweave", "rasterio": ACTIONS + "warper"},
        Goal(goal), what="numbers",
    )  # fmt: skip


def decode(path: Path, side: int) -> Workload:
    """A whole file on its own grid."""
    request = {"path": str(path), "threads": 1}
    return Workload(
        "decode", f"deflate with predictor 2, uint16, {side} x {side}, one core",
        (Step("first", request, "none", latency=0), Step("warm", request, "run", latency=0)),
        {"cogweave": ACTIONS + "cogweave", "rasterio": ACTIONS + "reader", "async-tiff": ACTIONS + "async_tiff"},
        Goal(1.5), notes="The goal is 1.5 times GDAL and 2.5 times async-tiff.",
    )  # fmt: skip


def cores(path: Path, side: int) -> Workload:
    """A warp of most of a compressed file on one core and on two."""
    cells = side * 3 // 4
    request = {**warp(path, side, "cubic", 1, 1.0).steps[0].request}
    around = _around(request["transform"], (cells - side // 2) // 2)
    request |= {"shape": [cells, cells], "transform": around, "reads": 8}
    timed = (Step(f"{n} cores", {**request, "threads": n}, "run", latency=0) for n in (1, 2))
    steps = (Step("first", {**request, "threads": 2}, "none", latency=0), *timed)
    return Workload(
        "cores", f"cubic from deflate, {cells} x {cells}, eight times, one core and two", steps,
        {"cogweave": ACTIONS + "cores"}, what="numbers",
        notes="The goal is two cores 1.85 times as fast as one. All threads are bound to so many processors. "
        "One read takes 0.07 s on two cores, of which a single interruption is a tenth: therefore eight.",
    )  # fmt: skip


def _around(transform: list[float], cells: int) -> list[float]:
    """A grid with so many cells more on each side."""
    a, b, x, d, e, y = transform
    return [a, b, x - a * cells, d, e, y - e * cells]


def _file(path: Path, side: int, **options: Any) -> Path:
    """Slopes with the noise of a sensor, which deflate makes about half as large."""
    if path.exists():
        return path
    y, x = np.mgrid[0:side, 0:side].astype("float32")
    noise = np.random.default_rng(1).integers(0, 60, (side, side))
    data = (2000 + 900 * np.sin(x / 211) * np.cos(y / 173) + noise).astype("uint16")
    data[: side // 20] = 0
    made = path.with_suffix(".part")
    with rasterio.open(
        made, "w", driver="GTiff", count=1, height=side, width=side, dtype="uint16", nodata=0, crs="EPSG:32632",
        transform=Affine(10, 0, ORIGIN[0], 0, -10, ORIGIN[1]), tiled=True, blockxsize=512, blockysize=512, **options,
    ) as out:  # fmt: skip
        out.write(data, 1)
    with rasterio.open(made, "r+") as out:
        out.build_overviews([2], Resampling.nearest)
    return made.replace(path)
