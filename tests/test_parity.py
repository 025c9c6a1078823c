"""Pixels equal GDAL's: bit for bit on the same CRS, 99.9 % across CRSs, at every overview step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from rasterio.enums import Resampling

from tests import oracle
from tests.conftest import Archive
from tests.items import open_file

DAY = "20250608"  # the date on which all four tiles are seen whole

# Just below, at and above each step: the levels of the archive have pixels of 10, 20 and 40 m.
STEPS = [9.8, 10, 10.2, 19.7, 19.9, 20, 20.3, 39.4, 39.8, 40, 41, 77]


def read(source: object, grid: cw.Grid, band: str = "B04", **options: Any) -> np.ndarray:
    """The first date of one band, as cw.open gives it."""
    array = cw.open(source, grid=grid, bands=[band], **options).isel(band=0, time=0).values
    return np.asarray(array)


def grid_over(path: Path, crs: str, factor: float, shape: tuple[int, int]) -> cw.Grid:
    """A grid around the middle of a file, its cells `factor` times as large as the file's pixels."""
    with rasterio.open(path) as src:
        x = (src.bounds.left + src.bounds.right) / 2 + 3.7
        y = (src.bounds.bottom + src.bounds.top) / 2 - 2.9
        to_grid = pyproj.Transformer.from_crs(src.crs.to_wkt(), crs, always_xy=True)
        sizes = []
        for dx, dy in ((src.res[0], 0.0), (0.0, src.res[1])):
            ends = np.subtract(to_grid.transform(x + dx / 2, y + dy / 2), to_grid.transform(x - dx / 2, y - dy / 2))
            sizes.append(float(np.hypot(*ends)) * factor)
    cx, cy = to_grid.transform(x, y)
    left, top = cx - sizes[0] * shape[1] / 2, cy + sizes[1] * shape[0] / 2
    return cw.Grid(crs, (sizes[0], 0, left, 0, -sizes[1], top), shape)


def transform_of(grid: cw.Grid) -> Affine:
    return Affine(*tuple(grid.transform)[:6])


def assert_nearly_equal(got: np.ndarray, path: Path, grid: cw.Grid, level: int | None, crs: str) -> None:
    """At least 99.9 % of the cells as the oracle says, the others from a neighbouring source pixel."""
    transform = transform_of(grid)
    want = oracle.warped(path, crs, transform, got.shape, level=level).filled(0)
    assert (want != 0).mean() > 0.3, "the case must show something"
    different = got != want
    assert different.mean() <= 0.001
    if different.any():
        around = oracle.neighbourhood(path, crs, transform, got.shape, level, different)
        assert (around == got[different][:, None]).any(1).all()


def test_aligned_window_is_the_file_s_own_pixels(arc: Archive) -> None:
    """One item, grid on its pixels, reaching beyond its edge: a plain windowed read says what is right."""
    item = arc.item("32TQR", DAY)
    with rasterio.open(arc.path(item, "B04")) as src:
        window = rasterio.windows.Window(400, 380, 200, 180)
        want = src.read(1, window=window, boundless=True, fill_value=0)
        left, top = src.bounds.left + 4000, src.bounds.top - 3800
    grid = cw.Grid("EPSG:32632", (10, 0, left, 0, -10, top), (180, 200))
    np.testing.assert_array_equal(read(arc.remote, grid, ids=[item["id"]]), want)


@pytest.mark.parametrize("resolution", STEPS)
@pytest.mark.parametrize("shift", [0.0, 3.7], ids=["aligned", "shifted"])
def test_same_crs_nearest_is_bit_equal(arc: Archive, resolution: float, shift: float) -> None:
    item = arc.item("32TQR", DAY)
    path = arc.path(item, "B04")
    with rasterio.open(path) as src:
        left, top = src.bounds.left + 640 + shift, src.bounds.top - 640 + shift
    transform = Affine(resolution, 0, left, 0, -resolution, top)
    shape = (150, 170)
    got = read(arc.remote, cw.Grid("EPSG:32632", transform, shape), ids=[item["id"]])
    level = oracle.level_for(path, "EPSG:32632", transform, shape)
    want = oracle.warped(path, "EPSG:32632", transform, shape, level=level).filled(0)
    np.testing.assert_array_equal(got, want)


def test_the_steps_reach_every_level(arc: Archive) -> None:
    """The resolutions above are no use if they all read the same level."""
    path = arc.path(arc.item("32TQR", DAY), "B04")
    with rasterio.open(path) as src:
        left, top = src.bounds.left + 640, src.bounds.top - 640
    levels = [oracle.level_for(path, "EPSG:32632", Affine(r, 0, left, 0, -r, top), (150, 170)) for r in STEPS]
    assert levels == [None] * 4 + [0] * 4 + [1] * 4


@pytest.mark.parametrize("resolution", [20.0, 30.0, 40.0])
def test_without_overviews_centres_on_pixel_edges_go_the_same_way(arc: Archive, resolution: float) -> None:
    """At 20 and 40 m every centre falls on the corner of four pixels of 10 m."""
    item = arc.item("32TQR", DAY)
    path = arc.path(item, "B04")
    with rasterio.open(path) as src:
        transform = Affine(resolution, 0, src.bounds.left, 0, -resolution, src.bounds.top)
    got = read(arc.remote, cw.Grid("EPSG:32632", transform, (100, 110)), ids=[item["id"]], overviews=False)
    want = oracle.warped(path, "EPSG:32632", transform, (100, 110)).filled(0)
    np.testing.assert_array_equal(got, want)


