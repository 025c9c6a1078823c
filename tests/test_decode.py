"""Every real GeoTIFF equals rasterio's reading of it: bit for bit, each band and level, validity included.

Files whose codec loses (JPEG, lossy WebP) are compared with the GDAL that is linked here. What is left out, and
why, stands in LEFT_OUT; a test tells when that is no longer true.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rasterio.windows import Window

from tests import linked_gdal
from tests.corpus import CORPUS, needs_corpus

pytestmark = needs_corpus

COGS = CORPUS / "cogs"
JXL = "neither the GDAL linked here nor rasterio's has a JPEG XL codec"
LEFT_OUT = {  # file -> why, and what the error says
    "gdal-codecs/byte_JXL_tiled.tif": (JXL, "missing codec JXL"),
    "gdal-codecs/rgbsmall_JXL_separate.tif": (JXL, "missing codec JXL"),
    "gdal-codecs/rgbsmall_JXL_tiled.tif": (JXL, "missing codec JXL"),
    "gdal-autotest/zackthecat.tif": ("old-style JPEG, of which a tile holds only parts", "old-style JPEG.*1995"),
}
LOSSY = {"JPEG", "YCBCR JPEG"}
WHOLE = 1 << 20  # samples of a level that are compared whole; of larger ones, the middle and the last corner
PART = 300  # rows and columns of such a part

Pixels = npt.NDArray[Any]


def _folders() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(COGS.rglob("*")):
        name = str(path.relative_to(COGS))
        if path.suffix.lower() in (".tif", ".tiff") and name not in LEFT_OUT:
            found[path.parent.name].append(path)
    # The one large folder in parts, so that a failure says more.
    return {f"{k}-{i}": v[i : i + 25] for k, v in found.items() for i in range(0, len(v), 25)}


FOLDERS = _folders() if CORPUS.is_dir() else {}


def _levels(path: Path) -> list[int | None]:
    with rasterio.open(path) as src:
        return [None, *range(len(src.overviews(1)))]


def _parts(src: Any) -> Iterator[Window]:
    height, width = src.shape
    if height * width * src.count <= WHOLE:
        yield Window(0, 0, width, height)
        return
    rows, cols = min(PART, height), min(PART, width)
    yield Window((width - cols) // 2, (height - rows) // 2, cols, rows)
    yield Window(width - cols, height - rows, cols, rows)


def _valid(src: Any, window: Window, want: Pixels) -> npt.NDArray[np.bool_]:
    """What is valid: GDAL's masks, NaN in floats without nodata, and any alpha."""
    valid: npt.NDArray[np.bool_] = src.read_masks(window=window) > 0
    if want.dtype.kind in "fc" and src.nodata is None:
        valid &= ~np.isnan(want)
    alpha = [n for n, kind in enumerate(src.colorinterp) if kind.name == "alpha"]
    for n in range(src.count):
        if alpha and n not in alpha:  # read_masks leaves floating-point alpha out
            valid[n] &= want[alpha[0]] != 0
    return valid


def _compare(path: Path, level: int | None, scratch: Path) -> list[str]:
    """What differs in one level of a file, in words."""
    arguments: dict[str, Any] = {} if level is None else {"overview_level": level}
    with rasterio.open(path, **arguments) as src:
        bands = list(src.indexes)
        da = cw.open_item(path, bands=bands, overview_level=level)
        if da.shape[1:] != src.shape:
            return [f"shape {da.shape[1:]}, not {src.shape}"]
        lossy = str(src.profile.get("compress", "")).upper() in LOSSY
        linked = linked_gdal.read(path, bands, scratch, level) if lossy else None
        problems = []
        for window in _parts(src):
            rows, cols = window.toslices()
            want = src.read(window=window)
            valid = _valid(src, window, want)
            if linked is not None:
                want = linked[:, rows, cols]
            got = da[:, rows, cols].values
            if got.dtype != want.dtype:
                return [f"dtype {got.dtype}, not {want.dtype}"]
            if not np.array_equal(got[valid], want[valid], equal_nan=got.dtype.kind == "f"):
                problems.append(f"{(got != want)[valid].sum()} of {valid.sum()} pixels differ in {window}")
            if got.dtype.kind != "c":
                floats = cw.open_item(path, bands=bands, overview_level=level, dtype="float64", nodata=float("nan"))
                if not np.array_equal(~np.isnan(floats[:, rows, cols].values), valid & ~np.isnan(want)):
                    problems.append(f"validity differs in {window}")
        return problems


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_files_equal_rasterio(folder: str, tmp_path: Path) -> None:
    problems = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        for path in FOLDERS[folder]:
            for level in _levels(path):
                try:
                    found = _compare(path, level, tmp_path)
                except cw.CogweaveError as problem:
                    found = [f"{type(problem).__name__}: {problem}"]
                if found:
                    problems[path.name, level] = found
    assert problems == {}


def test_there_are_many() -> None:
    assert sum(map(len, FOLDERS.values())) > 350


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_says_so(name: str) -> None:
    why, says = LEFT_OUT[name]
    with pytest.raises(cw.DecodeError, match=says) as caught:
        cw.open_item(COGS / name).load()
    assert caught.value.reason == "TiffUnsupported"
    if why == JXL:
        with pytest.raises(rasterio.errors.RasterioIOError, match="missing codec JXL"):
            rasterio.open(COGS / name)
