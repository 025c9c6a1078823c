"""Every way of storing pixels that the fast path or GDAL reads gives rasterio's values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests import formats, linked_gdal
from tests.items import open_file
from tests.servers import RangeServer


@pytest.mark.parametrize("name", formats.LOSSLESS)
def test_lossless_files_equal_rasterio(tmp_path: Path, name: str) -> None:
    path = formats.write(tmp_path, name)
    with rasterio.open(path) as src:
        want = src.read()
    da = open_file(path)
    assert da.dtype == want.dtype
    np.testing.assert_array_equal(da.values, want)
    # A window away from the origin: rows and tiles before it are not needed.
    np.testing.assert_array_equal(da[:, 131:203, 70:300].values, want[:, 131:203, 70:300])


@pytest.mark.parametrize("name", ["deflate-predictor2", "bigtiff", "big-endian", "striped", "zstd-predictor2"])
def test_the_same_over_http(tmp_path: Path, name: str) -> None:
    path = formats.write(tmp_path, name)
    with rasterio.open(path) as src, RangeServer(tmp_path) as server:
        np.testing.assert_array_equal(open_file(path, server.href(path)).values, src.read())
        assert server.stats().bytes < path.stat().st_size + 65536


def test_internal_mask_hides_pixels(tmp_path: Path) -> None:
    path = formats.write_masked(tmp_path / "masked.tif")
    with rasterio.open(path) as src:
        want, valid = src.read(1), src.read_masks(1) > 0
    assert 0.5 < valid.mean() < 0.9
    got = open_file(path, nodata=255).values[0]
    np.testing.assert_array_equal(got[valid], want[valid])
    assert (got[~valid] == 255).all()


def test_jpeg_is_the_linked_gdal_s(tmp_path: Path) -> None:
    path = formats.write_jpeg(tmp_path / "photo.tif")
    np.testing.assert_array_equal(open_file(path).values, linked_gdal.read(path, [1, 2, 3], tmp_path))


def test_nan_is_nodata_of_floats(tmp_path: Path) -> None:
    path = formats.write(tmp_path, "deflate-predictor3")
    da = open_file(path)
    assert np.isnan(da.values).any()
    with rasterio.open(path) as src:
        np.testing.assert_array_equal(np.isnan(da.values[0]), src.read_masks(1) == 0)


def test_bands_of_one_file(tmp_path: Path) -> None:
    """By default a multi-band file gives all its bands, though the catalog lists none."""
    path = formats.write(tmp_path, "pixel-interleaved")
    with rasterio.open(path) as src:
        want = src.read()
    da = open_file(path, bands=None)
    assert da.band.values.tolist() == ["data.1", "data.2", "data.3"]
    np.testing.assert_array_equal(da.values, want)
    np.testing.assert_array_equal(open_file(path, bands=["data.3", "data.1"]).values, want[[2, 0]])
