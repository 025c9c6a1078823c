"""open_item: one item or one GeoTIFF on its own grid, every pixel as it is stored."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pystac
import pytest
import rasterio
import rioxarray  # noqa: F401
import xarray as xr
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import Resampling

from tests import formats
from tests.conftest import Archive
from tests.kernels import grid_over
from tests.oracle import warped
from tests.servers import RangeServer

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

HEIGHT, WIDTH = formats.HEIGHT, formats.WIDTH


@pytest.fixture
def pyramid(tmp_path: Path) -> Path:
    """Three bands with descriptions, nodata, and overviews at 2, 4 and 8."""
    path = formats.save(tmp_path / "rgb.tif", formats.pixels("uint16", 3, 0), 0, **formats.TILED, compress="deflate")
    with rasterio.open(path, "r+") as out:
        out.descriptions = ("red", "green", "blue")
        out.build_overviews([2, 4, 8], Resampling.average)
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RangeServer]:
    with RangeServer(tmp_path) as running:
        yield running


def _write(path: Path, data: Any, **profile: Any) -> Path:
    bands, rows, cols = data.shape
    fixed: dict[str, Any] = {"driver": "GTiff", "count": bands, "height": rows, "width": cols, "dtype": data.dtype}
    with rasterio.open(path, "w", **fixed, **profile) as out:
        out.write(data)
    return path


def test_a_path_gives_all_bands_as_rasterio(pyramid: Path) -> None:
    da = cw.open_item(pyramid)
    with rasterio.open(pyramid) as src:
        np.testing.assert_array_equal(da.values, src.read())
        assert da.dims == ("band", "y", "x")
        assert da.shape == (3, *src.shape)
        assert da.rio.crs == src.crs
        assert da.rio.transform() == src.transform
        assert da.attrs["_FillValue"] == 0
    assert da.band.values.tolist() == ["1", "2", "3"]
    assert set(da.coords) == {"band", "y", "x", "spatial_ref"}


@pytest.mark.parametrize("level", [None, 0, 1, 2])
def test_overview_level_is_rasterio_s(pyramid: Path, level: int | None) -> None:
    arguments: dict[str, Any] = {} if level is None else {"overview_level": level}
    with rasterio.open(pyramid, **arguments) as src:
        da = cw.open_item(pyramid, overview_level=level)
        np.testing.assert_array_equal(da.values, src.read())
        assert da.rio.transform().almost_equals(src.transform)


def test_an_overview_on_another_grid(pyramid: Path) -> None:
    """The level is the one named, not the one that the grid would choose."""
    grid = grid_over(pyramid, "EPSG:32633", 1.5, (150, 160))
    da = cw.open_item(pyramid, grid=grid, overview_level=1, bands=1)
    want, chosen = (
        warped(pyramid, grid.crs, Affine(*grid.transform), grid.shape, level=level).filled(0) for level in (1, None)
    )
    assert (want != 0).mean() > 0.5 and (want != chosen).mean() > 0.5, "the case must show something"
    assert (da.values[0] == want).mean() > 0.9999


def test_bands_by_number_and_description(pyramid: Path) -> None:
    with rasterio.open(pyramid) as src:
        want = src.read()
    for bands, rows in (([3, 1], [2, 0]), (["blue", "1"], [2, 0]), ("green", [1]), (2, [1])):
        da = cw.open_item(pyramid, bands=bands)
        np.testing.assert_array_equal(da.values, want[rows])
        listed = bands if isinstance(bands, list) else [bands]
        assert da.band.values.tolist() == [str(b) for b in listed]
    for wrong in (4, 0, "violet", [1, 1], [1, "red"], [], True):
        with pytest.raises(cw.InvalidArgument, match=r"band"):
            cw.open_item(pyramid, bands=wrong)


def test_over_http_it_is_lazy(pyramid: Path, server: RangeServer) -> None:
    url = server.href(pyramid)
    da = cw.open_item(url + "?sig=secret")
    opened = server.stats().requests
    assert opened <= 2
    assert "secret" not in repr(da) and "secret" not in da.encoding["source"]
    with rasterio.open(pyramid) as src:
        np.testing.assert_array_equal(da[1, 70:90, 100:120].values, src.read(2)[70:90, 100:120])
    assert server.stats().requests > opened
    with pytest.raises(cw.AssetNotFound):
        cw.open_item(url + ".nothing")


def test_awaited(pyramid: Path) -> None:
    async def main() -> Any:
        da = await cw.open_item_async(pyramid, bands=2)
        return (await da.load_async()).values

    with rasterio.open(pyramid) as src:
        np.testing.assert_array_equal(asyncio.run(main())[0], src.read(2))


def test_chunks_pickles_and_datasets(pyramid: Path) -> None:
    da = cw.open_item(pyramid)
    for chunks in ({"y": 64}, (1, 64, 64), "auto", -1):
        lazy = cw.open_item(pyramid, chunks=chunks)
        assert lazy.chunks is not None and lazy.dims == ("band", "y", "x")
        xr.testing.assert_identical(lazy.compute(), da.compute())
    xr.testing.assert_identical(pickle.loads(pickle.dumps(cw.open_item(pyramid))).load(), da.load())
    ds = cw.open_item(pyramid, bands=["red", "blue"], as_dataset=True)
    assert isinstance(ds, xr.Dataset) and set(ds.data_vars) == {"red", "blue"}
    np.testing.assert_array_equal(ds["blue"].values, da.values[2])
    assert ds["blue"].dims == ("y", "x")
    with pytest.raises(cw.InvalidArgument, match="chunks"):
        cw.open_item(pyramid, chunks={"time": 1})


def test_an_item_has_its_time(arc: Archive, tmp_path: Path) -> None:
    item = arc.items[0]
    path = arc.path(item, "B04")
    with rasterio.open(path) as src:
        want = src.read(1)
    saved = tmp_path / "item.json"
    saved.write_text(json.dumps(_with_hrefs(item, lambda href: os.path.relpath(arc.folder / href, tmp_path))))
    absolute = _with_hrefs(item, lambda href: str(arc.folder / href))
    for given in (absolute, pystac.Item.from_dict(absolute), saved):
        da = cw.open_item(given, bands=["red"])
        np.testing.assert_array_equal(da.values[0], want)
        assert da.time.ndim == 0
        assert str(da.time.values)[:19] == item["properties"]["datetime"][:19]
        assert (da.band.values.tolist(), da.asset.values.tolist()) == (["red"], ["B04"])
    assert da.cogweave.explain() is not None


def _with_hrefs(item: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    assets = {key: {**asset, "href": change(asset["href"])} for key, asset in item["assets"].items()}
    return {**item, "assets": assets}


def test_bands_of_several_grids_want_a_choice(arc: Archive) -> None:
    item = _with_hrefs(arc.items[0], lambda href: str(arc.folder / href))
    with pytest.raises(cw.InvalidArgument, match=r"B04, B03: EPSG:\d+, 10 x 10.*SCL: EPSG:\d+, 20 x 20"):
        cw.open_item(item, bands=["B04", "SCL", "B03"])
    classes = cw.open_item(item, bands="SCL")
    both = cw.open_item(item, bands=["B04", "SCL"], grid=classes)
    np.testing.assert_array_equal(both.sel(band="SCL").values, classes.values[0])
    assert both.dtype == "uint16"


@pytest.mark.parametrize(
    "transform",
    [
        Affine(8.0, 3.0, 600000.0, 2.0, -9.0, 5000000.0),
        Affine(10.0, 0.0, 600000.0, 0.0, 10.0, 5000000.0),
        Affine.translation(600000.5, 5000000.25) @ Affine.rotation(30) @ Affine.scale(10, -10),
    ],
    ids=["sheared", "south-up", "rotated"],
)
def test_unusual_transforms_are_copied(tmp_path: Path, transform: Affine) -> None:
    data = formats.pixels("int16", 2, -9999)
    path = _write(tmp_path / "odd.tif", data, crs="EPSG:32633", transform=transform, nodata=-9999)
    da = cw.open_item(path)
    np.testing.assert_array_equal(da.values, data)
    assert da.rio.transform().almost_equals(transform)
    assert ("x" in da.coords) == (transform.b == 0)


def test_a_file_that_lies_nowhere(tmp_path: Path) -> None:
    """On its pixel grid as rasterio reads it; on another grid an error that says why."""
    data = formats.pixels("uint8", 1, None)
    path = _write(tmp_path / "nowhere.tif", data)
    da = cw.open_item(path)
    np.testing.assert_array_equal(da.values, data)
    np.testing.assert_array_equal(da.x, np.arange(WIDTH) + 0.5)
    np.testing.assert_array_equal(da.y, np.arange(HEIGHT) + 0.5)
    assert "crs_wkt" not in da.spatial_ref.attrs
    xr.testing.assert_identical(pickle.loads(pickle.dumps(da)).load(), da.load())
    grid = cw.Grid("EPSG:32632", (10, 0, 0, 0, -10, 0), (4, 4))
    with pytest.raises(cw.DecodeError, match=r"CRS"):
        cw.open_item(path, grid=grid).load()


def test_ground_control_points_are_named(tmp_path: Path) -> None:
    data = formats.pixels("uint8", 1, None)
    points = [
        GroundControlPoint(0, 0, 10, 50),
        GroundControlPoint(0, WIDTH, 11, 50),
        GroundControlPoint(HEIGHT, 0, 10, 49),
    ]
    path = _write(tmp_path / "gcps.tif", data, gcps=points, crs="EPSG:4326")
    np.testing.assert_array_equal(cw.open_item(path).values, data)
    with pytest.raises(cw.DecodeError, match="ground control points"):
        cw.open_item(path, grid=cw.Grid("EPSG:4326", (0.1, 0, 10, 0, -0.1, 50), (4, 4))).load()


def test_masks_and_how_to_see_them(tmp_path: Path) -> None:
    path = formats.write_masked(tmp_path / "masked.tif")
    with rasterio.open(path) as src:
        want, valid = src.read(), src.read_masks() > 0
    da = cw.open_item(path)
    np.testing.assert_array_equal(da.values, np.where(valid, want, 0))
    np.testing.assert_array_equal(cw.open_item(path, nodata=255).values, np.where(valid, want, 255))
    floats = cw.open_item(path, dtype="float32", nodata=float("nan"))
    np.testing.assert_array_equal(floats.notnull().values, valid)


def test_alpha_hides_and_is_a_band_by_name(tmp_path: Path) -> None:
    data = formats.pixels("uint8", 4, None)
    data[3] = np.where(data[3] > 90, 200, 0)
    path = _write(
        tmp_path / "rgba.tif", data, photometric="RGB", alpha="YES", crs=formats.CRS, transform=formats.TRANSFORM
    )
    da = cw.open_item(path)
    assert da.band.values.tolist() == ["1", "2", "3"]
    np.testing.assert_array_equal(da.values, np.where(data[3] > 0, data[:3], 0))
    np.testing.assert_array_equal(cw.open_item(path, bands=4).values[0], data[3])


def test_nodata_that_the_writer_rounded(tmp_path: Path) -> None:
    """As in GDAL, a float's nodata value stands for what is within a few units of its last place."""
    data = np.array([[[-(2.0**100), -1.2676506e30, 1.0, -1.26766e30]]])
    path = _write(tmp_path / "rounded.tif", data, nodata=-1.2676506e30)
    da = cw.open_item(path, nodata=float("nan"))
    with rasterio.open(path) as src:
        np.testing.assert_array_equal(da.notnull().values, src.read_masks() > 0)


