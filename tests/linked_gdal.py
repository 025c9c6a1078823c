"""Pixels as the GDAL reads them that the engine is linked with (Debian's), through ctypes.

Lossy codecs decode differently from one libjpeg or libwebp to the next: there rasterio's wheel, which
brings its own, is no oracle. Runs in a process of its own, `python -m tests.linked_gdal`, which is told what to
read by lines of JSON.
"""

from __future__ import annotations

import ctypes
import functools
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BYTE = 1  # GDT_Byte


def read(path: Path, bands: Sequence[int], scratch: Path, level: int | None = None) -> npt.NDArray[np.uint8]:
    """8-bit bands, numbered from 1, as (band, y, x); scratch: a folder for the result on its way."""
    out = scratch / "linked-gdal.npy"
    reader = _reader()
    job = {"path": str(path), "out": str(out), "level": level, "bands": list(bands)}
    assert reader.stdin is not None and reader.stdout is not None
    reader.stdin.write(json.dumps(job) + "\n")
    reader.stdin.flush()
    if (answer := reader.stdout.readline().strip()) != "done":
        raise OSError(answer or "the process that reads with the linked GDAL has ended")
    pixels: npt.NDArray[np.uint8] = np.load(out)
    return pixels


@functools.cache
def _reader() -> subprocess.Popen[str]:
    """The process that reads; it ends with its standard input."""
    command = [sys.executable, "-m", "tests.linked_gdal"]
    folder = Path(__file__).resolve().parents[1]
    return subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _read_here(path: str, level: int | None, bands: Sequence[int]) -> npt.NDArray[np.uint8]:
    gdal: Any = ctypes.CDLL("libgdal.so.32")
    handle, number = ctypes.c_void_p, ctypes.c_int
    gdal.GDALOpen.restype = gdal.GDALGetRasterBand.restype = gdal.GDALGetOverview.restype = handle
    gdal.GDALGetRasterBandXSize.argtypes = gdal.GDALGetRasterBandYSize.argtypes = [handle]
    gdal.GDALGetRasterBand.argtypes = gdal.GDALGetOverview.argtypes = [handle, number]
    gdal.GDALRasterIO.argtypes = [handle, *[number] * 5, handle, *[number] * 5]
    gdal.GDALAllRegister()
    dataset = gdal.GDALOpen(path.encode(), 0)
    if not dataset:
        raise OSError(f"GDAL does not open {path}")
    planes = []
    for band in bands:
        source = gdal.GDALGetRasterBand(dataset, band)
        if level is not None:
            source = gdal.GDALGetOverview(source, level)
        width, height = gdal.GDALGetRasterBandXSize(source), gdal.GDALGetRasterBandYSize(source)
        plane = np.zeros((height, width), np.uint8)
        at = plane.ctypes.data
        if gdal.GDALRasterIO(source, 0, 0, 0, width, height, at, width, height, BYTE, 0, 0):
            raise OSError(f"GDAL does not read band {band} of {path}")
        planes.append(plane)
    return np.stack(planes)


if __name__ == "__main__":
    for line in sys.stdin:
        job = json.loads(line)
        try:
            np.save(job["out"], _read_here(job["path"], job["level"], job["bands"]))
            print("done", flush=True)
        except OSError as problem:
            print(problem, flush=True)
