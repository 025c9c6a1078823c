"""The accessors tell what lies behind an array, and read it at points."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import cogweave as cw
import geopandas
import numpy as np
import pyproj
import pytest
import shapely
import xarray as xr

from tests.archive import catalog_table
from tests.conftest import Archive


@pytest.fixture(scope="module")
def grid(made: Archive) -> cw.Grid:
    return made.utm_grid((200, 220), 10)


@pytest.fixture
def opened(made: Archive, grid: cw.Grid) -> xr.DataArray:
    return cw.open(made.local, grid=grid, bands=["B04", "SCL"])


def scattered(grid: cw.Grid, count: int) -> tuple[Any, Any]:
    x0, y0, x1, y1 = grid.bbox
    random = np.random.default_rng(1)
    return random.uniform(x0, x1, count), random.uniform(y0, y1, count)


# ---- sample ------------------------------------------------------------------------------------


def test_samples_are_the_cells_that_points_lie_in(opened: xr.DataArray, grid: cw.Grid) -> None:
    x, y = scattered(grid, 300)
    expected = (
        opened.copy().load().sel(x=xr.DataArray(x, dims="point"), y=xr.DataArray(y, dims="point"), method="nearest")
    )
    with cw.measure() as spent:
        got = opened.cogweave.sample((x, y))
    assert spent["native_calls"] == 1, "all points, dates and bands are one read"
    assert got.dims == ("band", "time", "point")
    np.testing.assert_array_equal(got, expected.transpose("band", "time", "point"))
    np.testing.assert_array_equal(asyncio.run(opened.cogweave.sample_async((x, y))), got)
    assert got.common_name.values.tolist() == ["red", ""]


def test_a_tile_is_fetched_once_however_many_points_lie_in_it(arc: Archive) -> None:
    item = arc.item("32TQR", "20250608")
    left, top = arc.corner(32632)
    own = cw.Grid("EPSG:32632", (10, 0, left, 0, -10, top), (512, 512))
    x, y = scattered(own, 5000)
    da = cw.open(arc.remote, grid=own, bands=["B03"], ids=[item["id"]])
    with cw.measure() as spent:
        da.cogweave.sample((x, y))
    assert 0.99 * 512 * 512 < spent["decoded_pixels"] <= 512 * 512, "sixteen tiles, each decoded once"


def test_no_byte_is_fetched_twice_for_scattered_points_on_all_dates(arc: Archive) -> None:
    """Counted at the server: 5,000 points, four dates, both zones, two bands; one operation."""
    grid = arc.utm_grid((400, 360), 10)
    x, y = scattered(grid, 5000)
    da = cw.open(arc.remote, grid=grid, bands=["B03", "B04"])
    plan = da.cogweave.plan
    planned = int(plan.reads.column("length").sum())
    before = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    try:
        da.isel(x=[0], y=[0]).load()  # headers
        arc.server.reset()
        with cw.measure() as spent:
            da.cogweave.sample((x, y))
    finally:
        cw.configure(tile_cache=before)
    assert spent["native_calls"] == 1
    fetched: dict[str, list[tuple[int, int]]] = {}
    for request in arc.server.requests():
        first, last = map(int, request["range"].removeprefix("bytes=").split("-"))
        fetched.setdefault(request["path"], []).append((first, last))
    assert len(fetched) > 10
    for path, ranges in fetched.items():
        ordered = sorted(ranges)
        assert all(end < start for (_, end), (start, _) in itertools.pairwise(ordered)), path
    assert arc.server.stats().bytes <= 1.02 * planned, "no more than the tiles of the whole window"


def test_frames_bring_their_own_crs_and_index(opened: xr.DataArray, grid: cw.Grid) -> None:
    x, y = scattered(grid, 20)
    lon, lat = pyproj.Transformer.from_crs(32632, 4326, always_xy=True).transform(x, y)
    labels = [f"p{n}" for n in range(20)]
    frame = geopandas.GeoDataFrame(
        {"n": range(20)}, index=labels, geometry=geopandas.points_from_xy(lon, lat), crs=4326
    )
    got = opened.cogweave.sample(frame)
    assert got.point.values.tolist() == labels
    np.testing.assert_array_equal(got, opened.cogweave.sample((x, y)))
    np.testing.assert_array_equal(got, opened.cogweave.sample((lon, lat), crs="EPSG:4326"))
    np.testing.assert_allclose(got.x, x, atol=1e-3)


def test_points_without_a_cell_hold_nodata(opened: xr.DataArray, grid: cw.Grid) -> None:
    x0, _, x1, y1 = grid.bbox
    x, y = np.array([x0 + 15, x0 - 1, np.nan, x1 + 5e6]), np.array([y1 - 25, y1 - 5, y1 - 5, np.inf])
    got = opened.cogweave.sample((x, y)).isel(time=3)
    assert got[0, 0] == opened.isel(band=0, time=3, y=2, x=1).values != 0
    assert (got[:, 1:] == 0).all()
    near = opened.cogweave.sample(([x[0], x[0] + 3], [y[0], y[0]]), tolerance=2).isel(band=0, time=3)
    assert near[0] != 0 and near[1] == 0
    frame = geopandas.GeoSeries([shapely.Point(), None], crs=32632)
    assert (opened.cogweave.sample(frame) == 0).all()
    assert opened.cogweave.sample(([], [])).shape == (2, 4, 0)


def test_a_masked_dataset_samples_masked_values(made: Archive, grid: cw.Grid) -> None:
    ds = xr.open_dataset(made.local, engine="cogweave", grid=grid, bands=["B04", "SCL"])
    x, y = scattered(grid, 50)
    x[0] = grid.bbox[0] - 100
    got = ds.cogweave.sample((x, y))
    assert set(got) == {"B04", "SCL"} and got.B04.dims == ("time", "point")
    assert np.isnan(got.B04[:, 0]).all()
    inside = {"x": xr.DataArray(x[1:], dims="point"), "y": xr.DataArray(y[1:], dims="point")}
    np.testing.assert_array_equal(got.B04[:, 1:], ds.B04.sel(inside, method="nearest"))
    xr.testing.assert_identical(asyncio.run(ds.cogweave.sample_async((x, y))), got)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"points": 7}, "pair"),
        ({"points": ([1, 2], [1])}, "one length"),
        ({"points": ([1.0], [1.0]), "method": "cubic"}, "method"),
        ({"points": ([1.0], [1.0]), "tolerance": -1}, "tolerance"),
        ({"points": ([1.0], [1.0]), "crs": "EPSG:0"}, "EPSG:0"),
        ({"points": geopandas.GeoSeries([shapely.box(0, 0, 1, 1)], crs=4326)}, "Polygon"),
        ({"points": geopandas.GeoSeries([shapely.Point(0, 0)])}, "no CRS"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_points_that_are_none_are_named(opened: xr.DataArray, arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(cw.InvalidArgument, match=match):
        opened.cogweave.sample(**arguments)


def test_method_none_wants_centres(opened: xr.DataArray) -> None:
    x, y = opened.x.values[[3, 5]], opened.y.values[[7, 9]]
    np.testing.assert_array_equal(
        opened.cogweave.sample((x, y), method=None), opened.load().isel(x=xr.DataArray([3, 5]), y=xr.DataArray([7, 9]))
    )
    with pytest.raises(cw.InvalidArgument, match="centre"):
        opened.cogweave.sample((x + 1, y), method=None)


# ---- explain -----------------------------------------------------------------------------------


def test_explain_tells_the_very_reads(arc: Archive, grid: cw.Grid) -> None:
    da = cw.open(arc.remote, grid=grid, bands=["B04", "SCL"], mosaic_method="mean")
    told = da.cogweave.explain()
    frame = told.to_dataframe()
    assert told.tiles == frame["tiles"].sum() and told.tile_bytes == frame["bytes"].sum()
    assert told.items == frame["item_id"].nunique() and told.assets == len(frame)
    before = len(arc.server.requests())
    with cw.measure() as spent:
        da.load()
    assert spent["decoded_pixels"] > 0
    # Tiles that came along with a header are not asked for again.
    assert 0 < len(arc.server.requests()) - before <= told.requests < told.tiles
    assert told.pixel_bytes == da.nbytes
    for text in (str(told), told._repr_html_()):
        assert "B04" in text and f"{told.tiles:,}" in text


def test_explain_counts_chunks_that_nothing_covers(made: Archive) -> None:
    left, top = made.corner(32632)
    wide = cw.Grid("EPSG:32632", (10, 0, left - 7_680, 0, -10, top), (256, 1024))
    da = cw.open(made.local, grid=wide, bands=["B04"], chunks={"x": 256, "y": 256})
    told = da.cogweave.explain()
    loaded = da.compute()
    empty = sum(
        not loaded[:, t : t + 1, :, x : x + 256].any() for t in range(loaded.sizes["time"]) for x in range(0, 1024, 256)
    )
    assert told.chunks == loaded.sizes["time"] * 4
    assert empty >= told.empty_chunks >= loaded.sizes["time"]


def test_a_dataset_explains_itself_and_arithmetic_says_why_not(made: Archive, grid: cw.Grid) -> None:
    ds = xr.open_dataset(made.local, engine="cogweave", grid=grid, bands=["B04", "SCL"])
    told = ds.isel(time=[3]).cogweave.explain()
    assert told.bands == ("B04", "SCL") and told.dtype == "uint16, uint8"
    assert told.steps == 1 and told.pixel_bytes == 200 * 220 * 3
    with pytest.raises(cw.InvalidArgument, match="arithmetic"):
        (ds.B04 + 1).cogweave.explain()
    with pytest.raises(cw.InvalidArgument, match="no variable"):
        (ds + 1).cogweave.explain()


# ---- footprints --------------------------------------------------------------------------------


def test_footprints_are_those_of_the_present_steps(made: Archive, opened: xr.DataArray) -> None:
    frame = opened.isel(time=[3]).cogweave.footprints()
    wanted = {i["id"]: shapely.geometry.shape(i["geometry"]) for i in made.on_day("20250608")}
    assert frame.crs.to_epsg() == 4326 and set(frame["id"]) == set(wanted), "each of them covers a part of the grid"
    for name, shape in zip(frame["id"], frame.geometry, strict=True):
        assert shape.equals(wanted[name])
    assert (frame["time"] == opened.time.values[3]).all() and "eo:cloud_cover" in frame


def test_footprints_are_drawn(opened: xr.DataArray) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = opened.cogweave.plot_footprints()
    x0, x1 = axes.get_xlim()
    lon, _ = pyproj.Transformer.from_crs(32632, 4326, always_xy=True).transform(float(opened.x[0]), float(opened.y[0]))
    assert x0 < lon < x1 and axes.get_xlabel() == "longitude"


def test_the_raster_index_of_rasterix_carries_the_transform(opened: xr.DataArray, grid: cw.Grid) -> None:
    pytest.importorskip("rasterix")
    indexed = opened.cogweave.raster_index()
    np.testing.assert_allclose(indexed.x, opened.x)
    part = indexed.isel(x=slice(10, 50), y=slice(20, 90))
    assert tuple(part.xindexes["x"].transform())[:6] == pytest.approx(grid[20:90, 10:50].transform)


# ---- which part of its plan an array is ----------------------------------------------------------


def test_bands_of_a_dataset_that_an_array_was_turned_into(opened: xr.DataArray, grid: cw.Grid) -> None:
    ds = opened.to_dataset("band")
    assert ds.cogweave.plan.bands == ("B04", "SCL")
    assert ds[["SCL"]].cogweave.plan.bands == ds.SCL.cogweave.plan.bands == ("SCL",)
    assert ds.SCL.isel(x=slice(3, 8)).cogweave.plan.shape == (1, 4, 200, 5)
    points = scattered(grid, 20)
    np.testing.assert_array_equal(
        ds.cogweave.sample(points).SCL, opened.cogweave.sample(points).sel(band="SCL"), "the variable's own band"
    )
    with pytest.raises(cw.InvalidArgument, match=r"'classes' is none of the bands B04, SCL"):
        _ = ds.rename(SCL="classes").cogweave.plan


@pytest.mark.parametrize(
    "taken",
    [
        lambda da: da.stack(cell=("y", "x")),
        lambda da: da.isel(x=xr.DataArray([1, 2], dims="p"), y=xr.DataArray([3, 4], dims="p")),
        lambda da: da.rename(y="lat").isel(lat=slice(0, 5)),
        lambda da: da.drop_vars("x").isel(x=slice(0, 5)),
        lambda da: da.isel(time=0, drop=True),
    ],
    ids=["stacked", "points", "renamed", "dropped", "scalar"],
)
def test_an_array_that_does_not_tell_its_part_says_so(opened: xr.DataArray, taken: Any) -> None:
    part = taken(opened)
    for ask in (part.cogweave.explain, part.cogweave.footprints, lambda: part.cogweave.plan):
        with pytest.raises(cw.InvalidArgument, match="run along one dimension|no coordinate '(y|x|time)'"):
            ask()
    assert len(part.cogweave.items) == len(opened.cogweave.items), "which items there are does not depend on it"
    assert opened.drop_vars("x").cogweave.plan.shape == opened.shape, "the whole needs no coordinate"


def test_steps_of_an_array_on_a_turned_grid(made: Archive, grid: cw.Grid) -> None:
    a, _, c, _, e, f = grid.transform
    turned = cw.Grid(grid.crs, (a * 0.8, a * 0.6, c, e * -0.6, e * 0.8, f), (60, 60))
    da = cw.open(made.local, grid=turned, bands=["B04", "SCL"])
    assert da.isel(time=[1, 2], band=0).cogweave.plan.shape == (1, 2, 60, 60)
    with pytest.raises(cw.InvalidArgument, match="no coordinate 'y'"):
        _ = da.isel(y=slice(0, 5)).cogweave.plan


def test_points_that_look_like_degrees_are_not_silently_outside(opened: xr.DataArray) -> None:
    with pytest.warns(UserWarning, match="look like degrees") as seen:
        values = opened.cogweave.sample(([11.9], [45.4]))
    assert seen[0].filename == __file__
    assert not values.any()
    opened.cogweave.sample(([11.9], [45.4]), crs="EPSG:4326")
    opened.cogweave.sample(([0.0], [5_000_000.0]))


def test_nothing_to_tell_of_says_what_would_be(opened: xr.DataArray) -> None:
    report = opened.cogweave.report()
    assert 'errors="ignore"' in repr(report) and "errors=" in report._repr_html_()


def test_a_computed_dataset_has_no_samples(made: Archive, grid: cw.Grid) -> None:
    ds = xr.open_dataset(made.local, engine="cogweave", grid=grid, bands=["B04"])
    with pytest.raises(cw.InvalidArgument, match="no variable"):
        (ds + 1).cogweave.sample(scattered(grid, 3))
    with pytest.raises(cw.InvalidArgument, match="no variable"):
        asyncio.run((ds + 1).cogweave.sample_async(scattered(grid, 3)))
    with pytest.raises(cw.InvalidArgument, match="tolerance"):
        ds.cogweave.sample(scattered(grid, 3), tolerance="near")


def test_footprints_of_no_step_are_an_outline(opened: xr.DataArray, recwarn: pytest.WarningsRecorder) -> None:
    axes = opened.isel(time=slice(0, 0)).cogweave.plot_footprints()
    assert len(axes.collections) + len(axes.lines) == 1
    assert not [w for w in recwarn if "empty" in str(w.message)]


def test_steps_of_one_instant_are_told_apart(made: Archive, grid: cw.Grid) -> None:
    """Each item is a step of its own, and all have one datetime, as tiles of an elevation model do."""
    items = [
        {**item, "properties": {**item["properties"], "datetime": "2025-06-08T10:00:00Z"}}
        for item in made.on_day("20250608")
    ]
    table = catalog_table(items, lambda href: str(made.folder / href))
    da = cw.open(table, grid=grid, bands=["B04"], time_period="id")
    assert len(set(da.time.values)) == 1 and da.sizes["time"] > 1
    x, y = scattered(grid, 50)
    loaded = da.copy().load()
    want = loaded.sel(x=xr.DataArray(x, dims="point"), y=xr.DataArray(y, dims="point"), method="nearest")
    want = want.transpose("band", "time", "point")
    assert len({step.tobytes() for step in want.values[0]}) > 1
    np.testing.assert_array_equal(da.cogweave.sample((x, y)), want)
    for n in range(da.sizes["time"]):
        np.testing.assert_array_equal(da.isel(time=n).cogweave.sample((x, y)), want.isel(time=n))
        assert da.isel(time=[n]).cogweave.plan.groups.tolist() == [str(da.group.values[n])]
    with pytest.raises(cw.InvalidArgument, match="time"):
        da.isel(time=[1]).drop_vars("group").cogweave.sample((x, y))
