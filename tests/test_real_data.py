"""Real COGs and GeoTIFFs of many makers equal rasterio's reading of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests import linked_gdal
from tests.corpus import CORPUS, needs_corpus
from tests.items import colour_bands, open_file

pytestmark = needs_corpus

# Items are found by longitude and latitude: Mars has others, and the corners of a full disk none.
WITHOUT_LONLAT = {"cog_hirise_mars.tif", "goes.tif"}
LOSSY = {"JPEG", "YCBCR JPEG", "WEBP"}


def _plain(path: Path) -> bool:
    """North-up and georeferenced, real numbers, of a size that a test can read."""
    try:
        with rasterio.open(path) as src:
            t = src.transform
            return bool(
                src.driver == "GTiff"
                and path.name not in WITHOUT_LONLAT
                and src.crs is not None
                and (src.crs.is_projected or src.crs.is_geographic)
                and not t.is_identity
                and (t.b, t.d) == (0, 0)
                and t.a > 0 > t.e
                and not any("complex" in d for d in src.dtypes)
                and len(set(src.dtypes)) == 1
                and src.width * src.height * src.count < 6_000_000
            )
    except rasterio.errors.RasterioError:
        return False


FILES = [p for p in sorted(CORPUS.glob("cogs/*/**/*.[tT][iI][fF]")) if _plain(p)] if CORPUS.is_dir() else []


@pytest.mark.parametrize("path", FILES, ids=lambda p: "/".join(p.parts[-2:]))
def test_native_pixels(path: Path, tmp_path: Path) -> None:
    bands = colour_bands(path)
    with rasterio.open(path) as src:
        want, valid = src.read(bands), src.read_masks(bands) > 0
        if alpha := [n for n in src.indexes if n not in bands]:
            valid = valid & (src.read(alpha[0]) != 0)  # read_masks leaves floating-point alpha out
        if str(src.profile.get("compress", "")).upper() in LOSSY:
            want = linked_gdal.read(path, bands, tmp_path)
    got = open_file(path).values
    assert got.shape == want.shape
    np.testing.assert_array_equal(got[valid], want[valid])


def test_there_are_many() -> None:
    assert len(FILES) > 50
