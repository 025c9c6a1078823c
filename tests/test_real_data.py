"""Real COGs and GeoTIFFs of many makers equal rasterio's reading of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests.corpus import CORPUS, needs_corpus
from tests.items import open_file

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
    with rasterio.open(path) as src:
        want, masks = src.read(), src.read_masks()
        lossy = str(src.profile.get("compress", "")).upper() in LOSSY
        alpha = [i for i, c in enumerate(src.colorinterp) if c.name == "alpha"]
    da = open_file(path)
    got = da.values
    kept = [b for b in range(want.shape[0]) if got.shape[0] == want.shape[0] or b not in alpha]
    assert got.shape == (len(kept), *want.shape[1:])
    for band, mine in zip(kept, got, strict=True):
        valid = masks[band] > 0
        theirs = want[band]
        if lossy:
            assert np.abs(mine[valid].astype(float) - theirs[valid].astype(float)).max(initial=0) <= 1
        else:
            np.testing.assert_array_equal(mine[valid], theirs[valid])


def test_there_are_many() -> None:
    assert len(FILES) > 50
