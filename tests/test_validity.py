"""Each source is masked by its own nodata, mask or alpha, whatever the output's; what is valid is written as it is."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pytest
import rasterio
import xarray as xr

from tests.archive import catalog_table
from tests.test_methods import LEFT, TOP, _item

SIDE = 100  # more than a block of 64
GRID = cw.Grid("EPSG:32633", (10, 0, LEFT, 0, -10, TOP), (SIDE, SIDE))
BLOCKS = {"blockxsize": 64, "blockysize": 64}
TRANSFORM = rasterio.transform.from_origin(LEFT, TOP, 10, 10)


def write(path: Path, data: Any, mask: Any = None, **profile: Any) -> Path:
    bands = data if data.ndim == 3 else data[None]
    given = {"driver": "GTiff", "count": len(bands), "height": SIDE, "width": SIDE, "dtype": data.dtype,
             "crs": "EPSG:32633", "transform": TRANSFORM, "tiled": True, **BLOCKS}  # fmt: skip
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **given, **profile) as out:
        out.write(bands)
        if mask is not None:
            out.write_mask(mask)
    return path


def table(*items: dict[str, Path]) -> Any:
    def asset(path: Path) -> dict[str, Any]:
        return {"href": str(path), "type": "image/tiff; application=geotiff", "roles": ["data"]}

    assets = [{key: asset(path) for key, path in one.items()} for one in items]
    return catalog_table([_item(number, one) for number, one in enumerate(assets)])


def numbers(dtype: str, start: int = 1) -> Any:
    return (np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 200 + start).astype(dtype)


def read(source: Any, **arguments: Any) -> Any:
    return cw.open(source, grid=GRID, **{"time_period": "P1Y", **arguments}).values[:, 0]


HOLES = (np.add.outer(np.arange(SIDE), np.arange(SIDE)) % 3) == 0


@pytest.mark.parametrize("given", [None, 7, 65535])
def test_items_with_nodata_of_their_own(tmp_path: Path, given: int | None) -> None:
    """The first item's 9 is nodata, the second's 5 too; the first's 5, the second's 9 and anybody's 7 are pixels."""
    one, two = numbers("uint16"), numbers("uint16", 3)
    one[HOLES], two[20:60] = 9, 5
    source = table({"b": write(tmp_path / "1.tif", one, nodata=9)}, {"b": write(tmp_path / "2.tif", two, nodata=5)})
    fill = 9 if given is None else given
    want = np.where(one != 9, one, np.where(two != 5, two, fill))
    assert (want == 7).any() and (want == 5).any()
    arguments = {} if given is None else {"nodata": given}
    got = read(source, bands=["b"], **arguments)
    assert got.dtype == "uint16"
    np.testing.assert_array_equal(got[0], want)


def test_bands_with_nodata_of_their_own(tmp_path: Path) -> None:
    signed, bytes_, floats = numbers("int16"), numbers("uint8"), numbers("float32")
    signed[HOLES], bytes_[HOLES], floats[HOLES] = -9999, 255, np.nan
    source = table({
        "s": write(tmp_path / "s.tif", signed, nodata=-9999), "u": write(tmp_path / "u.tif", bytes_, nodata=255),
        "f": write(tmp_path / "f.tif", floats, nodata=np.nan),
    })  # fmt: skip
    got = read(source, bands=["s", "u", "f"], nodata=-5)
    assert got.dtype == "float32"
    for band, data in zip(got, (signed, bytes_, floats), strict=True):
        np.testing.assert_array_equal(band, np.where(HOLES, np.float32(-5), data.astype("float32")))


