"""dtype, nodata and scale= are settled once, when an array is opened, and told honestly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pytest
import rasterio
import xarray as xr

from tests import archive
from tests.archive import OFFSET, SCALE, catalog_table
from tests.conftest import Archive
from tests.test_methods import LEFT, TOP, _item

FILES = {
    "u2": ("uint16", 0),
    "i2": ("int16", -9999),
    "u1": ("uint8", 255),
    "f4": ("float32", -1.5),
    "none": ("uint16", None),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of several dtypes, the upper rows of which are nodata; "scaled" tells its own scale."""
    folder = tmp_path_factory.mktemp("types")
    out = {}
    for name, (dtype, nodata) in {**FILES, "scaled": ("int16", -9999)}.items():
        pixels = (np.arange(40 * 40).reshape(40, 40) % 120 + 1).astype(dtype)
        if nodata is not None:
            pixels[:10] = nodata
        profile = {"driver": "GTiff", "dtype": dtype, "count": 1, "width": 40, "height": 40, "crs": "EPSG:32633",
                   "transform": rasterio.transform.from_origin(LEFT, TOP, 10, 10), "nodata": nodata}  # fmt: skip
        out[name] = folder / f"{name}.tif"
        with rasterio.open(out[name], "w", **profile) as dst:
            dst.write(pixels, 1)
            if name == "scaled":
                dst.scales, dst.offsets = [0.01], [273.15]
    return out


GRID = cw.Grid("EPSG:32633", (10, 0, LEFT, 0, -10, TOP), (40, 45))  # five columns beyond the files


def items(files: dict[str, Path], *told: dict[str, Any]) -> Any:
    """Items of all files; told are raster:bands of "i2", one for each item."""
    made = []
    for number, band in enumerate(told or ({},)):
        assets = {name: {"href": str(path), "type": "image/tiff; application=geotiff", "roles": ["data"]}
                  for name, path in files.items()}  # fmt: skip
        if band:
            assets["i2"]["raster:bands"] = [band]
        made.append(_item(number, assets))
    return catalog_table(made)


def raw(path: Path) -> np.ndarray:
    with rasterio.open(path) as src:
        return np.asarray(src.read(1))


