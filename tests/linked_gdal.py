"""Pixels as the GDAL reads them that the engine is linked with (Debian's), through ctypes.

Lossy codecs decode differently from one libjpeg or libwebp to the next: there rasterio's wheel, which
brings its own, is no oracle. Runs in a process of its own: `python -m tests.linked_gdal FILE OUT.npy BAND...`.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BYTE = 1  # GDT_Byte


def read(path: Path, bands: Sequence[int], scratch: Path) -> npt.NDArray[np.uint8]:
    """8-bit bands, numbered from 1, as (band, y, x); scratch: a folder for the result on its way."""
    out = scratch / "linked-gdal.npy"
    command = [sys.executable, "-m", "tests.linked_gdal", str(path), str(out), *map(str, bands)]
    subprocess.run(command, cwd=Path(__file__).resolve().parents[1], check=True, timeout=60)
    pixels: npt.NDArray[np.uint8] = np.load(out)
    return pixels


def _read_here(path: str, bands: Sequence[int]) -> npt.NDArray[np.uint8]:
    gdal: Any = ctypes.CDLL("libgdal.so.32")
    handle, number = ctypes.c_void_p, ctypes.c_int
    gdal.GDALOpen.restype = gdal.GDALGetRasterBand.restype = handle
    gdal.GDALGetRasterXSize.argtypes = gdal.GDALGetRasterYSize.argtypes = [handle]
    gdal.GDALGetRasterBand.argtypes = [handle, number]
    gdal.GDALRasterIO.argtypes = [handle, *[number] * 5, handle, *[number] * 5]
    gdal.GDALAllRegister()
    dataset = gdal.GDALOpen(path.encode(), 0)
    if not dataset:
        raise OSError(f"GDAL does not open {path}")
    width, height = gdal.GDALGetRasterXSize(dataset), gdal.GDALGetRasterYSize(dataset)
    pixels = np.zeros((len(bands), height, width), np.uint8)
    for plane, band in zip(pixels, bands, strict=True):
        source = gdal.GDALGetRasterBand(dataset, band)
        at = plane.ctypes.data
        if gdal.GDALRasterIO(source, 0, 0, 0, width, height, at, width, height, BYTE, 0, 0):
            raise OSError(f"GDAL does not read band {band} of {path}")
    return pixels


if __name__ == "__main__":
    np.save(sys.argv[2], _read_here(sys.argv[1], [int(band) for band in sys.argv[3:]]))