def test_a_valid_pixel_that_equals_the_output_s_nodata_stays(tmp_path: Path) -> None:
    """With and without resampling, and where another item lies behind."""
    data = numbers("uint16")
    source = table({"b": write(tmp_path / "1.tif", data)}, {"b": write(tmp_path / "2.tif", data + np.uint16(500))})
    np.testing.assert_array_equal(read(source, bands=["b"], nodata=50)[0], data)
    shifted = cw.Grid("EPSG:32633", (10, 0, LEFT + 3, 0, -10, TOP - 3), (SIDE, SIDE))
    got = cw.open(source, grid=shifted, bands=["b"], nodata=50, time_period="P1Y", resampling="nearest").values[0, 0]
    np.testing.assert_array_equal(got, data)


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("int64", -(2**63)), ("int64", 2**63 - 1), ("uint64", 2**63), ("uint64", 2**64 - 1)]
)
def test_nodata_at_the_ends_of_64_bits_is_told_as_it_is_written(tmp_path: Path, dtype: str, nodata: int) -> None:
    """JSON's shortest digits of a float are not those of the integer."""
    source = table({"b": write(tmp_path / "b.tif", numbers(dtype))})
    beside = cw.Grid("EPSG:32633", (10, 0, LEFT - 50, 0, -10, TOP), (4, 20))
    got = cw.open(source, grid=beside, bands=["b"], nodata=nodata)
    again = pickle.loads(pickle.dumps(got))
    assert int(got.attrs["_FillValue"]) == int(again.attrs["_FillValue"]) == nodata
    assert (got.values[..., :5] == np.array(nodata, dtype)).all()


def test_nodata_that_is_no_float_is_told(tmp_path: Path) -> None:
    source = table({"b": write(tmp_path / "b.tif", numbers("int64"))})
    with pytest.raises(cw.InvalidArgument, match="nodata 9007199254740993 .* 9007199254740992"):
        read(source, nodata=2**53 + 1)


@pytest.mark.parametrize(
    ("dtype", "nodata", "nearest"),
    [
        ("uint64", 2**63 - 1, 2**63),
        ("uint64", 2**64, 2**64 - 1),
        ("int64", 2**63, 2**63 - 1),
        ("float64", 2**63 - 1, 2**63),
        ("float64", 2**64 - 1, 2**64),
        ("float32", 2**64 - 1, 2**64),
        ("float32", 2**24 + 1, 2**24),
        ("float32", -(2**25) - 1, -(2**25)),
    ],
)
def test_nodata_is_no_other_number(tmp_path: Path, dtype: str, nodata: int, nearest: int) -> None:
    """An integer that pixels cannot have is no nodata value of theirs; a fraction may be rounded."""
    source = table({"b": write(tmp_path / "b.tif", numbers(dtype))})
    with pytest.raises(cw.InvalidArgument, match=f"nodata {nodata} .* {nearest} .* {dtype}"):
        read(source, nodata=nodata)
    assert read(source, nodata=nearest).dtype == dtype
    if dtype.startswith("float"):
        assert read(source, nodata=0.1).dtype == dtype
        assert read(source, nodata=float(nodata)).dtype == dtype


def test_nan_hides_only_where_it_is_nodata(tmp_path: Path) -> None:
    """As a value it is written, and first takes it."""
    one, two = numbers("float32"), numbers("float32", 1000)
    one[HOLES], one[50:] = np.nan, -1
    source = table({"b": write(tmp_path / "1.tif", one, nodata=-1)}, {"b": write(tmp_path / "2.tif", two, nodata=-1)})
    np.testing.assert_array_equal(read(source, bands=["b"])[0], np.where(one == -1, two, one))
    nan = table(
        {"b": write(tmp_path / "3.tif", one, nodata=np.nan)}, {"b": write(tmp_path / "4.tif", two, nodata=np.nan)}
    )
    np.testing.assert_array_equal(read(nan, bands=["b"])[0], np.where(np.isnan(one), two, one))


@pytest.mark.parametrize("kind", ["alpha", "mask"])
def test_what_alpha_and_masks_hide_comes_from_the_next_item(tmp_path: Path, kind: str) -> None:
    """0 is a value like any other there."""
    stacks = [np.stack([numbers("uint8", start), numbers("uint8", 0), numbers("uint8", 9)]) for start in (0, 20)]
    shown = np.where(HOLES, 0, 255).astype("uint8")
    paths = []
    for number, (data, visible) in enumerate(zip(stacks, (shown, np.full_like(shown, 255)), strict=True)):
        path = tmp_path / f"{number}.tif"
        if kind == "alpha":
            paths.append(write(path, np.concatenate([data, visible[None]]), photometric="RGB", alpha="YES"))
        else:
            paths.append(write(path, data, mask=visible, photometric="RGB"))
    got = read(table(*({"v": path} for path in paths)), bands=["v.1", "v.2", "v.3"], nodata=255)
    np.testing.assert_array_equal(got, np.where(HOLES, stacks[1], stacks[0]))
    alone = read(table({"v": paths[0]}), bands=["v.1", "v.2", "v.3"], nodata=255)
    np.testing.assert_array_equal(alone, np.where(HOLES, 255, stacks[0]))


