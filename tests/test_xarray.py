"""Arrays behave as xarray's users expect: they are written, joined, grouped and sliced without repair."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import rioxarray  # noqa: F401
import xarray as xr
from xarray.core import indexing

from tests.conftest import Archive
from tests.pickles import unpacked


@pytest.fixture(scope="module")
def grid(made: Archive) -> cw.Grid:
    return made.utm_grid((96, 112), 10)


@pytest.fixture
def opened(made: Archive, grid: cw.Grid) -> xr.DataArray:
    return cw.open(made.local, grid=grid, bands=["B04", "SCL"])


# ---- the engine --------------------------------------------------------------------------------


def test_stac_geoparquet_is_recognised_and_other_parquet_is_not(made: Archive, tmp_path: Path) -> None:
    guess = xr.backends.list_engines()["cogweave"].guess_can_open
    assert guess(str(made.local)) and guess(made.local)
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"id": ["a"], "assets": ["b"], "geometry": [b"c"]}), other)
    assert not guess(str(other))
    marked = tmp_path / "marked.pq"
    pq.write_table(pa.table({"id": ["a"]}).replace_schema_metadata({"stac-geoparquet": "{}"}), marked)
    assert guess(str(marked))
    (tmp_path / "text.parquet").write_text("no parquet at all")
    assert not guess(str(tmp_path / "text.parquet"))
    assert not guess(str(tmp_path / "missing.parquet"))
    assert not guess("scene.nc") and not guess(b"CDF") and not guess(7)


def test_the_engine_says_what_it_is() -> None:
    engine = xr.backends.list_engines()["cogweave"]
    assert engine.description and engine.url.startswith("http")
    parameters = engine.open_dataset_parameters
    assert {"drop_variables", "mask_and_scale", "bbox", "bands", "properties"} <= set(parameters)
    assert "chunks" not in parameters and "arguments" not in parameters


def test_variables_keep_their_own_dtype_and_nodata(made: Archive, grid: cw.Grid) -> None:
    raw = xr.open_dataset(made.local, engine="cogweave", grid=grid, mask_and_scale=False, drop_variables="B02")
    assert set(raw.data_vars) == {"B03", "B04", "SCL"}
    assert (raw.B04.dtype, raw.SCL.dtype) == (np.uint16, np.uint8)
    assert raw.B04.attrs["_FillValue"] == 0 and raw.SCL.attrs["_FillValue"].dtype == np.uint8
    scaled = xr.open_dataset(made.local, engine="cogweave", grid=grid, bands=["B04", "SCL"])
    expected = np.where(raw.B04.values == 0, np.nan, raw.B04.values * 0.0001 - 0.1)
    np.testing.assert_allclose(scaled.B04.values, expected, rtol=1e-6)
    with pytest.raises(TypeError, match="bond"):
        xr.open_dataset(made.local, engine="cogweave", grid=grid, bond="B04")


def test_chunks_follow_the_files_tiles(made: Archive) -> None:
    """A chunk is the least number of whole tiles that makes 512 cells."""
    wide = made.utm_grid((1400, 1300), 7.5)
    ds = xr.open_dataset(made.local, engine="cogweave", grid=wide, bands=["B04"], chunks={})
    side = round(128 * 10 / 7.5)
    assert ds.B04.chunks is not None
    assert ds.B04.chunks[0] == (1, 1, 1, 1)
    assert ds.B04.chunks[1][0] == ds.B04.chunks[2][0] == side * 3 and side * 2 < 512 <= side * 3
    assert ds.B04.encoding["preferred_chunks"] == {"time": 1, "y": side * 3, "x": side * 3}
    auto = cw.open(made.local, grid=wide, bands=["B04"], chunks="auto")
    assert auto.chunks is not None
    assert auto.chunks[2][0] % (side * 3) == 0 or auto.chunks[2] == (1400,)


@pytest.mark.parametrize("chunks", [{"lat": 3}, "often", {"x": "a"}, (1, 2)])
def test_chunks_that_cannot_be_are_named(made: Archive, grid: cw.Grid, chunks: Any) -> None:
    with pytest.raises(cw.InvalidArgument, match="chunks"):
        cw.open(made.local, grid=grid, bands=["B04"], chunks=chunks)


def test_no_secret_of_a_url_shows(arc: Archive, grid: cw.Grid) -> None:
    url = arc.server.href("remote.parquet") + "?sig=SECRET"
    for data in (
        xr.open_dataset(url, engine="cogweave", grid=grid, bands=["B04"]),
        cw.open(url, grid=grid, bands=["B04"]),
    ):
        assert "remote.parquet" in data.encoding["source"]
        assert "SECRET" not in data.encoding["source"] + repr(data)
        assert b"SECRET" not in unpacked(data)


# ---- what users do with arrays -----------------------------------------------------------------


USES: dict[str, Callable[[xr.DataArray], xr.DataArray]] = {
    "copy": lambda da: da.copy(),
    "deep copy": lambda da: da.copy(deep=True),
    "sortby": lambda da: da.sortby("y").sortby("time", ascending=False),
    "transpose": lambda da: da.transpose("y", "x", "time", "band"),
    "concat": lambda da: xr.concat([da.isel(time=[2, 3]), da.isel(time=[0])], "time"),
    "groupby": lambda da: da.groupby("time.month").max(),
    "resample": lambda da: da.resample(time="MS").max(),
    "where": lambda da: da.where(da > 1200, 0),
    "coarsen": lambda da: da.coarsen(x=4, y=4).max(),
    "to_dataset": lambda da: da.to_dataset("band").to_dataarray("band"),
    "stack": lambda da: da.stack(cell=("y", "x")),
    "single cell": lambda da: da[1, 2, 50, 60],
    "squeeze": lambda da: da.isel(time=[1]).squeeze(),
    "rolling": lambda da: da.isel(band=0, time=0).rolling(x=3).max().fillna(0),
    "empty": lambda da: da.isel(x=slice(0, 0)),
    "reindex": lambda da: da.reindex(time=da.time[::-1]),
    "interp": lambda da: da.isel(time=0).interp(x=da.x.values[:3] + 2.5),
}


@pytest.mark.parametrize("chunks", [None, {"x": 50, "y": 40}], ids=["lazy", "dask"])
@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_use_equals_that_of_a_loaded_array(
    made: Archive, grid: cw.Grid, use: Callable[[xr.DataArray], xr.DataArray], chunks: Any
) -> None:
    loaded = cw.open(made.local, grid=grid, bands=["B04", "SCL"]).load()
    lazy = cw.open(made.local, grid=grid, bands=["B04", "SCL"], chunks=chunks)
    xr.testing.assert_identical(use(lazy).compute(), use(loaded).compute())


def test_attributes_are_plain(opened: xr.DataArray) -> None:
    for holder in (opened, *opened.coords.values()):
        for value in holder.attrs.values():
            assert isinstance(value, (str, int, float, list, np.generic)), value


@pytest.mark.parametrize("chunks", [None, {}], ids=["lazy", "dask"])
def test_written_to_zarr_and_netcdf_and_read_again(made: Archive, grid: cw.Grid, chunks: Any, tmp_path: Path) -> None:
    ds = xr.open_dataset(made.local, engine="cogweave", grid=grid, bands=["B04", "SCL"], chunks=chunks)
    ds.to_zarr(tmp_path / "a.zarr")
    ds.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    da = cw.open(made.local, grid=grid, bands=["B04"], chunks=chunks)
    da.to_dataset(name="pixels").to_zarr(tmp_path / "b.zarr")
    da.to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    for again in (
        xr.open_zarr(tmp_path / "a.zarr", decode_coords="all"),
        xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf", decode_coords="all"),
    ):
        assert again.B04.encoding["dtype"] == np.uint16, "pixels are stored as they were, not as floats"
        np.testing.assert_array_equal(again.B04, ds.B04)
        np.testing.assert_array_equal(again.SCL, ds.SCL)
        assert again.B04.rio.crs == ds.B04.rio.crs
    raw = xr.open_zarr(tmp_path / "b.zarr", mask_and_scale=False).pixels
    np.testing.assert_array_equal(raw, da)


def test_written_to_a_raster(opened: xr.DataArray, grid: cw.Grid, tmp_path: Path) -> None:
    one = opened.isel(time=3)
    one.rio.to_raster(tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as src:
        np.testing.assert_array_equal(src.read(), one.values)
        assert tuple(src.transform)[:6] == grid.transform
        assert src.crs.to_epsg() == 32632 and src.nodata == 0


SLICES: dict[str, dict[str, Any]] = {
    "window": {"x": slice(10, 60), "y": slice(5, 80)},
    "every third": {"x": slice(1, None, 3), "y": slice(None, None, 2)},
    "upside down": {"y": slice(None, None, -1)},
}


@pytest.mark.parametrize("key", SLICES.values(), ids=SLICES.keys())
def test_slicing_keeps_georeferencing_true(opened: xr.DataArray, grid: cw.Grid, key: dict[str, Any]) -> None:
    import odc.geo.xr  # noqa: F401

    part = opened.isel(key)
    expected = grid[key["y"], key.get("x", slice(None))]
    assert tuple(part.rio.transform())[:6] == pytest.approx(expected.transform)
    assert tuple(part.odc.geobox.affine)[:6] == pytest.approx(expected.transform)
    assert part.odc.geobox.shape == expected.shape
    assert part.cogweave.plan.grid.transform == pytest.approx(expected.transform)
    told = part.cogweave.geozarr().attrs
    assert told["spatial:transform"] == pytest.approx(list(expected.transform))
    assert told["spatial:shape"] == list(expected.shape)
    assert told["spatial:bbox"] == pytest.approx(list(expected.bbox))
    assert told["proj:code"] == "EPSG:32632"


def test_bands_and_steps_tell_of_their_items(made: Archive, grid: cw.Grid) -> None:
    wanted = ["eo:cloud_cover", "id", "item_count", "platform"]
    da = cw.open(made.local, grid=grid, bands=["B04", "SCL"], properties=wanted)
    assert da.common_name.values.tolist() == ["red", ""]
    for name in wanted:
        assert da[name].dims == ("time",)
    table = pd.DataFrame(
        {"id": i["id"], "day": i["properties"]["datetime"][:10], "cover": i["properties"]["eo:cloud_cover"]}
        for i in made.items
        if i["id"] in set(da.cogweave.footprints()["id"])
    )
    by_day = table.groupby("day")
    np.testing.assert_allclose(da["eo:cloud_cover"], by_day["cover"].mean(), rtol=1e-9)
    assert da["item_count"].values.tolist() == by_day.size().tolist()
    assert [sorted(ids.split(", ")) for ids in da["id"].values] == [sorted(ids) for ids in by_day["id"].agg(list)]
    assert set(da["platform"].values) == {"sentinel-2b"}
    with pytest.raises(cw.InvalidArgument, match="eo:clod_cover.*eo:cloud_cover"):
        cw.open(made.local, grid=grid, bands=["B04"], properties="eo:clod_cover")


# ---- xarray's own helpers for lazy indexing ----------------------------------------------------


def _backend(da: xr.DataArray) -> Any:
    return indexing.LazilyIndexedArray(da.cogweave._array)


def test_indexers_of_every_kind_compose_as_numpy_does(opened: xr.DataArray) -> None:
    """The chains of indexers of xarray's own test of lazily indexed arrays."""
    loaded = opened.isel(time=0).load().variable
    lazy = xr.Variable(opened.dims, _backend(opened)).isel(time=0)
    indexers = [
        -1,
        0,
        slice(None),
        slice(5),
        slice(2, None, 3),
        slice(None, None, -1),
        slice(60, 2, -7),
        [],
        [1],
        [3, 0, 9],
    ]
    for rows in indexers:
        for cols in indexers:
            part = lazy[:, rows, cols]
            assert isinstance(part._data, indexing.LazilyIndexedArray)
            np.testing.assert_array_equal(part.values, loaded[:, rows, cols].values)
            if part.ndim == 3 and part.shape[1] > 1:
                np.testing.assert_array_equal(part[:, ::-1][:, 1:].values, loaded[:, rows, cols][:, ::-1][:, 1:].values)


