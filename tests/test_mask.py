"""mask= drops source pixels by quality assets before anything else happens to them, min_valid= whole items."""

from __future__ import annotations

import asyncio
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pytest
import rasterio
import xarray as xr
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import archive, oracle
from tests.archive import catalog_table
from tests.conftest import Archive
from tests.corpus import CORPUS
from tests.items import native_grid

CLOUDS = [3, 5, 8, 9]  # shadow, two densities of cloud, and bare soil, which the archive has everywhere
DAY = "20250608"


def dilated(flags: np.ndarray, radius: int) -> np.ndarray:
    """Every pixel within a Euclidean distance of a set one."""
    grown = np.zeros_like(flags)
    padded = np.pad(flags, radius)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dx * dx + dy * dy <= radius * radius:
                grown |= padded[radius + dy :, radius + dx :][: flags.shape[0], : flags.shape[1]]
    return grown


def dropped(arc: Archive, item: dict[str, Any], factor: int = 2, radius: int = 0, classes: Any = CLOUDS) -> np.ndarray:
    """Which pixels of 10 m an item's SCL drops."""
    with rasterio.open(arc.path(item, "SCL")) as src:
        flags = dilated(np.isin(src.read(1), list(classes)), radius)
    return flags.repeat(factor, 0).repeat(factor, 1)


def pixels(arc: Archive, item: dict[str, Any], band: str = "B04") -> np.ndarray:
    with rasterio.open(arc.path(item, band)) as src:
        return np.asarray(src.read(1))


def tile_grid(arc: Archive, item: dict[str, Any]) -> cw.Grid:
    return native_grid(arc.path(item, "B04"))


def of(arc: Archive, *items: dict[str, Any]) -> dict[str, Any]:
    return {"source": arc.remote, "ids": [item["id"] for item in items], "bands": ["B04"]}


@pytest.fixture
def item(arc: Archive) -> dict[str, Any]:
    return arc.item("32TQR", DAY)


@pytest.mark.parametrize("radius", [0, 1, 3, 7])
def test_classes_are_dropped_and_widened(arc: Archive, item: dict[str, Any], radius: int) -> None:
    grid = tile_grid(arc, item)
    got = cw.open(**of(arc, item), grid=grid, mask={"SCL": CLOUDS}, mask_dilate=radius).values[0, 0]
    drop = dropped(arc, item, radius=radius)
    assert 0.02 < drop.mean() < 0.98
    np.testing.assert_array_equal(got, np.where(drop, 0, pixels(arc, item)))


def test_items_combine_without_what_the_mask_drops(arc: Archive) -> None:
    """first goes on to the next item where the mask dropped a pixel; both zones' items by the oracle's warper."""
    items = [arc.item("32TQR", day) for day in ("20250504", "20250519", "20250603", DAY)]
    grid = tile_grid(arc, items[0])
    got = cw.open(**of(arc, *items), grid=grid, mask={"SCL": CLOUDS}, time_period="P1Y").values[0, 0]
    layers = [np.ma.masked_equal(np.where(dropped(arc, one), 0, pixels(arc, one)), 0) for one in items]
    want = oracle.first(layers, 0)
    assert (want != layers[0].filled(0)).mean() > 0.02
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("resampling", ["cubic", "bilinear", "average", "nearest"])
def test_the_mask_acts_before_resampling(arc: Archive, item: dict[str, Any], resampling: str, tmp_path: Path) -> None:
    """As GDAL resamples a copy of the file in which the dropped pixels are nodata."""
    masked = tmp_path / "masked.tif"
    drop = dropped(arc, item, radius=1)
    with rasterio.open(arc.path(item, "B04")) as src:
        transform = src.transform
        archive.write_cog(masked, np.where(drop, 0, src.read(1)).astype("uint16"), 32632, transform, 128)
    shape, to = (120, 130), Affine(13.0, 0, transform.c + 903.7, 0, -13.0, transform.f - 811.3)
    grid = cw.Grid("EPSG:32632", to, shape)
    got = cw.open(
        **of(arc, item), grid=grid, mask={"SCL": CLOUDS}, mask_dilate=1, resampling=resampling, overviews=False
    ).values[0, 0]
    want = oracle.warped(masked, "EPSG:32632", to, shape, resampling=resampling, scale=(10 / 13, 10 / 13))
    valid = ~np.ma.getmaskarray(want)
    assert 0.1 < valid.mean() < 0.99
    assert ((got != 0) != valid).mean() <= 0.001
    both = valid & (got != 0)
    assert (np.abs(got[both].astype(int) - want.data[both].astype(int)) > 1).mean() <= 0.001