@pytest.mark.parametrize(
    ("bands", "dtype", "nodata"),
    [
        (["u2"], "uint16", 0), (["i2"], "int16", -9999), (["none"], "uint16", None), (["f4"], "float32", -1.5),
        (["u2", "none"], "uint16", None), (["u1", "i2"], "int16", None), (["u2", "i2"], "int32", None),
        (["u2", "f4"], "float32", None),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:the bands have different nodata")
def test_what_holds_all_bands(files: dict[str, Path], bands: list[str], dtype: str, nodata: float | None) -> None:
    da = cw.open(items(files), grid=GRID, bands=bands)
    assert da.dtype == dtype
    assert da.attrs.get("_FillValue") == nodata
    fill = nodata if nodata is not None else (np.nan if dtype == "float32" else 0)
    for band, got in zip(bands, da.values[:, 0], strict=True):
        own = FILES[band][1]
        pixels = raw(files[band])
        np.testing.assert_array_equal(got[:, :40], np.where(pixels == own, fill, pixels).astype(dtype))
        np.testing.assert_array_equal(got[:, 40:], np.full((40, 5), fill, dtype))


def test_bands_that_disagree_on_nodata_warn_once(files: dict[str, Path]) -> None:
    with pytest.warns(UserWarning, match="different nodata values") as seen:
        cw.open(items(files), grid=GRID, bands=["u2", "i2"])
    (told,) = [w for w in seen if "nodata" in str(w.message)]
    assert told.filename == __file__


def test_a_dataset_keeps_each_band_s_own(files: dict[str, Path]) -> None:
    ds = xr.open_dataset(items(files), engine="cogweave", grid=GRID, bands=list(FILES), mask_and_scale=False)
    for name, (dtype, nodata) in FILES.items():
        assert ds[name].dtype == dtype
        assert ds[name].attrs.get("_FillValue") == nodata
        np.testing.assert_array_equal(ds[name].values[0, :, :40], raw(files[name]))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"bands": ["u2"], "dtype": "uint8"}, "cannot hold"),
        ({"bands": ["i2"], "dtype": "uint16"}, "cannot hold"),
        ({"bands": ["u2"], "dtype": "int16"}, "cannot hold"),
        ({"bands": ["u2"], "nodata": -1}, "nodata -1"),
        ({"bands": ["u2"], "nodata": 0.5}, "nodata 0.5"),
        ({"bands": ["u2"], "nodata": float("nan")}, "nodata"),
        ({"bands": ["u1"], "nodata": 256}, "nodata 256"),
        ({"bands": ["u2"], "dtype": "int32", "mosaic_method": "mean"}, "fractions"),
        ({"bands": ["u2"], "dtype": "int32", "scale": True}, "fractions"),
    ],
    ids=str,
)
def test_what_cannot_be_held_is_refused_at_open(files: dict[str, Path], arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(cw.InvalidArgument, match=match):
        cw.open(items(files), grid=GRID, **arguments)


def test_an_explicit_dtype_is_checked_against_every_source(files: dict[str, Path]) -> None:
    told = items(files, {"data_type": "int16", "nodata": -9999}, {"data_type": "float32", "nodata": -9999})
    with pytest.raises(cw.InvalidArgument, match="float32") as caught:
        cw.open(told, grid=GRID, bands=["i2"], dtype="int32")
    assert (caught.value.item_id, caught.value.band) == ("i01", "i2")
    assert cw.open(told, grid=GRID, bands=["i2"]).dtype == "float32"


@pytest.mark.parametrize(("method", "dtype"), [("mean", "float32"), ("median", "float32"), ("stdev", "float32"),
                                               ("sum", "int64"), ("count", "uint16"), ("medoid", "int16")])  # fmt: skip
def test_the_dtype_of_methods(files: dict[str, Path], method: str, dtype: str) -> None:
    da = cw.open(items(files), grid=GRID, bands=["i2"], mosaic_method=method)
    assert da.dtype == dtype
    assert ("_FillValue" in da.attrs) == (method != "count")


def physical(path: Path, scale: float, offset: float, nodata: float) -> np.ndarray:
    pixels = raw(path)
    return np.where(pixels == nodata, np.nan, pixels * np.float64(scale) + offset).astype("float32")


def test_scale_of_the_file(files: dict[str, Path]) -> None:
    da = cw.open(items(files), grid=GRID, bands=["scaled"], scale=True)
    assert da.dtype == "float32"
    assert np.isnan(da.attrs["_FillValue"])
    np.testing.assert_array_equal(da.values[0, 0, :, :40], physical(files["scaled"], 0.01, 273.15, -9999))
    assert np.isnan(da.values[0, 0, :, 40:]).all()


def test_each_item_by_its_own_scale(files: dict[str, Path]) -> None:
    """STAC's field of the item outranks the file, and items may differ, as Sentinel-2's baselines do."""
    told = items(files, {"scale": 0.5, "offset": 0.0}, {"scale": 0.5, "offset": -10.0})
    da = cw.open(told, grid=GRID, bands=["i2"], scale=True, time_period="id")
    for step, offset in enumerate((0.0, -10.0)):
        np.testing.assert_array_equal(da.values[0, step, :, :40], physical(files["i2"], 0.5, offset, -9999))
    mean = cw.open(told, grid=GRID, bands=["i2"], scale=True, time_period="P1Y", mosaic_method="mean").values
    np.testing.assert_allclose(mean[0, 0, :, :40], physical(files["i2"], 0.5, -5.0, -9999), rtol=1e-6)
    with pytest.warns(UserWarning, match="different scales"):
        xr.open_dataset(told, engine="cogweave", grid=GRID, bands=["i2"])


def test_scale_of_stac_1_1_bands(files: dict[str, Path]) -> None:
    asset = {"href": str(files["i2"]), "type": "image/tiff; application=geotiff", "roles": ["data"],
             "bands": [{"name": "i2", "raster:scale": 2.0, "raster:offset": 1.0}]}  # fmt: skip
    da = cw.open(catalog_table([_item(0, {"i2": asset})]), grid=GRID, bands=["i2"], scale=True)
    np.testing.assert_array_equal(da.values[0, 0, :, :40], physical(files["i2"], 2.0, 1.0, -9999))


def test_scale_and_mask_and_scale_give_the_same_once(arc: Archive) -> None:
    grid = arc.utm_grid((80, 90), 10)
    arguments: dict[str, Any] = {"grid": grid, "bands": ["B04"], "time_period": "P1Y"}
    by_xarray = xr.open_dataset(arc.remote, engine="cogweave", **arguments)["B04"]
    by_us = xr.open_dataset(arc.remote, engine="cogweave", mask_and_scale=False, scale=True, **arguments)["B04"]
    assert by_us.dtype == "float32"
    assert "scale_factor" not in by_us.attrs
    np.testing.assert_allclose(by_us.values, by_xarray.values, rtol=1e-5)
    assert (archive.SCALE, archive.OFFSET) == (SCALE, OFFSET)
    with pytest.raises(cw.InvalidArgument, match="scale twice"):
        xr.open_dataset(arc.remote, engine="cogweave", scale=True, **arguments)


def test_counts_have_no_units(arc: Archive) -> None:
    """mask_and_scale scales what has the pixels' unit: a count stays a count, a deviation has no offset."""
    arguments: dict[str, Any] = {"grid": arc.utm_grid((60, 60), 10), "bands": ["B04"], "time_period": "P1Y"}
    count = xr.open_dataset(arc.remote, engine="cogweave", mosaic_method="count", **arguments)["B04"]
    assert count.values.max() >= 1
    np.testing.assert_array_equal(count.values, count.values.round())
    spread = xr.open_dataset(arc.remote, engine="cogweave", mosaic_method="stdev", **arguments)["B04"].values
    raw_spread = cw.open(arc.remote, mosaic_method="stdev", nodata=float("nan"), **arguments).values[0]
    np.testing.assert_allclose(spread, raw_spread * SCALE, rtol=1e-5)