@pytest.mark.parametrize("level", [3, -1, 1.5, "0"])
def test_levels_that_are_not_there(pyramid: Path, level: Any) -> None:
    with pytest.raises(cw.InvalidArgument, match="overview_level"):
        cw.open_item(pyramid, overview_level=level)


@pytest.mark.parametrize("given", [None, 3, [], {}, {"type": "Feature"}, "", b"a.tif"])
def test_what_is_no_item(given: Any) -> None:
    with pytest.raises(cw.InvalidArgument, match="item_or_href"):
        cw.open_item(given)


def test_what_is_no_geotiff(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("a text")
    (tmp_path / "item.json").write_text("[]")
    with pytest.raises(cw.DecodeError, match=r"text\.tif"):
        cw.open_item(tmp_path / "text.tif")
    with pytest.raises(cw.InvalidArgument, match=r"item\.json"):
        cw.open_item(tmp_path / "item.json")
    with pytest.raises(cw.AssetNotFound, match=r"none\.tif"):
        cw.open_item(tmp_path / "none.tif")


def test_a_file_by_itself_has_no_footprint_and_says_where_it_lies(pyramid: Path) -> None:
    da = cw.open_item(pyramid)
    with pytest.raises(cw.InvalidArgument, match=r"opened by itself .*plan\.grid\.bbox"):
        da.cogweave.footprints()


def test_numbers_that_json_does_not_know(arc: Archive) -> None:
    """Items made in Python have NaN as nodata, and numpy's numbers."""
    item = _with_hrefs(arc.items[0], lambda href: str(arc.folder / href))
    want = cw.open_item(item, bands="B04").values
    odd = {"z": float("nan"), "a": np.float32("nan"), "b": np.int64(3), "c": np.arange(2)}
    item = {**item, "assets": {"B04": {**item["assets"]["B04"], **odd}}, "properties": {**item["properties"], **odd}}
    np.testing.assert_array_equal(cw.open_item(item, bands="B04").values, want)
    assert len(cw.search([item])) == 1