def test_bits_and_callables_say_the_same_as_classes(arc: Archive, item: dict[str, Any]) -> None:
    grid = tile_grid(arc, item)

    def read(rule: Any) -> np.ndarray:
        return np.asarray(cw.open(**of(arc, item), grid=grid, mask={"SCL": rule}).values)

    with_bits = [v for v in range(256) if v & 0b1001]
    np.testing.assert_array_equal(read(cw.bits(0, 3)), read(with_bits))
    np.testing.assert_array_equal(read(lambda scl: (scl & 9) != 0), read(with_bits))
    np.testing.assert_array_equal(read(range(8, 10)), read([8, 9]))


def test_several_assets_at_once(arc: Archive, item: dict[str, Any]) -> None:
    grid = tile_grid(arc, item)
    got = cw.open(**of(arc, item), grid=grid, mask={"SCL": CLOUDS, "B02": lambda v: v > 1500}).values[0, 0]
    drop = dropped(arc, item) | (pixels(arc, item, "B02") > 1500)
    np.testing.assert_array_equal(got, np.where(drop, 0, pixels(arc, item)))


def test_a_finer_mask_over_coarser_bands(arc: Archive, item: dict[str, Any]) -> None:
    """The pixel of the mask under the centre of the band's: here the lower right of four."""
    grid = native_grid(arc.path(item, "SCL"))
    options = {"source": arc.remote, "ids": [item["id"]], "bands": ["SCL"]}
    got = cw.open(**options, grid=grid, mask={"B02": lambda v: v > 1500}).values[0, 0]
    drop = (pixels(arc, item, "B02") > 1500)[1::2, 1::2]
    np.testing.assert_array_equal(got, np.where(drop, 0, pixels(arc, item, "SCL")))


def with_overviews(arc: Archive, item: dict[str, Any], folder: Path, method: str) -> dict[str, Any]:
    """The item, local, its SCL written anew with overviews of a kind, which the file tells of."""
    path = folder / f"SCL_{method}.tif"
    with rasterio.open(arc.path(item, "SCL")) as src:
        profile = {
            "driver": "GTiff",
            "dtype": "uint8",
            "count": 1,
            "width": src.width,
            "height": src.height,
            "crs": src.crs,
        }
        tiles = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
        with rasterio.open(path, "w", **profile, **tiles, transform=src.transform, nodata=0) as out:
            out.write(src.read())
            out.update_tags(OVR_RESAMPLING_ALG=method)
    with rasterio.open(path, "r+") as out:
        out.build_overviews([2, 4, 8], rasterio.enums.Resampling[method.lower()])
    assets = {
        key: {**asset, "href": str(arc.path(item, key))} for key, asset in item["assets"].items() if key != "thumbnail"
    }
    return {**item, "assets": {**assets, "SCL": {**assets["SCL"], "href": str(path)}}}


def test_an_overview_of_classes_serves_coarse_grids(arc: Archive, item: dict[str, Any], tmp_path: Path) -> None:
    """At 40 m the bands' and the mask's overviews are read, if the mask's was made with nearest."""
    with rasterio.open(arc.path(item, "B04"), overview_level=1) as src:
        band, transform, shape = src.read(1), src.transform, src.shape
    told = with_overviews(arc, item, tmp_path, "NEAREST")
    with rasterio.open(told["assets"]["SCL"]["href"], overview_level=0) as src:
        drop = np.isin(src.read(1), CLOUDS)
    grid = cw.Grid("EPSG:32632", transform, shape)
    plan = cw.plan(catalog_table([told]), grid, bands=["B04"], mask={"SCL": CLOUDS})
    np.testing.assert_array_equal(cw.read(plan)[0, 0], np.where(drop, 0, band))
    assert mask_levels(plan) == {1}


