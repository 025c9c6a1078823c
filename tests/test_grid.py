"""Grids are those of odc-geo for the same arguments, and those of the files themselves: no half pixel off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from cogweave.open import locate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from tests.conftest import Archive

numbers = st.integers(-500_000, 500_000)


@settings(max_examples=150, deadline=None)
@given(
    numbers,
    numbers,
    st.integers(100, 90_000),
    st.integers(100, 90_000),
    st.sampled_from([1.0, 7.5, 10.0, 30.0, 60.0, 1000.0]),
    st.sampled_from(["edge", "center"]),
)
def test_anchored_grids_are_odc_geo_s(x: int, y: int, width: int, height: int, resolution: float, anchor: str) -> None:
    box = (x / 4, y / 4, x / 4 + width / 3, y / 4 + height / 3)
    ours = cw.Grid.from_bbox(box, "EPSG:32633", resolution, anchor)
    theirs = GeoBox.from_bbox(box, "EPSG:32633", resolution=resolution, anchor=anchor)
    assert ours.shape == tuple(theirs.shape)
    assert ours.transform == pytest.approx(tuple(theirs.affine)[:6], rel=0, abs=1e-6)


def test_a_geobox_comes_back_as_it_was() -> None:
    """Rotated ones too."""
    box = GeoBox.from_bbox((500_000, 5_000_000, 501_000, 5_002_000), "EPSG:32633", resolution=10)
    for geobox in (box, box.rotate(30), box.flipx()):
        grid = cw.Grid(geobox.crs, geobox.affine, geobox.shape)
        assert grid.geobox == geobox


def test_native_is_the_grid_that_the_items_share(arc: Archive) -> None:
    """Of one tile: the file's own. Of the tiles of a zone: one lattice over all of them, pixel for pixel."""
    tile = arc.items[0]
    alone = [i["id"] for i in arc.items if i["id"].split("_")[1] == tile["id"].split("_")[1]]
    with rasterio.open(arc.path(tile, "B04")) as src:
        crs, transform, shape, pixels = src.crs, src.transform, src.shape, src.read(1)
    data = cw.open(arc.local, ids=alone, grid="native", bands="B04", time_period="id", sortby="id")
    assert data.shape[-2:] == shape
    grid = data.cogweave.plan.grid
    assert grid.transform == tuple(transform)[:6]
    assert rasterio.crs.CRS.from_user_input(grid.crs) == crs
    at = [str(group) for group in data["group"].values].index(tile["id"])
    assert (data.isel(band=0, time=at).values == pixels).all()


def test_native_takes_a_part_and_says_what_it_cannot(arc: Archive) -> None:
    tile = arc.items[0]
    with rasterio.open(arc.path(tile, "B04")) as src:
        window = rasterio.windows.Window(10, 20, 30, 40)
        box = rasterio.windows.bounds(window, src.transform)
        want, crs = src.read(1, window=window), src.crs
    part = cw.open(arc.local, ids=tile["id"], bands="B04", grid="native", bbox=box, bbox_crs=crs)
    assert (part.values[0, 0] == want).all()
    unsaid = cw.open(arc.local, ids=tile["id"], bands="B04")
    assert unsaid.shape[-2:] == (src.height, src.width)
    with pytest.raises(cw.InvalidArgument, match=r"EPSG:3263\d.*EPSG:3263\d"):
        cw.open(arc.local, bands="B04", grid="native")
    with pytest.raises(cw.InvalidArgument, match="leave out"):
        cw.open(arc.local, grid="native", crs=32633)


