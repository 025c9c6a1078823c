"""Real COGs and GeoTIFFs of many makers equal rasterio's reading of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests.corpus import CORPUS, needs_corpus
from tests.items import colour_bands, open_file

pytestmark = needs_corpus

# Codecs that decode to within one unit of rasterio's wheel, which links other versions of them.
LOSSY = {"JPEG", "YCbCr JPEG", "WEBP", "LERC", "LERC_DEFLATE", "LERC_ZSTD"}


def _plain(path: Path) -> bool:
    """North-up and georeferenced, real numbers, of a size that a test can read."""
    try:
        with rasterio.open(path) as src:
            t = src.transform
            return bool(
                src.driver == "GTiff"
                and src.crs is not None
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
def test_native_pixels(path: Path) -> None:
    bands = colour_bands(path)
    with rasterio.open(path) as src:
        want, masks = src.read(bands), src.read_masks(bands)
        lossy = str(src.profile.get("compress", "")).upper() in LOSSY
    got = open_file(path).values
    assert got.shape == want.shape
    for mine, theirs, mask in zip(got, want, masks, strict=True):
        valid = mask > 0
        if lossy:
            assert np.abs(mine[valid].astype(float) - theirs[valid].astype(float)).max(initial=0) <= 1
        else:
            np.testing.assert_array_equal(mine[valid], theirs[valid])


def test_there_are_many() -> None:
    assert len(FILES) > 50