@pytest.mark.parametrize(
    "points",
    [
        ([0, 40, 40], [3, 5, 5]),
        ([[0, 1], [50, 2]], [[3, 4], [5, 110]]),
        ([[-1], [7]], [[0, -2, 3]]),
        ([], []),
    ],
    ids=["scattered", "two dimensions", "broadcast", "none"],
)
def test_points_compose_with_slices(opened: xr.DataArray, points: tuple[Any, Any]) -> None:
    rows, cols = (np.asarray(index, int) for index in points)
    shape = np.broadcast_shapes(rows.shape, cols.shape)
    dims = tuple("ab"[: len(shape)])
    key = {
        "y": xr.Variable(dims, np.broadcast_to(rows, shape)),
        "x": xr.Variable(dims, np.broadcast_to(cols, shape)),
    }
    lazy = opened.isel(time=slice(1, None)).isel(key)
    assert not lazy.variable._in_memory
    again = lazy.isel({dims[0]: slice(None, None, -1)})
    xr.testing.assert_identical(
        again.load(), opened.copy().load().isel(time=slice(1, None)).isel(key).isel({dims[0]: slice(None, None, -1)})
    )


def test_scattered_points_read_no_more_tiles_than_they_touch(made: Archive) -> None:
    """Nine scattered points of one file touch at most nine of its sixteen tiles; all are read as one operation."""
    item = made.item("32TQR", "20250608")
    with rasterio.open(made.path(item, "B03")) as src:
        own = cw.Grid(src.crs.to_wkt(), tuple(src.transform)[:6], src.shape)
    da = cw.open(made.local, grid=own, bands=["B03"], ids=[item["id"]])
    index = np.random.default_rng(3).integers(0, 512, (2, 9))
    touched = {(int(r) // 128, int(c) // 128) for r, c in index.T}
    with cw.measure() as spent:
        da.isel(y=xr.DataArray(index[0], dims="p"), x=xr.DataArray(index[1], dims="p")).load()
    assert spent["native_calls"] == 1
    assert spent["decoded_pixels"] <= len(touched) * 128 * 128


def test_a_float_type_that_is_asked_for_stays_when_values_are_scaled(arc: Archive, grid: cw.Grid) -> None:
    ds = xr.open_dataset(arc.local, engine="cogweave", grid=grid, bands=["B04"], dtype="float32")
    assert ds.B04.dtype == "float32"
    wide = xr.open_dataset(arc.local, engine="cogweave", grid=grid, bands=["B04"])
    np.testing.assert_allclose(ds.B04, wide.B04, rtol=1e-6)