@pytest.mark.parametrize("kind", ["nodata", "none"])
def test_one_item_or_several_give_the_same(tmp_path: Path, kind: str) -> None:
    """A step of one item is copied from its tiles; behind one that covers nothing it is combined. Same pixels."""
    data = numbers("int16", -3)
    profile = {"nodata": 4} if kind == "nodata" else {}
    path = write(tmp_path / "1.tif", data, **profile)
    empty = write(tmp_path / "0.tif", np.full_like(data, 4), nodata=4)
    for fill in (4, -32768):
        want = np.where((data == 4) & (kind == "nodata"), fill, data)
        np.testing.assert_array_equal(read(table({"b": path}), bands=["b"], nodata=fill)[0], want)
        np.testing.assert_array_equal(read(table({"b": empty}, {"b": path}), bands=["b"], nodata=fill)[0], want)
        np.testing.assert_array_equal(read(table({"b": path}, {"b": empty}), bands=["b"], nodata=fill)[0], want)


def test_int64_beside_uint64_raises(tmp_path: Path) -> None:
    source = table(
        {"s": write(tmp_path / "s.tif", numbers("int64")), "u": write(tmp_path / "u.tif", numbers("uint64"))}
    )
    with pytest.raises(cw.InvalidArgument, match="int64"):
        cw.open(source, grid=GRID, bands=["s", "u"])
    for band in ("s", "u"):
        np.testing.assert_array_equal(read(source, bands=[band])[0], numbers("int64"))


@pytest.mark.parametrize(
    ("dtype", "want"), [("float32", "float64"), ("float64", "float64"), ("uint8", "int64"), ("int32", "int64")]
)
def test_the_dtype_of_a_sum(tmp_path: Path, dtype: str, want: str) -> None:
    path = write(tmp_path / "1.tif", numbers(dtype))
    got = read(table({"b": path}, {"b": path}), bands=["b"], mosaic_method="sum")
    assert got.dtype == want
    np.testing.assert_array_equal(got[0], 2 * numbers(want))


@pytest.mark.parametrize("bands", [["b"], None])
@pytest.mark.parametrize("broken", [0, 1])
@pytest.mark.parametrize("grid", [GRID, None])
def test_an_ignored_item_need_not_tell_of_the_others(tmp_path: Path, grid: Any, broken: int, bands: Any) -> None:
    """Type, number of bands and native grid are another item's, where the first one's file is not there."""
    files = [write(tmp_path / f"{n}.tif", numbers("uint16", start=n), nodata=0) for n in (1, 2, 3)]
    files[broken] = tmp_path / "gone.tif"
    source = table(*({"b": file} for file in files))
    for chunks in (None, {}):
        da = cw.open(source, grid=grid, bands=bands, time_period="P1Y", errors="ignore", chunks=chunks)
        assert (da.dtype, da.attrs["_FillValue"]) == ("uint16", 0)
        np.testing.assert_array_equal(da.values[0, 0], numbers("uint16", start=2 if broken == 0 else 1))
    assert da.cogweave.report().counts["failed"] == 1
    ds = xr.open_dataset(source, engine="cogweave", grid=grid, time_period="P1Y", errors="ignore", mask_and_scale=False)
    np.testing.assert_array_equal(ds["b"].values[0], da.values[0, 0])
    with pytest.raises(cw.AssetNotFound) as failed:
        cw.open(source, grid=grid, bands=bands, mosaic_method="last", time_period="P1Y").load()
    assert (failed.value.item_id, failed.value.band) == (f"i{broken:02}", "b")


def test_nothing_readable_is_an_error_of_the_first(tmp_path: Path) -> None:
    source = table(*({"b": tmp_path / f"{n}.tif"} for n in range(20)))
    with pytest.raises(cw.AssetNotFound) as failed:
        read(source, errors="ignore")
    assert failed.value.item_id == "i00"


def test_types_that_nothing_holds_are_told_by_their_bands(tmp_path: Path) -> None:
    source = table({t: write(tmp_path / f"{t}.tif", numbers(t)) for t in ("uint8", "uint64", "int64")})
    with pytest.raises(cw.InvalidArgument, match='bands "uint64" and "int64"'):
        read(source)