@pytest.fixture(scope="module")
def odd_levels(tmp_path_factory: pytest.TempPathFactory, made: Archive) -> Path:
    """501 x 499 pixels with overviews of 251, 126 and 63: no level is an exact power of two."""
    path: Path = tmp_path_factory.mktemp("odd") / "odd.tif"
    with rasterio.open(made.path(made.item("32TQR", DAY), "B03")) as src:
        data, profile = src.read(), src.profile
    settings = {"driver": "GTiff", "tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
    data = data[:, :499, :501]
    with rasterio.open(path, "w", **{**profile, **settings, "height": 499, "width": 501}) as out:
        out.write(data)
        out.build_overviews([2, 4, 8], Resampling.average)
    return path


@pytest.mark.parametrize("factor", [0.98, 1.98, 2.0, 3.95, 4.0, 7.9, 8.0, 9.0])
def test_levels_that_are_not_exact_powers(odd_levels: Path, factor: float) -> None:
    grid = grid_over(odd_levels, "EPSG:32632", factor, (60, 55))
    level = oracle.level_for(odd_levels, "EPSG:32632", transform_of(grid), (60, 55))
    got = np.asarray(open_file(odd_levels, grid=grid).values)[0]
    want = oracle.warped(odd_levels, "EPSG:32632", transform_of(grid), (60, 55), level=level).filled(0)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("factor", [0.985, 0.995, 1.02, 1.97, 1.99, 2.04, 3.94, 3.98, 4.1])
@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:3857", "EPSG:4326", "EPSG:3035"])
def test_across_crs_nearest(arc: Archive, crs: str, factor: float) -> None:
    item = arc.item("32TQR", DAY)
    path = arc.path(item, "B04")
    shape = (200, 210)
    grid = grid_over(path, crs, factor, shape)
    level = oracle.level_for(path, crs, transform_of(grid), shape)
    got = read(arc.remote, grid, ids=[item["id"]])
    assert_nearly_equal(got, path, grid, level, crs)


@pytest.mark.parametrize("factor", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("crs", ["EPSG:32632", "EPSG:32633", "EPSG:3857", "EPSG:4326", "EPSG:3035"])
def test_first_mosaic_of_both_zones(arc: Archive, crs: str, factor: float) -> None:
    """Four tiles of two zones, one of them cut by the swath: the first valid pixel in catalog order."""
    items = arc.on_day("20250519")
    shape = (300, 320)
    grid = grid_over(arc.path(arc.item("32TQR", "20250519"), "B02"), crs, factor, shape)
    transform = transform_of(grid)
    layers = []
    for item in items:
        path = arc.path(item, "B02")
        level = oracle.level_for(path, crs, transform, shape)
        layers.append(oracle.warped(path, crs, transform, shape, level=level))
    want = oracle.first(layers, 0)
    got = read(arc.remote, grid, "B02", datetime="2025-05-19")
    assert (want != 0).mean() > 0.3
    assert (got != want).mean() <= 0.001
    assert ((got != 0) != (want != 0)).mean() <= 0.001


@pytest.mark.parametrize("crs", ["EPSG:32632", "EPSG:32633"])
@pytest.mark.parametrize("factor", [0.61, 0.98, 1.0, 1.3, 2.0, 2.9])
def test_bilinear_is_within_one_unit(arc: Archive, crs: str, factor: float) -> None:
    item = arc.item("33TUL", "20250504")  # cut by the swath: nodata inside the kernel
    path = arc.path(item, "B04")
    shape = (180, 200)
    grid = grid_over(path, crs, factor, shape)
    transform = transform_of(grid)
    level = oracle.level_for(path, crs, transform, shape)
    pixel = 10.0 * (1 if level is None else 2 ** (level + 1))
    scale = (pixel / (10 * factor), pixel / (10 * factor))
    want = oracle.warped(path, crs, transform, shape, level=level, resampling="bilinear", scale=scale)
    got = read(arc.remote, grid, ids=[item["id"]], resampling="bilinear")
    valid = ~np.ma.getmaskarray(want)
    assert 0.2 < valid.mean() < 1
    assert ((got != 0) != valid).mean() <= 0.001
    both = valid & (got != 0)
    difference = np.abs(got[both].astype(int) - want.data[both].astype(int))
    assert (difference > 1).mean() <= 0.001


def test_mean_and_last_of_overlapping_items(arc: Archive) -> None:
    items = arc.on_day(DAY)
    shape = (200, 220)
    grid = arc.utm_grid(shape, 10)
    transform = transform_of(grid)
    layers = [oracle.warped(arc.path(i, "B03"), "EPSG:32632", transform, shape) for i in items]
    last = read(arc.remote, grid, "B03", datetime="2025-06-08", mosaic_method="last")
    assert (last != oracle.first(layers[::-1], 0)).mean() <= 0.001
    mean = cw.open(arc.remote, grid=grid, bands=["B03"], datetime="2025-06-08", mosaic_method="mean")
    assert mean.dtype == np.float32
    got = mean.isel(band=0, time=0).values
    want = np.ma.stack(layers).astype(float).mean(0)
    valid = ~np.ma.getmaskarray(want)
    assert np.isclose(got[valid], want[valid], rtol=1e-6).mean() > 0.999


def test_every_tile_of_the_archive_is_used(arc: Archive) -> None:
    """The four tiles together, coarse: what each item shows alone is in the mosaic."""
    grid = arc.utm_grid((240, 240), 40)
    mosaic = read(arc.remote, grid, datetime="2025-06-08")
    for item in arc.on_day(DAY):
        alone = read(arc.remote, grid, ids=[item["id"]])
        seen = alone != 0
        assert seen.any()
        assert (mosaic[seen] != 0).all()
