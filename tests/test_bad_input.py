"""Bad input gives the right class of error, names the thing, within a second; and work goes on."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr

from tests import formats, rasters
from tests.archive import catalog_table
from tests.conftest import Archive

SHAPE = (40, 50)


@contextmanager
def refused(cls: type[Exception], *named: str) -> Iterator[pytest.ExceptionInfo[Any]]:
    """Raises cls, mentions every word of named, within a second (three where the machine is busy)."""
    start = time.perf_counter()
    with pytest.raises(cls) as caught:
        yield caught
    assert time.perf_counter() - start < 3
    assert isinstance(caught.value, cw.CogweaveError)
    for word in named:
        assert word in str(caught.value)


@pytest.fixture(autouse=True)
def process_goes_on(arc: Archive) -> Iterator[None]:
    """Before each case the library is warm; after it, a good read still works."""
    grid = arc.utm_grid(SHAPE, 10)
    want = cw.open(arc.remote, grid=grid, bands=["B04"], datetime="2025-06-08").values
    yield
    got = cw.open(arc.remote, grid=grid, bands=["B04"], datetime="2025-06-08").values
    assert want.any()
    np.testing.assert_array_equal(got, want)


def opened(arc: Archive, **arguments: Any) -> Any:
    """Opens and reads; where a case needs no other place, around the middle of the archive."""
    if not {"bbox", "crs", "resolution", "grid"} & set(arguments):
        arguments["grid"] = arc.utm_grid(SHAPE, 10)
    return cw.open(arc.remote, **{"bands": ["B04"], **arguments}).load()


def test_no_item_matches(arc: Archive) -> None:
    with refused(cw.SearchError):
        opened(arc, datetime="1999-01-01")
    with refused(cw.SearchError):
        opened(arc, ids=["not-there"])


def test_bbox_outside_the_catalog(arc: Archive) -> None:
    with refused(cw.SearchError):
        opened(arc, bbox=(300000, 100000, 301000, 101000), crs="EPSG:32632", resolution=10)


def test_bbox_in_the_wrong_crs(arc: Archive) -> None:
    """Degrees where metres were said, and the reverse."""
    with refused(cw.CogweaveError) as caught:
        opened(arc, bbox=(11.9, 45.4, 12.1, 45.6), crs="EPSG:32632", resolution=10)
    assert isinstance(caught.value, cw.SearchError | cw.InvalidArgument)
    with refused(cw.CogweaveError) as caught:
        opened(arc, bbox=(730000, 5040000, 735000, 5045000), crs="EPSG:4326", resolution=10)
    assert isinstance(caught.value, cw.SearchError | cw.InvalidArgument)


@pytest.mark.parametrize(
    "bbox",
    [
        (735000, 5045000, 730000, 5040000),
        (730000, 5045000, 735000, 5040000),
        (float("nan"), 5040000, 735000, 5045000),
        (730000, 5040000, float("inf"), 5045000),
        (730000, 5040000, 730000, 5045000),
        (730000, 5040000, 735000),
    ],
    ids=["reversed", "reversed in y", "NaN", "infinite", "empty", "three numbers"],
)
def test_impossible_bbox(arc: Archive, bbox: tuple[float, ...]) -> None:
    with refused(cw.InvalidArgument, "bbox"):
        opened(arc, bbox=bbox, crs="EPSG:32632", resolution=10)


@pytest.mark.parametrize(
    "bbox", [(11.9, 45.6, 12.1, 45.4), (float("nan"), 45.4, 12.1, 45.6)], ids=["south above north", "NaN"]
)
def test_impossible_bbox_in_a_search(arc: Archive, bbox: tuple[float, ...]) -> None:
    with refused(cw.InvalidArgument, "bbox"):
        cw.search(arc.remote, bbox=bbox)


@pytest.mark.parametrize("resolution", [0, -10, float("nan"), "ten", (10,)], ids=str)
def test_impossible_resolution(arc: Archive, resolution: object) -> None:
    with refused(cw.InvalidArgument, "resolution"):
        opened(arc, bbox=(730000, 5040000, 735000, 5045000), crs="EPSG:32632", resolution=resolution)


def test_unknown_band_lists_those_there_are(arc: Archive) -> None:
    with refused(cw.InvalidArgument, "B99", "B02", "B03", "B04", "SCL"):
        opened(arc, bands=["B99"])


@pytest.mark.parametrize("crs", ["EPSG:999999", "nonsense", ""])
def test_unknown_crs(arc: Archive, crs: str) -> None:
    with refused(cw.InvalidArgument, crs):
        opened(arc, bbox=(730000, 5040000, 735000, 5045000), crs=crs, resolution=10)


def test_unknown_resampling_and_method(arc: Archive) -> None:
    with refused(cw.InvalidArgument, "nearestest"):
        opened(arc, resampling="nearestest")
    with refused(cw.InvalidArgument, "firstest"):
        opened(arc, mosaic_method="firstest")
    with refused(cw.InvalidArgument, "B77"):
        opened(arc, resampling={"B77": "nearest"})
    with refused(cw.InvalidArgument, "B77"):
        opened(arc, bands=None, resampling={"B77": "nearest", "*": "cubic"})


@pytest.mark.parametrize("when", ["yesterday", "2025-13-01", "2025-06-01/2025-05-01", "2025-01-01/a"])
def test_impossible_datetime(arc: Archive, when: str) -> None:
    with refused(cw.InvalidArgument, when):
        opened(arc, datetime=when)


@pytest.mark.parametrize("period", ["P0D", "P1X", "1D", "P-1D", "P1Y1M1"])
def test_impossible_time_period(arc: Archive, period: str) -> None:
    with refused(cw.InvalidArgument, period):
        opened(arc, time_period=period)


@pytest.mark.parametrize(
    ("argument", "others"),
    [
        ("time_period", {"time_period": "platfrom"}),
        ("time_period", {"time_period": "platfrom", "properties": ["platform"]}),
        ("time_period", {"time_period": "platfrom", "properties": ["platfrom"]}),
        ("properties", {"properties": ["P1D"]}),
        ("sortby", {"sortby": "P1D"}),
        ("sortby", {"sortby": "-solar_day", "time_period": "solar_day"}),
    ],
)
def test_unknown_property_is_blamed_on_its_argument(arc: Archive, argument: str, others: dict[str, Any]) -> None:
    with refused(cw.InvalidArgument, argument) as caught:
        opened(arc, **others)
    assert caught.value.message.startswith(argument)
    assert caught.value.argument == argument
    assert pickle.loads(pickle.dumps(caught.value)).argument == argument


def test_nodata_that_the_type_cannot_hold(arc: Archive) -> None:
    with refused(cw.InvalidArgument, "-9999"):
        opened(arc, nodata=-9999)


def test_bands_whose_types_no_type_holds(tmp_path: Path) -> None:
    """A DataArray wants one type; a Dataset keeps that of each band."""
    signed = rasters.write(np.full((1, 8, 8), -5, "int64"), tmp_path / "signed", "depth")
    unsigned = rasters.write(np.full((1, 8, 8), 7, "uint64"), tmp_path / "unsigned", "count")
    both = pq.read_table(signed).to_pylist()
    both[0]["assets"] |= pq.read_table(unsigned).to_pylist()[0]["assets"]
    catalog = pa.Table.from_pylist(both)
    grid = rasters.grid((8, 8))
    with pytest.raises(cw.InvalidArgument, match=r"int64.*uint64|uint64.*int64"):
        cw.open(catalog, grid=grid, bands=["depth", "count"])
    ds = xr.open_dataset(catalog, engine="cogweave", grid=grid, bands=["depth", "count"], mask_and_scale=False)
    assert (ds["depth"].dtype, ds["count"].dtype) == (np.int64, np.uint64)
    assert (ds["depth"] == -5).all() and (ds["count"] == 7).all()


def test_integer_type_with_a_float_method(arc: Archive) -> None:
    with refused(cw.InvalidArgument, "uint16", "mean", "fractions"):
        opened(arc, mosaic_method="mean", dtype="uint16")


def test_missing_catalog(arc: Archive, tmp_path: Path) -> None:
    with refused(cw.CogweaveError, "gone.parquet") as caught:
        cw.open(tmp_path / "gone.parquet", grid=arc.utm_grid(SHAPE, 10))
    assert isinstance(caught.value, cw.SearchError | cw.AssetNotFound)


def _catalogs_that_are_none(folder: Path) -> dict[str, Callable[[Path], object]]:
    return {
        "no-columns-of-stac": lambda p: pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), p),
        "no-assets": lambda p: pq.write_table(pa.table({"id": ["x"], "geometry": [b""], "datetime": [0]}), p),
        "assets-of-another-type": lambda p: pq.write_table(pa.table({"id": ["x"], "assets": [3]}), p),
        "text": lambda p: p.write_text("id,assets\n1,2\n"),
        "empty": lambda p: p.write_bytes(b""),
        "truncated": lambda p: p.write_bytes((folder / "remote.parquet").read_bytes()[:5000]),
    }


@pytest.mark.parametrize(
    "kind", ["no-columns-of-stac", "no-assets", "assets-of-another-type", "text", "empty", "truncated"]
)
def test_parquet_that_is_no_stac(arc: Archive, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.parquet"
    _catalogs_that_are_none(arc.folder)[kind](path)
    with refused(cw.SearchError, f"{kind}.parquet"):
        cw.open(path, grid=arc.utm_grid(SHAPE, 10), bands=["B04"])


def with_asset(arc: Archive, href: str, known: bool) -> dict[str, Any]:
    """An item of the archive whose B04 lies elsewhere; known: with the raster's outline, as in the catalog."""
    item = arc.item("32TQR", "20250608")
    asset = {k: v for k, v in item["assets"]["B04"].items() if known or not k.startswith("proj:")}
    properties = {k: v for k, v in item["properties"].items() if known or not k.startswith("proj:")}
    return {**item, "properties": properties, "assets": {"B04": {**asset, "href": href}}}