def test_utm_is_the_zone_of_the_bbox(arc: Archive) -> None:
    west, south = arc.items[0]["bbox"][:2]
    box = (west + 0.001, south + 0.001, west + 0.01, south + 0.01)
    data = cw.open(arc.local, bbox=box, crs="utm", resolution=20, bands="B04")
    zone = 32601 + int((west + 180) // 6)
    assert data.cogweave.plan.grid.crs == f"EPSG:{zone}"
    same = cw.open(arc.local, bbox=box, bbox_crs=4326, crs=zone, resolution=20, bands="B04")
    assert (data.values == same.values).all()


def located(**said: object) -> cw.Grid:
    unsaid = dict.fromkeys(("bbox", "crs", "resolution", "grid", "intersects", "bbox_crs"))
    found = locate(**{**unsaid, **said}).grid
    assert found is not None
    return found


@pytest.mark.parametrize("crs", ["EPSG:3460", "EPSG:4326", "utm"])
def test_a_geometry_split_at_the_antimeridian_is_one_place(crs: str) -> None:
    def box(west: float, east: float) -> list[list[list[float]]]:
        return [[[west, -19], [east, -19], [east, -16], [west, -16], [west, -19]]]

    resolution = 0.01 if crs == "EPSG:4326" else 1000
    split = {"type": "MultiPolygon", "coordinates": [box(-180, -179), box(177, 180)]}
    whole = {"type": "Polygon", "coordinates": box(177, 181)}
    grid = located(crs=crs, resolution=resolution, intersects=split)
    assert grid == located(crs=crs, resolution=resolution, intersects=whole)
    assert grid.shape[1] < 600
    # The whole world is no such thing, and neither is what a grid in degrees is cropped by.
    world = {"type": "MultiPolygon", "coordinates": [box(-180, 0), box(0, 180)]}
    assert located(crs=4326, resolution=1, intersects=world).shape == (3, 360)
    degrees = cw.Grid(4326, (1, 0, -180, 0, -1, 90), (180, 360))
    assert located(grid=degrees, intersects=split).shape == (3, 360)


def test_a_bbox_across_the_antimeridian_of_another_crs_goes_on_in_degrees() -> None:
    box = (750_000, 8_000_000, 950_000, 8_100_000)  # of the last zone; it ends east of 180 degrees
    west, _, east, _ = located(bbox=box, bbox_crs=32760, crs=4326, resolution=0.01).bbox
    assert 179 < west < 180 < east < 182


def test_like_another_array(arc: Archive) -> None:
    grid = arc.utm_grid((32, 48), 20)
    first = cw.open(arc.local, grid=grid, bands="B04")
    assert cw.open(arc.local, grid=first, bands="B04").cogweave.plan.grid == grid
    assert np.array_equal(first["x"], cw.open(arc.local, grid=grid.geobox, bands="B04")["x"])


@pytest.mark.parametrize("crs", ["EPSG:3460", "EPSG:4326", "utm"])
def test_a_bbox_in_degrees_may_end_west_of_where_it_begins(crs: str) -> None:
    """RFC 7946, section 5.2: across the antimeridian. In metres it is a mistake."""
    said: dict[str, object] = {"crs": crs, "resolution": 0.01 if crs == "EPSG:4326" else 1000}
    if crs == "EPSG:3460":
        said["bbox_crs"] = "EPSG:4326"
    assert located(bbox=(177, -19, -179, -16), **said) == located(bbox=(177, -19, 181, -16), **said)
    with pytest.raises(cw.InvalidArgument, match="reversed"):
        located(bbox=(177, -19, -179, -16), crs="EPSG:3460", resolution=1000)
    with pytest.raises(cw.InvalidArgument, match="reversed"):
        located(bbox=(12, 45, 11, 46), **said)


@pytest.mark.parametrize("described", [True, False])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4269"])
@pytest.mark.parametrize("west", [178, -182])
def test_rasters_in_degrees_on_a_grid_that_goes_on_beyond_180(
    tmp_path: Path, west: float, crs: str, described: bool
) -> None:
    """Tiles begin anew at -180 where the grid goes on: those of both sides are read, by windows too."""
    pixels = np.random.default_rng(3).integers(1, 250, (80, 160), dtype="uint8")
    items = []
    for left, part in ((178, pixels[:, :80]), (-180, pixels[:, 80:])):
        path = tmp_path / f"{left}.tif"
        transform = Affine(0.025, 0, left, 0, -0.025, 1)
        with rasterio.open(path, "w", driver="GTiff", count=1, height=80, width=80, dtype="uint8", crs="EPSG:4326",
                           nodata=0, transform=transform) as out:  # fmt: skip
            out.write(part, 1)
        asset: dict[str, Any] = {"href": str(path), "type": "image/tiff; application=geotiff", "roles": ["data"]}
        if described:
            asset |= {"proj:code": "EPSG:4326", "proj:shape": [80, 80], "proj:transform": list(transform)[:6]}
        ring = [[left, -1], [left + 2, -1], [left + 2, 1], [left, 1], [left, -1]]
        items.append({
            "type": "Feature", "stac_version": "1.1.0", "id": str(left), "collection": "c", "links": [],
            "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [left, -1, left + 2, 1],
            "properties": {"datetime": "2025-01-01T00:00:00Z"}, "assets": {"b": asset},
        })  # fmt: skip
    da = cw.open(items, bbox=(west, -1, west + 4, 1), crs=crs, resolution=0.025)
    np.testing.assert_array_equal(da[..., 60:100].values[0, 0], pixels[:, 60:100])
    np.testing.assert_array_equal(da.values[0, 0], pixels)


@pytest.mark.parametrize("described", [True, False])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4269"])
@pytest.mark.parametrize("kernel", ["nearest", "bilinear", "average"])
@pytest.mark.parametrize("begins", [-180, 0])
def test_a_world_lies_on_both_sides_of_its_seam(
    tmp_path: Path, begins: int, kernel: str, crs: str, described: bool
) -> None:
    """As two worlds side by side do, but for a pixel at the seam, which has neighbours on one side only."""
    world = np.random.default_rng(5).integers(1, 250, (180, 360), dtype="uint8")

    def item(name: str, west: int, pixels: NDArray[np.uint8]) -> dict[str, Any]:
        transform = Affine(1, 0, west, 0, -1, 90)
        rows, cols = pixels.shape
        with rasterio.open(tmp_path / name, "w", driver="GTiff", count=1, height=rows, width=cols, dtype="uint8",
                           crs=crs, nodata=0, transform=transform) as out:  # fmt: skip
            out.write(pixels, 1)
        asset: dict[str, Any] = {"href": str(tmp_path / name), "type": "image/tiff; application=geotiff"}
        if described:
            asset |= {"proj:code": crs, "proj:shape": [rows, cols], "proj:transform": list(transform)[:6]}
        ring = [[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]
        return {
            "type": "Feature", "stac_version": "1.1.0", "id": name, "links": [], "bbox": [-180, -90, 180, 90],
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {"datetime": "2025-01-01T00:00:00Z"}, "assets": {"b": asset},
        }  # fmt: skip

    one = item("one.tif", begins, world)
    for west, east in ((150.3, 212.7), (-215.4, -150), (-180, 180), (-20.2, 30.9)):
        where: dict[str, Any] = {"bbox": (west, -61, east, 72.4), "crs": "EPSG:4326", "resolution": 0.7}
        got = cw.open([one], **where, resampling=kernel)
        columns = (np.floor(got["x"].values) - begins).astype(int) % 360
        near_seam = np.abs((got["x"].values - begins + 180) % 360 - 180) < 1.5
        assert got.values[0, 0][:, ~near_seam].all(), f"{west} to {east}"
        if kernel == "nearest":
            rows = np.floor(90 - got["y"].values).astype(int)
            expected = world[np.ix_(rows, columns)]
            np.testing.assert_array_equal(got.values[0, 0], expected)
            continue
        two = item("two.tif", begins - 360, np.tile(world, (1, 3)))
        wide = cw.open_item(two["assets"]["b"]["href"], grid=got.cogweave.plan.grid, resampling=kernel)
        difference = np.abs(got.values[0, 0].astype(int) - wide.values[0].astype(int))
        assert difference[:, ~near_seam].max() <= 1


def test_a_code_that_is_known_is_what_pyproj_makes_of_it() -> None:
    codes = [4326, 3857, *range(32601, 32661), *range(32701, 32761)]
    for code in codes:
        crs = pyproj.CRS.from_epsg(code)
        assert cw.Grid(f"EPSG:{code}", (10, 0, 0, 0, -10, 0), (1, 1)).crs == f"EPSG:{crs.to_epsg(min_confidence=100)}"
        assert crs.is_projected or crs.is_geographic


def test_a_bbox_across_the_antimeridian_is_that_of_open() -> None:
    box = (177, -19, -179, -16)
    grid = cw.Grid.from_bbox(box, "EPSG:4326", 0.5)
    assert (grid.bbox, grid.shape) == ((177, -19, 181, -16), (6, 8))
    with pytest.raises(cw.InvalidArgument, match="reversed"):
        cw.Grid.from_bbox(box, "EPSG:32601", 0.5)
