"""What cw.open and xr.open_dataset give before a pixel is read, and that both give the same pixels."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyproj
import pytest
import xarray as xr

from tests import archive, landscape
from tests.conftest import Archive

SHAPE = (90, 110)


@pytest.fixture
def grid(arc: Archive) -> cw.Grid:
    return arc.utm_grid(SHAPE, 10)


def test_dimensions_and_coordinates(arc: Archive, grid: cw.Grid) -> None:
    da = cw.open(arc.remote, grid=grid, bands=["B04", "B02"])
    assert da.dims == ("band", "time", "y", "x")
    assert da.shape == (2, 4, *SHAPE)
    assert da.dtype == np.uint16
    assert da.band.values.tolist() == ["B04", "B02"]
    assert da.time.dtype == np.dtype("datetime64[ns]")
    days = ["2025-05-04", "2025-05-19", "2025-06-03", "2025-06-08"]
    assert da.time.values.tolist() == np.array(days, "datetime64[ns]").tolist()
    transform = tuple(grid.transform)[:6]
    np.testing.assert_allclose(da.x, transform[2] + 10 * (np.arange(110) + 0.5), rtol=0, atol=1e-6)
    np.testing.assert_allclose(da.y, transform[5] - 10 * (np.arange(90) + 0.5), rtol=0, atol=1e-6)


def test_spatial_ref_is_cf(arc: Archive, grid: cw.Grid) -> None:
    da = cw.open(arc.remote, grid=grid, bands=["B04"])
    attrs = da.spatial_ref.attrs
    assert pyproj.CRS.from_wkt(attrs["crs_wkt"]).to_epsg() == 32632
    assert pyproj.CRS.from_cf(attrs).to_epsg() == 32632
    assert "GeoTransform" not in attrs, "coordinates tell it, and stay true when they are sliced"
    assert da.x.attrs["standard_name"] == "projection_x_coordinate"


def test_opening_reads_no_pixels(arc: Archive, grid: cw.Grid) -> None:
    with cw.measure() as spent:
        da = cw.open(arc.remote, grid=grid, bands=["B04"])
        assert not da.variable._in_memory
        repr(da), da._repr_html_()
        da.isel(time=0)[0, 10:20]
        assert not da.variable._in_memory
    assert spent["decoded_pixels"] == 0
    assert all("SCL" not in r["path"] for r in arc.server.requests())


def test_opening_leaves_dask_alone(arc: Archive) -> None:
    """A new process that opens without chunks imports no dask, which would take longer than all the rest."""
    pytest.importorskip("dask")
    told = subprocess.run(
        [
            sys.executable, "-c",
            "import json, sys, cogweave as cw\n"
            "data = cw.open(sys.argv[1], bbox=json.loads(sys.argv[2]), crs=4326, resolution=0.01, properties=True)\n"
            "print(data.band.dtype.kind, data.time.dtype, 'dask' in sys.modules)",
            arc.local,
            json.dumps([landscape.LON0 - 0.05, landscape.LAT0 - 0.05, landscape.LON0 + 0.05, landscape.LAT0 + 0.05]),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.stdout.split() == ["U", "datetime64[ns]", "False"], told.stderr


def test_where_as_bbox_crs_and_resolution(arc: Archive, grid: cw.Grid) -> None:
    """ceil(extent / resolution) cells from (minx, maxy)."""
    minx, miny, maxx, maxy = grid.bbox
    da = cw.open(arc.remote, bbox=(minx, miny, maxx - 4, maxy), crs="EPSG:32632", resolution=10, bands=["B04"])
    assert da.shape[2:] == SHAPE
    xr.testing.assert_equal(da.load(), cw.open(arc.remote, grid=grid, bands=["B04"]).load())
    wide = cw.open(arc.remote, bbox=grid.bbox, crs=32632, resolution=(20, 30), bands=["B04"])
    assert wide.shape[2:] == (30, 55)


def test_bbox_in_another_crs(arc: Archive) -> None:
    bbox = (11.985, 45.49, 12.01, 45.51)
    da = cw.open(arc.remote, bbox=bbox, bbox_crs="EPSG:4326", crs="EPSG:3857", resolution=20, bands=["B04"])
    to_mercator = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)
    minx, _, maxx, maxy = to_mercator.transform_bounds(*bbox)
    assert da.x.values[0] == pytest.approx(minx + 10, abs=1) and da.y.values[0] == pytest.approx(maxy - 10, abs=1)
    assert da.sizes["x"] == int(np.ceil((maxx - minx) / 20 - 1e-3))


def test_dataset_holds_one_variable_a_band(arc: Archive, grid: cw.Grid) -> None:
    ds = xr.open_dataset(arc.remote, engine="cogweave", grid=grid, bands=["B04", "SCL"], mask_and_scale=False)
    assert list(ds.data_vars) == ["B04", "SCL"]
    assert (ds.B04.dims, ds.B04.dtype, ds.SCL.dtype) == (("time", "y", "x"), np.uint16, np.uint8)
    da = cw.open(arc.remote, grid=grid, bands=["B04", "SCL"])
    assert da.dtype == np.uint16
    np.testing.assert_array_equal(ds.B04.values, da.sel(band="B04").values)
    np.testing.assert_array_equal(ds.SCL.values, da.sel(band="SCL").values)
    assert ds.B04.values.any() and ds.SCL.values.any()


def test_mask_and_scale_is_xarray_s_default(arc: Archive, grid: cw.Grid) -> None:
    """Floats with NaN where nothing is valid, reflectances where the catalog tells the scale."""
    scaled = xr.open_dataset(arc.remote, engine="cogweave", grid=grid, bands=["B04"])
    raw = xr.open_dataset(arc.remote, engine="cogweave", grid=grid, bands=["B04"], mask_and_scale=False)
    assert scaled.B04.dtype.kind == "f"
    stored = raw.B04.values
    assert (stored == 0).any() and (stored != 0).any()
    want = np.where(stored == 0, np.nan, stored * archive.SCALE + archive.OFFSET)
    np.testing.assert_allclose(scaled.B04.values, want, rtol=1e-5)


def test_default_bands_are_the_cogs(arc: Archive, grid: cw.Grid) -> None:
    assert cw.open(arc.remote, grid=grid).band.values.tolist() == ["B02", "B03", "B04", "SCL"]


def test_bands_by_common_name(arc: Archive, grid: cw.Grid) -> None:
    by_name = cw.open(arc.remote, grid=grid, bands=["red", "blue"])
    assert by_name.band.values.tolist() == ["red", "blue"]
    by_key = cw.open(arc.remote, grid=grid, bands=["B04", "B02"])
    np.testing.assert_array_equal(by_name.values, by_key.values)


@pytest.mark.parametrize(
    ("period", "labels"),
    [
        ("P1M", ["2025-05-01", "2025-06-01"]),
        ("P1Y", ["2025-01-01"]),
        ("P1W", ["2025-04-28", "2025-05-19", "2025-06-02"]),
    ],
)
def test_time_periods(arc: Archive, grid: cw.Grid, period: str, labels: list[str]) -> None:
    da = cw.open(arc.remote, grid=grid, bands=["B04"], time_period=period)
    assert da.time.values.tolist() == np.array(labels, "datetime64[ns]").tolist()


def test_none_gives_a_step_for_each_instant(arc: Archive, grid: cw.Grid) -> None:
    da = cw.open(arc.remote, grid=grid, bands=["B04"], time_period=None, datetime="2025-06-08")
    want = sorted(i["properties"]["datetime"].rstrip("Z") for i in arc.on_day("20250608"))
    assert da.time.values.tolist() == np.array(want, "datetime64[ns]").tolist()


def test_cells_without_items_hold_nodata(arc: Archive, grid: cw.Grid) -> None:
    a, _, c, _, e, f = tuple(grid.transform)[:6]
    beyond = cw.Grid("EPSG:32632", (a, 0, c - 8000, 0, e, f), (50, 900))
    plain = cw.open(arc.remote, grid=beyond, bands=["B04"]).values
    assert (plain[..., :200] == 0).all() and plain.any()
    filled = cw.open(arc.remote, grid=beyond, bands=["B04"], nodata=65535).values
    assert (filled[plain == 0] == 65535).all()
    np.testing.assert_array_equal(filled[plain != 0], plain[plain != 0])


def test_relative_hrefs_resolve_against_the_catalog(arc: Archive, grid: cw.Grid) -> None:
    path = archive.write_catalog(arc.items, arc.folder / "relative.parquet")
    here = cw.open(path, grid=grid, bands=["B04"]).values
    np.testing.assert_array_equal(here, cw.open(arc.remote, grid=grid, bands=["B04"]).values)


def test_local_files_give_the_same_pixels_as_http(arc: Archive, grid: cw.Grid) -> None:
    local = cw.open(str(arc.local), grid=grid).values
    assert arc.server.stats().requests == 0
    np.testing.assert_array_equal(local, cw.open(arc.remote, grid=grid).values)


def test_chunks_change_nothing(arc: Archive) -> None:
    """Bit-equal under any chunking, across CRSs and with a smooth kernel."""
    grid = cw.Grid("EPSG:3035", (13.0, 0, 4472000, 0, -13.0, 2492000), (170, 190))
    options: dict[str, Any] = {"grid": grid, "bands": ["B04", "B02"], "resampling": "bilinear"}
    whole = cw.open(arc.remote, **options)
    assert whole.values.any()
    chunked = cw.open(arc.remote, **options, chunks={"x": 61, "y": 47, "time": 1})
    assert chunked.chunks is not None
    np.testing.assert_array_equal(chunked.values, whole.values)


def test_pickles_and_reads_after(arc: Archive, grid: cw.Grid) -> None:
    da = cw.open(arc.remote, grid=grid, bands=["B04"])
    again = pickle.loads(pickle.dumps(da))
    assert not again.variable._in_memory
    xr.testing.assert_identical(again.load(), da.load())


def test_encoding_names_the_catalog(arc: Archive, grid: cw.Grid) -> None:
    ds = xr.open_dataset(arc.remote, engine="cogweave", grid=grid, bands=["B04"])
    assert Path(ds.encoding["source"]).name == "remote.parquet"


def test_explain_tells_what_a_read_will_do(arc: Archive, grid: cw.Grid) -> None:
    da = cw.open(arc.remote, grid=grid, bands=["B04"])
    assert "B04" in str(da.cogweave.explain())