@pytest.mark.parametrize("known", [True, False], ids=["outline known", "outline unknown"])
@pytest.mark.parametrize("over", ["http", "file"])
def test_missing_asset(arc: Archive, tmp_path: Path, over: str, known: bool) -> None:
    href = arc.server.href("gone/B04.tif") if over == "http" else str(tmp_path / "gone" / "B04.tif")
    item = with_asset(arc, href, known)
    with refused(cw.AssetNotFound, "gone/B04.tif", item["id"]) as caught:
        cw.open(catalog_table([item]), grid=arc.utm_grid(SHAPE, 10), bands=["B04"]).load()
    assert (caught.value.item_id, caught.value.band) == (item["id"], "B04")
    assert caught.value.href is not None and caught.value.href.endswith("gone/B04.tif")


def _broken(arc: Archive, name: str) -> Path:
    """Files that look like B04 of an item, below the served folder."""
    good = arc.path(arc.item("32TQR", "20250608"), "B04")
    path = arc.folder / f"broken-{name}.tif"
    if name == "truncated-header":
        return formats.truncate(good, path, 100)
    if name == "truncated-tiles":
        return formats.truncate(good, path, good.stat().st_size // 3)
    if name == "damaged-tiles":
        data = bytearray(good.read_bytes())
        data[len(data) // 3 :] = b"\x55" * (len(data) - len(data) // 3)
        path.write_bytes(data)
    if name == "html":
        path.write_text("<!DOCTYPE html><html><body>Sign in</body></html>")
    if name == "empty":
        path.write_bytes(b"")
    return path


@pytest.mark.parametrize("name", ["truncated-header", "truncated-tiles", "damaged-tiles", "html", "empty"])
@pytest.mark.parametrize("over", ["http", "file"])
def test_file_that_is_no_whole_tiff(arc: Archive, over: str, name: str) -> None:
    """Never a partial array: the pixels that could be read are not given without the others."""
    path = _broken(arc, name)
    item = with_asset(arc, arc.server.href(path) if over == "http" else str(path), known=False)
    with refused(cw.AssetError, path.name, item["id"]):
        cw.open(catalog_table([item]), grid=arc.utm_grid((300, 300), 10), bands=["B04"]).load()


def test_one_bad_item_among_good_ones_raises_or_is_reported(arc: Archive) -> None:
    day = arc.on_day("20250608")
    bad = with_asset(arc, arc.server.href("gone/B04.tif"), known=True)
    good = [{**i, "assets": {"B04": {**i["assets"]["B04"], "href": arc.server.href(arc.path(i, "B04"))}}} for i in day]
    source = [bad, *[i for i in good if i["id"] != bad["id"]]]
    grid = arc.utm_grid((200, 200), 10)
    with refused(cw.AssetNotFound, bad["id"]):
        cw.open(catalog_table(source), grid=grid, bands=["B04"]).load()
    absent = cw.open(catalog_table(source), grid=grid, bands=["B04"], errors="ignore").load()
    rest = cw.open(catalog_table(source[1:]), grid=grid, bands=["B04"]).load()
    np.testing.assert_array_equal(absent.values, rest.values)
    assert rest.values.any()


def test_the_same_error_when_awaited(arc: Archive) -> None:
    item = with_asset(arc, arc.server.href("gone/B04.tif"), known=True)
    with refused(cw.AssetNotFound, "gone/B04.tif"):
        asyncio.run(cw.open(catalog_table([item]), grid=arc.utm_grid(SHAPE, 10), bands=["B04"]).load_async())


def test_secrets_of_an_href_stay_out_of_errors(arc: Archive) -> None:
    href = arc.server.href("gone/B04.tif") + "?sig=TOPSECRET&se=2030"
    item = with_asset(arc, href, known=True)
    with refused(cw.AssetNotFound, "gone/B04.tif") as caught:
        cw.open(catalog_table([item]), grid=arc.utm_grid(SHAPE, 10), bands=["B04"]).load()
    for text in (str(caught.value), repr(caught.value), str(caught.value.href), str(caught.value.cause)):
        assert "TOPSECRET" not in text


def test_nonsense_as_source(arc: Archive) -> None:
    for source in (3, None, {"type": "nothing"}, object()):
        with refused(cw.InvalidArgument, "source"):
            cw.open(source, grid=arc.utm_grid(SHAPE, 10))


def test_unknown_argument_is_a_type_error(arc: Archive) -> None:
    with pytest.raises(TypeError, match="bandz"):
        cw.open(arc.remote, bandz=["B04"])


def test_an_absurd_grid_is_refused_before_any_request(arc: Archive) -> None:
    da = cw.open(arc.remote, grid=arc.utm_grid((1_000_000, 1_000_000), 0.01), bands=["B04"], datetime="2025-06-08")
    arc.server.reset()
    with refused(cw.BudgetExceeded):
        da.load()
    assert arc.server.stats().requests == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"bands": 4}, ["bands", "4"]),
        ({"ids": 5}, ["ids", "5"]),
        ({"properties": 5}, ["properties"]),
        ({"time_period": "month"}, ["time_period 'month'", "P1D", "solar_day", "platform"]),
        ({"time_period": "1D"}, ["time_period '1D'", "P1D"]),
        ({"resampling": "gauss"}, ["gauss", "lanczos"]),
        ({"overviews": "no"}, ["overviews", "True or False"]),
        ({"grid": "natve"}, ["grid", "native"]),
        ({"chunks": {"x": 0}}, ["chunks", "no cells"]),
        ({"intersects": {"type": "Point", "coordinates": [0, 45]}}, ["intersects", "outside the grid"]),
        ({"bbox": (733000, 5042000, 734000, 5043000), "crs": "utm", "resolution": 10}, ["degrees", "bbox_crs"]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_argument_that_is_wrong_is_named_with_what_it_may_be(
    arc: Archive, arguments: dict[str, Any], named: list[str]
) -> None:
    with refused(cw.InvalidArgument, *named):
        opened(arc, **arguments)


def test_kernels_that_are_named_are_those_of_the_engine(arc: Archive) -> None:
    with pytest.raises(cw.InvalidArgument) as told:
        opened(arc, resampling="fancy")
    for name in str(told.value).partition("none of ")[2].split(", "):
        assert cw.open(arc.remote, grid=arc.utm_grid(SHAPE, 10), bands=["B04"], resampling=name).size


def test_a_geotiff_is_no_catalog(arc: Archive) -> None:
    path = arc.path(arc.item("32TQR", "20250608"), "B04")
    for source in (path, [path], "https://example.com/a.TIF?sig=secret"):
        with refused(cw.InvalidArgument, "open_item") as told:
            cw.open(source, grid=arc.utm_grid(SHAPE, 10))
        assert "secret" not in str(told.value)


def test_a_wrong_argument_of_the_engine_is_named(arc: Archive) -> None:
    with refused(cw.InvalidArgument, "drop_variables"):
        xr.open_dataset(arc.remote, engine="cogweave", grid=arc.utm_grid(SHAPE, 10), drop_variables=5)


def test_degrees_for_metres_are_found_out(arc: Archive) -> None:
    where: dict[str, Any] = {"crs": "EPSG:32632", "resolution": 100}
    with refused(cw.SearchError, 'bbox_crs="EPSG:4326"'):
        cw.open(arc.local, bbox=(11.9, 45.4, 12.1, 45.6), **where)
    for told in ({**where, "bbox_crs": "EPSG:32632"}, {"crs": "EPSG:4326", "resolution": 1}, where):
        with refused(cw.SearchError) as caught:
            cw.open(arc.local, bbox=(0, 0, 10, 1000) if told is where else (0, 0, 10, 10), **told)
        assert "degrees" not in str(caught.value)
    with refused(cw.SearchError, 'bbox_crs="EPSG:4326"'):
        cw.open(arc.local, bbox=iter((11.9, 45.4, 12.1, 45.6)), **where)
    with refused(cw.SearchError) as caught:  # they are taken for degrees
        cw.open(arc.local, bbox=(50, 50, 50.1, 50.1), crs="utm", resolution=100)
    assert "degrees" not in str(caught.value)