def test_mixing_overviews_are_not_trusted_until_it_costs_too_much(
    arc: Archive, item: dict[str, Any], tmp_path: Path
) -> None:
    """Averages of classes are no classes: level 0 is read, and beyond a shrink of four a warning tells."""
    told = with_overviews(arc, item, tmp_path, "AVERAGE")
    left, top = arc.corner(32632)
    for cell in (40, 80):
        grid = cw.Grid("EPSG:32632", (cell, 0, left, 0, -cell, top), (60, 60))
        assert mask_levels(cw.plan(catalog_table([told]), grid, bands=["B04"], mask={"SCL": CLOUDS})) == {0}
    coarse = tmp_path / "B04.tif"
    archive.write_cog(coarse, pixels(arc, item)[::16, ::16], 32632, Affine(160, 0, left, 0, -160, top), 64)
    proj = {"proj:shape": [32, 32], "proj:transform": [160, 0, left, 0, -160, top]}
    told["assets"]["B04"] = {**told["assets"]["B04"], "href": str(coarse), **proj}
    grid = cw.Grid("EPSG:32632", (160, 0, left, 0, -160, top), (32, 32))
    with pytest.warns(UserWarning, match='overviews of the mask\'s asset "SCL" were made with AVERAGE'):
        plan = cw.plan(catalog_table([told]), grid, bands=["B04"], mask={"SCL": CLOUDS})
    assert mask_levels(plan) == {3}


def mask_levels(plan: cw.Plan) -> set[int]:
    return {read["level"] for read in pa.table(plan.reads).to_pylist() if read["band"] == "SCL"}


