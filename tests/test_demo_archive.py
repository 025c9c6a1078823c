"""The archive of demo and tests is what it says: real COGs whose catalog and pixels agree."""

from __future__ import annotations

import numpy as np
import pyproj
import rasterio
import shapely
from rasterio.vrt import WarpedVRT

from tests.archive import SMALL, Tile, tiles
from tests.conftest import Archive


def test_files_are_cogs_with_overviews_and_nodata(arc: Archive) -> None:
    for item in arc.items:
        for band, dtype, size in (("B02", "uint16", 512), ("B04", "uint16", 512), ("SCL", "uint8", 256)):
            with rasterio.open(arc.path(item, band)) as src:
                assert src.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
                assert (src.dtypes[0], src.shape, src.nodata) == (dtype, (size, size), 0)
                assert src.overviews(1)[0] == 2
                assert src.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
                assert list(src.transform)[:6] == item["assets"][band]["proj:transform"]
                assert src.crs.to_epsg() == int(item["properties"]["proj:code"].split(":")[1])


def test_two_zones_overlap_and_dates_are_many(arc: Archive) -> None:
    assert {i["properties"]["proj:code"] for i in arc.items} == {"EPSG:32632", "EPSG:32633"}
    assert len({i["id"].split("_")[1] for i in arc.items}) == 4
    assert len({i["properties"]["datetime"][:10] for i in arc.items}) == len(SMALL.passes)
    west = shapely.geometry.shape(arc.item("32TQR", "20250608")["geometry"])
    east = shapely.geometry.shape(arc.item("33TUL", "20250608")["geometry"])
    assert 0.1 < west.intersection(east).area / west.area < 0.4


def test_footprints_are_where_the_pixels_are_valid(arc: Archive) -> None:
    cut = 0
    for item in arc.items:
        with rasterio.open(arc.path(item, "B03")) as src:
            valid = src.read(1) != 0
            lon, lat = _centres(src.transform, src.shape, src.crs.to_epsg())
        polygon = shapely.geometry.shape(item["geometry"])
        inside = shapely.contains_xy(polygon, lon, lat)
        assert (inside == valid).mean() > 0.998
        cut += 0.05 < valid.mean() < 0.95
    assert cut >= 3, "some swath edges cross a tile"


def _centres(transform: rasterio.Affine, shape: tuple[int, int], epsg: int) -> tuple[np.ndarray, np.ndarray]:
    cols, rows = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    to_lonlat = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)
    lon, lat = to_lonlat.transform(transform.c + transform.a * cols, transform.f + transform.e * rows)
    return np.asarray(lon), np.asarray(lat)


def test_both_zones_show_the_same_ground(arc: Archive) -> None:
    with rasterio.open(arc.path(arc.item("32TQR", "20250608"), "B04")) as west:
        here = west.read(1).astype(float)
        with rasterio.open(arc.path(arc.item("33TUL", "20250608"), "B04")) as src:
            options = {"crs": west.crs, "transform": west.transform, "width": west.width, "height": west.height}
            with WarpedVRT(src, resampling=rasterio.enums.Resampling.bilinear, **options) as vrt:
                there = vrt.read(1).astype(float)
    both = (here > 0) & (there > 0)
    assert both.mean() > 0.1
    assert np.corrcoef(here[both], there[both])[0, 1] > 0.95
    assert abs(np.median(here[both] - there[both])) < 10


def test_positions_between_control_points_are_exact_enough() -> None:
    tile: Tile = tiles(512)[0]
    lon, lat = tile.positions()
    exact_lon, exact_lat = _centres(tile.transform(), (512, 512), tile.epsg)
    assert np.abs(lon - exact_lon).max() < 1e-8 and np.abs(lat - exact_lat).max() < 1e-8
