"""One small GeoTIFF for each way of storing pixels, and files that are broken on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine

# Neither side is a multiple of a tile: the last tiles of a row and of a column are padded.
HEIGHT, WIDTH = 250, 310
TRANSFORM = Affine(10.0, 0.0, 730000.0, 0.0, -10.0, 5043000.0)
CRS = "EPSG:32632"

TILED: dict[str, Any] = {"tiled": True, "blockxsize": 64, "blockysize": 64}

# name -> (dtype, bands, nodata, GDAL's creation options)
LOSSLESS: dict[str, tuple[str, int, float | None, dict[str, Any]]] = {
    "deflate": ("uint16", 1, 0, {**TILED, "compress": "deflate"}),
    "deflate-predictor2": ("uint16", 1, 0, {**TILED, "compress": "deflate", "predictor": 2}),
    "deflate-predictor3": ("float32", 1, float("nan"), {**TILED, "compress": "deflate", "predictor": 3}),
    "deflate-float64-predictor3": ("float64", 1, -9999.0, {**TILED, "compress": "deflate", "predictor": 3}),
    "deflate-int32-predictor2": ("int32", 1, -2147483648, {**TILED, "compress": "deflate", "predictor": 2}),
    "zstd-predictor2": ("uint16", 1, 0, {**TILED, "compress": "zstd", "predictor": 2}),
    "zstd-float": ("float32", 1, float("nan"), {**TILED, "compress": "zstd"}),
    "lzw": ("uint8", 1, 255, {**TILED, "compress": "lzw"}),
    "lzw-predictor2": ("int16", 1, -9999, {**TILED, "compress": "lzw", "predictor": 2}),
    "packbits": ("uint8", 1, 0, {**TILED, "compress": "packbits"}),
    "uncompressed": ("int16", 1, -9999, {**TILED}),
    "striped": ("uint16", 1, 0, {"tiled": False, "blockysize": 17, "compress": "deflate"}),
    "bigtiff": ("uint16", 1, 0, {**TILED, "compress": "deflate", "predictor": 2, "bigtiff": "YES"}),
    "big-endian": ("uint16", 1, 0, {**TILED, "compress": "deflate", "predictor": 2, "endianness": "BIG"}),
    "no-nodata": ("uint16", 1, None, {**TILED, "compress": "deflate"}),
    "sparse": ("uint16", 1, 7, {**TILED, "compress": "deflate", "sparse_ok": True}),
    "pixel-interleaved": ("uint8", 3, None, {**TILED, "compress": "deflate", "predictor": 2, "interleave": "pixel"}),
    "band-interleaved": ("uint16", 3, 0, {**TILED, "compress": "deflate", "interleave": "band"}),
    "lerc": ("float32", 1, None, {**TILED, "compress": "lerc", "max_z_error": 0}),
}


def pixels(dtype: str, bands: int, nodata: float | None) -> npt.NDArray[Any]:
    """Slopes with a texture over the type's range, and a corner of nodata."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    rng = np.random.default_rng(20250501)
    stack = []
    for band in range(bands):
        field = 60 + band * 20 + 40 * np.sin(x / 23.0 + band) * np.cos(y / 31.0) + rng.integers(0, 12, (HEIGHT, WIDTH))
        if dtype == "int16" or dtype == "int32":
            field = field * 37 - 3000
        elif dtype.startswith("float"):
            field = field * 1.37 + 0.123
        elif dtype == "uint16":
            field = field * 97
        plane = field.astype(dtype)
        if nodata is not None:
            plane[(x + 2 * y) < 90] = np.asarray(nodata).astype(dtype)
        stack.append(plane)
    return np.stack(stack)


def write(folder: Path, name: str) -> Path:
    """Writes one of LOSSLESS."""
    dtype, bands, nodata, options = LOSSLESS[name]
    data = pixels(dtype, bands, nodata)
    if name == "sparse":
        data[:, 64:192, 64:256] = int(nodata or 0)
    return save(folder / f"{name}.tif", data, nodata, **options)


def save(path: Path, data: npt.NDArray[Any], nodata: float | None, **options: Any) -> Path:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=data.shape[0],
        height=data.shape[1],
        width=data.shape[2],
        dtype=data.dtype,
        crs=CRS,
        transform=TRANSFORM,
        nodata=nodata,
        **options,
    ) as out:
        out.write(data)
    return path


def write_masked(path: Path) -> Path:
    """uint8, no nodata value, an internal mask that hides a disc."""
    data = pixels("uint8", 1, None)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=1,
            height=HEIGHT,
            width=WIDTH,
            dtype="uint8",
            crs=CRS,
            transform=TRANSFORM,
            compress="deflate",
            **TILED,
        ) as out,
    ):
        out.write(data)
        out.write_mask((y - 120) ** 2 + (x - 150) ** 2 > 60**2)
    return path


def write_jpeg(path: Path) -> Path:
    """Three 8-bit bands as YCbCr JPEG, which GDAL decodes for us."""
    data = pixels("uint8", 3, None)
    return save(path, data, None, **TILED, compress="jpeg", photometric="ycbcr", interleave="pixel")


def truncate(source: Path, path: Path, keep: int) -> Path:
    """The first `keep` bytes of a file."""
    path.write_bytes(source.read_bytes()[:keep])
    return path