WAYS: dict[str, Callable[[cw.Plan], np.ndarray]] = {
    "read": lambda plan: cw.read(plan),
    "read_async": lambda plan: asyncio.run(cw.read_async(plan)),
    "fetch and mosaic": lambda plan: cw.mosaic(plan, cw.fetch(plan)),
    "stream": lambda plan: np.stack([s.array for s in sorted(cw.stream(plan), key=lambda s: s.index)], 1),
    "pickled": lambda plan: cw.read(pickle.loads(pickle.dumps(plan))),
    "slices": lambda plan: np.concatenate([cw.read(plan[..., :70]), cw.read(plan[..., 70:])], -1),
    "bands": lambda plan: np.concatenate([cw.read(plan["B03"]), cw.read(plan["B04"])]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("min_valid", [None, 0.4])
def test_every_way_to_read_gives_the_same(arc: Archive, way: str, min_valid: float | None) -> None:
    items = cw.search(arc.remote)
    plan = cw.plan(
        items, arc.utm_grid((150, 170), 10), bands=["B03", "B04"], time_period="P1M", mask={"SCL": CLOUDS},
        mask_dilate=2, min_valid=min_valid,
    )  # fmt: skip
    whole = cw.read(plan)
    assert (whole != 0).any()
    np.testing.assert_array_equal(WAYS[way](plan), whole)


def test_fetch_and_mosaic_make_no_other_requests(arc: Archive) -> None:
    """Every mask tile, and every tile of min_valid, is among the reads; mosaic finds them in the table."""
    plan = cw.plan(
        cw.search(arc.remote), arc.utm_grid((100, 100), 10), bands=["B04"], mask={"SCL": CLOUDS}, min_valid=0.2
    )
    tiles = cw.fetch(plan)
    arc.server.reset()
    cw.mosaic(plan, tiles)
    assert not arc.server.requests()
    assert plan.explain().tiles == len(plan.reads)
    assert {read["band"] for read in pa.table(plan.reads).to_pylist()} == {"SCL", "B04"}


def test_a_mask_tile_is_fetched_and_decoded_once(arc: Archive) -> None:
    grid = arc.utm_grid((200, 200), 10)
    one = {"source": arc.remote, "grid": grid, "datetime": "2025-06-08"}
    for bands in (["B04"], ["B02", "B03", "B04"]):
        size = cw.configure()["tile_cache"]
        cw.configure(tile_cache=0)
        cw.configure(tile_cache=size)
        da = cw.open(**one, bands=bands, mask={"SCL": CLOUDS})
        arc.server.reset()
        da.load()
        scl = [(r["path"], r["range"]) for r in arc.server.requests() if r["path"].endswith("SCL.tif")]
        assert scl and len(scl) == len(set(scl))
    arc.server.reset()
    cw.open(**one, bands=["B04"]).load()
    assert not [r for r in arc.server.requests() if r["path"].endswith("SCL.tif")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.tuples(st.integers(0, 149), st.integers(1, 150)),
    cols=st.tuples(st.integers(0, 159), st.integers(1, 160)),
    dilate=st.sampled_from([0, 2, 9]),
    resampling=st.sampled_from(["nearest", "cubic"]),
)
def test_chunks_see_the_same_mask(
    arc: Archive, rows: tuple[int, int], cols: tuple[int, int], dilate: int, resampling: str
) -> None:
    plan = _plans(arc, dilate, resampling)
    row, col = slice(rows[0], rows[0] + rows[1]), slice(cols[0], cols[0] + cols[1])
    np.testing.assert_array_equal(cw.read(plan[:, :, row, col]), _whole(plan)[:, :, row, col])


_known: dict[Any, Any] = {}


def _plans(arc: Archive, dilate: int, resampling: str) -> cw.Plan:
    key = (str(arc.remote), dilate, resampling)
    if key not in _known:
        grid = arc.utm_grid((150, 160), 10, 32633)
        _known[key] = cw.plan(
            cw.search(arc.remote), grid, bands=["B04"], time_period="P1Y", mask={"SCL": CLOUDS},
            mask_dilate=dilate, resampling=resampling, min_valid=0.05,
        )  # fmt: skip
    plan: cw.Plan = _known[key]
    return plan


def _whole(plan: cw.Plan) -> np.ndarray:
    if plan not in _known:
        _known[plan] = cw.read(plan)
    return np.asarray(_known[plan])


def test_points_see_the_same_mask(arc: Archive) -> None:
    da = cw.open(arc.remote, grid=arc.utm_grid((150, 150), 10), bands=["B04"], mask={"SCL": CLOUDS}, mask_dilate=3)
    at = {"y": xr.DataArray([3, 140, 77, 77], dims="p"), "x": xr.DataArray([149, 2, 60, 61], dims="p")}
    np.testing.assert_array_equal(da.isel(at).values, da.copy().load().isel(at).values)


def fraction(arc: Archive, item: dict[str, Any], masked: bool) -> float:
    """Valid part of the item by its own pixels."""
    valid = pixels(arc, item) != 0
    if masked:
        valid &= ~dropped(arc, item)
    return float(valid.mean())


@pytest.mark.parametrize("masked", [False, True])
def test_min_valid_leaves_out_items_with_too_little(arc: Archive, masked: bool) -> None:
    """The same items whatever part of the grid is asked for."""
    items = [i for i in arc.items if "32TQR" in i["id"]]
    mask = {"SCL": CLOUDS} if masked else None
    parts = sorted(fraction(arc, one, masked) for one in items)
    least = (parts[0] + parts[1]) / 2 if parts[1] - parts[0] > 0.02 else (parts[-2] + parts[-1]) / 2
    assert min(abs(part - least) for part in parts) > 0.01, "the case must be clear"
    grid = tile_grid(arc, items[0])
    da = cw.open(**of(arc, *items), grid=grid, time_period="id", mask=mask, min_valid=least)
    for one in items:
        kept = fraction(arc, one, masked) >= least
        step = da.isel(time=int(np.flatnonzero(da["group"].values == one["id"])[0]), band=0)
        alone = np.where(dropped(arc, one), 0, pixels(arc, one)) if masked else pixels(arc, one)
        np.testing.assert_array_equal(step[100:140, 60:90].values, (alone * kept)[100:140, 60:90])
        np.testing.assert_array_equal(step.values, alone * kept)


def test_an_item_without_the_asset_is_an_error_that_names_both(arc: Archive, item: dict[str, Any]) -> None:
    other = arc.item("32TQQ", DAY)
    href = {key: {**asset, "href": arc.server.href(asset["href"])} for key, asset in other["assets"].items()}
    bare = {**other, "assets": {key: href[key] for key in ("B04", "B02")}}
    whole = {**item, "assets": {k: {**a, "href": arc.server.href(a["href"])} for k, a in item["assets"].items()}}
    table = catalog_table([whole, bare])
    arguments = {"grid": arc.utm_grid((100, 100), 10), "bands": ["B04"], "mask": {"SCL": CLOUDS}}
    with pytest.raises(cw.AssetNotFound, match="no asset 'SCL'|no asset \"SCL\"") as caught:
        cw.open(table, **arguments)
    assert caught.value.item_id == other["id"]
    left_out = cw.open(table, **arguments, errors="ignore").values
    alone = cw.open(catalog_table([whole]), **arguments).values
    np.testing.assert_array_equal(left_out, alone)


def test_a_mask_file_that_is_gone_is_an_error_of_the_asset(arc: Archive, item: dict[str, Any]) -> None:
    assets = {key: {**asset, "href": arc.server.href(asset["href"])} for key, asset in item["assets"].items()}
    assets["SCL"]["href"] = arc.server.href("gone/SCL.tif")
    table = catalog_table([{**item, "assets": assets}])
    with pytest.raises(cw.AssetNotFound) as caught:
        cw.open(table, grid=arc.utm_grid((50, 50), 10), bands=["B04"], mask={"SCL": CLOUDS}).load()
    assert (caught.value.item_id, caught.value.band) == (item["id"], "SCL")


def no_cloud(values: np.ndarray) -> np.ndarray:
    return np.asarray(values > 7)


def loud(values: np.ndarray) -> np.ndarray:
    raise ZeroDivisionError("of the user's")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"mask": {"SLC": [3]}}, "SLC.*did you mean SCL"),
        ({"mask": {"nothing_like_it": [3]}}, "nothing_like_it.*there are"),
        ({"mask": {"SCL": [300]}}, "class 300 is no uint8"),
        ({"mask": {"SCL": [-1]}}, "class -1 is no uint8"),
        ({"mask": {"SCL": cw.bits(9)}}, "bits 0 to 7"),
        ({"mask": {"SCL": []}}, "no classes"),
        ({"mask": {"SCL": [2.5]}}, "whole numbers"),
        ({"mask": {"SCL": "cloud"}}, "classes, cw.bits"),
        ({"mask": {"SCL": lambda v: v[:3]}}, "shape"),
        ({"mask": [3]}, "mask wants"),
        ({"mask": {}}, "mask wants"),
        ({"mask": no_cloud}, "with the asset"),
        ({"mask": {"SCL": [3]}, "mask_dilate": -1}, "mask_dilate"),
        ({"mask": {"SCL": [3]}, "mask_dilate": 1.5}, "mask_dilate"),
        ({"mask": {"SCL": [3]}, "mask_dilate": 5000}, "mask_dilate 5000"),
        ({"mask_dilate": 2}, "goes with mask"),
        ({"min_valid": 1.5}, "min_valid"),
        ({"min_valid": -0.1}, "min_valid"),
        ({"min_valid": float("nan")}, "min_valid"),
        ({"consistent": "yes"}, "consistent"),
        ({"scale": 1}, "scale"),
    ],
    ids=lambda given: re.sub(" at 0x[0-9a-f]+", "", str(given)),
)
def test_nonsense_is_refused_at_once(arc: Archive, arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(cw.InvalidArgument, match=match):
        cw.open(arc.remote, grid=arc.utm_grid((50, 50), 10), bands=["B04"], **arguments)


@pytest.mark.parametrize("positions", [(), (1, 1), (-1,), (64,), (1.5,)], ids=str)
def test_bits_are_positions(positions: tuple[Any, ...]) -> None:
    with pytest.raises(cw.InvalidArgument, match="a bit has a position from 0 to 63|distinct positions, at least one"):
        cw.bits(*positions)


def test_a_callable_s_exception_is_raised_as_it_is(arc: Archive) -> None:
    with pytest.raises(ZeroDivisionError, match="of the user's"):
        cw.open(arc.remote, grid=arc.utm_grid((50, 50), 10), bands=["B04"], mask={"SCL": loud})


def test_a_mask_that_needs_the_caller_s_headers_makes_no_request(arc: Archive) -> None:
    items = cw.search(arc.remote)
    known = cw.headers(items, ["B04", "SCL"])
    arc.server.reset()
    plan = cw.plan(items, arc.utm_grid((60, 60), 10), bands=["B04"], headers=known, mask={"SCL": CLOUDS}, min_valid=0.1)
    assert len(plan.reads) > 0
    assert not arc.server.requests()


SENTINEL = CORPUS / "cogs/sentinel2-l2a-29RKH"
LANDSAT = CORPUS / "cogs/landsat8-timeseries-gdalcubes"


@pytest.mark.skipif(not SENTINEL.exists(), reason="needs the real Sentinel-2 files of COGWEAVE_DATA")
def test_real_sentinel_2_scene_classes() -> None:
    """B04 (20 m here, at 10 % of a tile) and SCL of one item; on the band's own grid, bit for bit."""
    table = _item({"B04": SENTINEL / "B04.tif", "SCL": SENTINEL / "SCL.tif"})
    with rasterio.open(SENTINEL / "SCL.tif") as src:
        scl = src.read(1)
        to_scl = ~src.transform
    classes = [c for c in (3, 8, 9, 10, 7, 5, 4, 6) if 0.005 < (scl == c).mean() < 0.9][:2]
    assert classes
    with rasterio.open(SENTINEL / "B04.tif") as src:
        band = src.read(1)
        x = src.transform.c + src.transform.a * (np.arange(src.width) + 0.5)
        y = src.transform.f + src.transform.e * (np.arange(src.height) + 0.5)
    col = np.floor(to_scl.a * x + to_scl.c + 1e-6).astype(int).clip(0, scl.shape[1] - 1)
    row = np.floor(to_scl.e * y + to_scl.f + 1e-6).astype(int).clip(0, scl.shape[0] - 1)
    got = cw.open(table, grid=native_grid(SENTINEL / "B04.tif"), bands=["B04"], mask={"SCL": classes}).values[0, 0]
    np.testing.assert_array_equal(got, np.where(np.isin(scl, classes)[np.ix_(row, col)], 0, band))


@pytest.mark.skipif(not LANDSAT.exists(), reason="needs the real Landsat files of COGWEAVE_DATA")
def test_real_landsat_quality_bits() -> None:
    """Bit 4 of Collection 1's BQA is cloud."""
    stem = "LC08_L1TP_014031_20180106"
    paths = {"B4": LANDSAT / f"{stem}_B4.TIF", "BQA": LANDSAT / f"{stem}_BQA.TIF"}
    with rasterio.open(paths["B4"]) as src, rasterio.open(paths["BQA"]) as qa:
        assert src.transform == qa.transform
        drop = (qa.read(1) & (1 << 4)) != 0
        band, nodata = src.read(1), src.nodata
    assert 0.01 < drop.mean() < 0.99
    got = cw.open(_item(paths), grid=native_grid(paths["B4"]), bands=["B4"], mask={"BQA": cw.bits(4)}).values[0, 0]
    np.testing.assert_array_equal(got, np.where(drop, nodata or 0, band))


def _item(paths: dict[str, Path]) -> Any:
    item = {
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": "real", "collection": "real",
        "geometry": {"type": "Polygon", "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]},
        "bbox": [-180, -90, 180, 90], "properties": {"datetime": "2020-01-01T00:00:00Z"}, "links": [],
        "assets": {key: {"href": str(path), "type": "image/tiff; application=geotiff", "roles": ["data"]}
                   for key, path in paths.items()},
    }  # fmt: skip
    return catalog_table([item])


def test_a_callable_on_the_grid_of_the_items(arc: Archive) -> None:
    """The grid is found out before the array is planned; the callable is asked all the same, and once."""
    only: dict[str, Any] = {"bands": ["B04"], "ids": [arc.items[0]["id"]]}
    asked: list[str] = []

    def clouds(values: Any) -> Any:
        asked.append(str(values.dtype))
        return np.isin(values, [3, 8, 9, 10])

    for where in ({}, {"grid": "native"}):
        asked.clear()
        got = cw.open(arc.local, mask={"SCL": clouds}, **where, **only)
        assert len(asked) == len(set(asked))
        np.testing.assert_array_equal(got, cw.open(arc.local, mask={"SCL": [3, 8, 9, 10]}, **where, **only))
