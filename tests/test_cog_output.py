"""What `cogweave read -o mosaic.tif` writes: a valid COG with every pixel, and nothing behind that is half of one."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pytest
import rasterio
from affine import Affine
from cogweave._cog import write_cog, write_cog_async
from rasterio.enums import ColorInterp, MaskFlags
from rio_cogeo.cogeo import cog_validate

from tests import archive, rasters
from tests.conftest import Archive
from tests.scripts import succeed
from tests.servers.faultserver import FaultServer

_DTYPES = [
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
    "float32", "float64", "complex64", "complex128",
]  # fmt: skip


def pixels(dtype: str, shape: tuple[int, ...], seed: int = 1) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind in "ui":
        info = np.iinfo(kind)
        return random.integers(max(info.min, -(2**40)), min(info.max, 2**40), shape, dtype=kind, endpoint=True)
    values = random.normal(0, 100, shape)
    return (values + 1j * values[::-1] if kind.kind == "c" else values).astype(kind)


def written(path: Path) -> tuple[np.ndarray[Any, Any], rasterio.DatasetReader]:
    valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
    assert valid, (errors, warnings)
    src = rasterio.open(path)  # closed with its last reference
    return src.read(), src


def open_(array: np.ndarray[Any, Any], folder: Path, **arguments: Any) -> Any:
    catalog = rasters.write(array, folder / "source")
    return cw.open(catalog, **{"grid": rasters.grid(array.shape), "bands": [rasters.ASSET], **arguments})


@pytest.mark.parametrize("dtype", _DTYPES)
def test_pixels_of_every_type_come_back(dtype: str, tmp_path: Path) -> None:
    array = pixels(dtype, (1, 700, 530))
    out = tmp_path / "out" / "m.tif"
    out.parent.mkdir()
    write_cog(open_(array, tmp_path).cogweave.plan, out)
    read, src = written(out)
    assert src.dtypes == (dtype,), "the type stays"
    np.testing.assert_array_equal(read, array)
    assert src.block_shapes == [(512, 512)] and src.overviews(1), "tiles and overviews"
    assert [p.name for p in out.parent.iterdir()] == ["m.tif"]


def test_layers_are_named_and_in_the_order_of_time(made: Archive, tmp_path: Path) -> None:
    grid = made.utm_grid((90, 110), 10)
    da = cw.open(made.local, grid=grid, bands=["B04", "B03"])
    part = da.isel(time=slice(1, 3), y=slice(10, 80), x=slice(20, None))
    write_cog(part.cogweave.plan, tmp_path / "m.tif")
    read, src = written(tmp_path / "m.tif")
    np.testing.assert_array_equal(read, part.transpose("time", "band", "y", "x").values.reshape(4, 70, 90))
    assert src.descriptions == tuple(f"{b} {str(t)[:19]}" for t in part.time.values for b in ("B04", "B03"))
    assert tuple(src.transform)[:6] == (10, 0, grid.transform[2] + 200, 0, -10, grid.transform[5] - 100)
    assert src.crs.to_epsg() == 32632 and src.nodata == 0
    assert src.scales == (0.0001,) * 4 and src.offsets == (-0.1,) * 4, "what raw values mean"
    one = da.isel(time=[0])
    write_cog(one.cogweave.plan, tmp_path / "one.tif")
    assert written(tmp_path / "one.tif")[1].descriptions == ("B04", "B03"), "one time needs no label"


def test_a_grid_that_is_turned_keeps_its_transform(made: Archive, tmp_path: Path) -> None:
    straight = made.utm_grid((60, 60), 10)
    a, _, c, _, e, f = straight.transform
    turned = cw.Grid(straight.crs, (a * 0.8, a * 0.6, c, e * -0.6, e * 0.8, f), (60, 60))
    da = cw.open(made.local, grid=turned, bands=["B04"], time_period="P1Y")
    write_cog(da.cogweave.plan, tmp_path / "m.tif")
    with rasterio.open(tmp_path / "m.tif") as src:
        assert tuple(src.transform)[:6] == pytest.approx(turned.transform, rel=1e-12)
        np.testing.assert_array_equal(src.read(1), da.values[0, 0])


def test_a_mask_says_what_no_value_says(tmp_path: Path) -> None:
    array = pixels("uint8", (1, 300, 400))
    array[0, :50] = 0  # valid, and the value of cells that nothing covers
    wider = cw.Grid("EPSG:32632", (10, 0, 499500, 0, -10, 5000000), (300, 500))
    write_cog(open_(array, tmp_path, grid=wider).cogweave.plan, tmp_path / "m.tif")
    read, src = written(tmp_path / "m.tif")
    assert src.nodata is None and src.mask_flag_enums == ([MaskFlags.per_dataset],)
    mask = src.dataset_mask()
    assert (mask[:, 50:450] == 255).all() and (mask[:, :50] == 0).all() and (mask[:, 450:] == 0).all()
    np.testing.assert_array_equal(read[0, :, 50:450], array[0])
    write_cog(open_(array, tmp_path / "b", grid=wider, nodata=7).cogweave.plan, tmp_path / "n.tif")
    with rasterio.open(tmp_path / "n.tif") as src:
        assert src.nodata == 7 and src.mask_flag_enums == ([MaskFlags.nodata],), "a value says it"


def overlapping(folder: Path) -> list[dict[str, Any]]:
    """Items of two bands of every value, each with a nodata of its own, that lie beside and over each other."""
    items = []
    for n, left in enumerate((499700, 500003, 500000, 499000, 500900)):
        item = rasters.item(folder / f"{n}.tif", 0, "b0")
        for b, nodata in enumerate((0, 255)):
            path = folder / f"{n}-{b}.tif"
            array = pixels("uint8", (90, 80), seed=2 * n + b)
            array[np.random.default_rng(n).random(array.shape) < 0.4] = nodata
            transform = Affine(10, 0, left, 0, -10, 5000000 - 100 * n)
            archive.write_cog(path, array, 32632, transform, 64, nodata=nodata, predictor=None)
            item["assets"][f"b{b}"] = {"href": str(path), "type": "image/tiff; application=geotiff", "roles": ["data"]}
        items.append(item)
    return items


def highest_of_some(block: Any) -> Any:
    highest = np.ma.max(block, axis=0)
    highest[..., ::2] = np.ma.masked
    return highest


@pytest.mark.filterwarnings("ignore:the bands have different nodata")
@pytest.mark.parametrize("consistent", [False, True])
@pytest.mark.parametrize("method", ["first", "last", "median", "sum", "medoid", "best(b1)", highest_of_some])
def test_a_mask_is_right_with_every_method(method: Any, consistent: bool, tmp_path: Path) -> None:
    """What two reads with different values of nodata have in common is covered, and nothing else."""
    items = overlapping(tmp_path)
    (tmp_path / "1-0.tif").unlink()
    grid = cw.Grid("EPSG:32632", (10, 0, 499500, 0, -10, 5000200), (150, 170))
    kept = {"consistent": consistent, "mosaic_method": method, "errors": "ignore", "time_period": "P1Y"}

    def opened(**arguments: Any) -> Any:
        return cw.open(items, grid=grid, bands=["b0", "b1"], **kept, **arguments)

    write_cog(opened().cogweave.plan, tmp_path / "m.tif")
    read, src = written(tmp_path / "m.tif")
    np.testing.assert_array_equal(read, opened().values[:, 0])
    one, other = (opened(nodata=value).values[:, 0] for value in (3, 4))
    covered = (one == other).any(0)
    assert 0.1 < covered.mean() < 0.9
    np.testing.assert_array_equal(src.dataset_mask() != 0, covered)
    says = MaskFlags.nodata if read.dtype.kind == "f" else MaskFlags.per_dataset  # NaN is a value that says it
    assert src.mask_flag_enums == ([says],) * 2


def test_a_mask_is_of_the_same_read_as_the_pixels(tmp_path: Path) -> None:
    """A file that is gone at a second look would be taken for what nothing covers: there is none."""
    array = pixels("uint8", (1, 300, 400))
    array[0, :50] = 0
    rasters.write(array, tmp_path / "source")
    wider = cw.Grid("EPSG:32632", (10, 0, 499500, 0, -10, 5000000), (300, 500))
    before = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    try:
        with FaultServer() as server:
            item = rasters.item(Path("a.tif"), 0, rasters.ASSET)
            item["assets"][rasters.ASSET]["href"] = server.put("/a.tif", (tmp_path / "source" / "0.tif").read_bytes())
            da = cw.open([item], grid=wider, bands=[rasters.ASSET])
            with cw.measure() as reading:
                values = da.values
            with cw.measure() as writing:
                write_cog(da.cogweave.plan, tmp_path / "m.tif")
    finally:
        cw.configure(tile_cache=before)
    read, src = written(tmp_path / "m.tif")
    assert src.mask_flag_enums == ([MaskFlags.per_dataset],)
    np.testing.assert_array_equal(read, values[0])
    assert writing["requests"] == reading["requests"] > 0


@pytest.mark.parametrize("arguments", [{}, {"mosaic_method": "count"}], ids=str)
def test_there_is_no_mask_where_every_cell_has_a_value(arguments: dict[str, Any], tmp_path: Path) -> None:
    array = pixels("uint8", (1, 300, 400))
    array[0, :50] = 0
    wide = (10, 0, 499500 if arguments else 500000, 0, -10, 5000000)  # of a count the value of bare cells is 0
    da = open_(array, tmp_path, grid=cw.Grid("EPSG:32632", wide, (300, 400)), **arguments)
    write_cog(da.cogweave.plan, tmp_path / "m.tif")
    read, src = written(tmp_path / "m.tif")
    assert src.mask_flag_enums == ([MaskFlags.all_valid],)
    np.testing.assert_array_equal(read[0], da.values[0, 0])


def test_fractions_have_nan_for_nodata(tmp_path: Path) -> None:
    array = pixels("float32", (1, 60, 60))
    wider = cw.Grid("EPSG:32632", (10, 0, 499500, 0, -10, 5000000), (60, 110))
    write_cog(open_(array, tmp_path, grid=wider).cogweave.plan, tmp_path / "m.tif")
    read, src = written(tmp_path / "m.tif")
    assert np.isnan(src.nodata) and np.isnan(read[0, :, :50]).all()
    np.testing.assert_array_equal(read[0, :, 50:], array[0])


@pytest.mark.parametrize(
    ("dtype", "asked", "expected"),
    [
        ("uint8", None, "mode"),
        ("uint16", None, "average"),
        ("float32", None, "average"),
        ("uint32", None, "nearest"),
        ("uint8", "average", "average"),
    ],
)
def test_overviews_suit_the_pixels(dtype: str, asked: str | None, expected: str, tmp_path: Path) -> None:
    array = np.zeros((1, 1024, 1024), dtype)
    array[0, ::2, ::2] = 100  # of each four pixels three are 0
    out = tmp_path / "m.tif"
    write_cog(open_(array, tmp_path, nodata=9).cogweave.plan, out, overview_resampling=asked)
    with rasterio.open(out, overview_level=0) as src:
        assert set(np.unique(src.read(1))) == {{"mode": 0, "average": 25, "nearest": 100}[expected]}


def test_a_picture_has_colours_and_its_overviews_are_means(tmp_path: Path) -> None:
    array = np.zeros((3, 1024, 1024), "uint8")
    array[:, ::2, ::2] = 100
    rasters.write(array, tmp_path)
    item = rasters.item(tmp_path / "0.tif", 0, "data")
    item["assets"] = {
        f"part{n}": {
            "href": str(tmp_path / f"{n}.tif"),
            "type": "image/tiff; application=geotiff",
            "eo:bands": [{"name": "b", "common_name": colour}],
        }
        for n, colour in enumerate(("red", "green", "blue"))
    }
    da = cw.open([item], grid=rasters.grid(array.shape), bands=["red", "green", "blue"], nodata=0)
    write_cog(da.cogweave.plan, tmp_path / "m.tif")
    with rasterio.open(tmp_path / "m.tif") as src:
        assert src.colorinterp == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        np.testing.assert_array_equal(src.read(), array)
    with rasterio.open(tmp_path / "m.tif", overview_level=0) as src:
        assert (src.read() == 100).all(), "the mean of what is not nodata"


@pytest.mark.parametrize(
    ("place", "match"),
    [("no/such/m.tif", "there is no folder"), ("folder.tif", "is a folder")],
)
def test_where_nothing_can_be_written_is_said_at_once(made: Archive, tmp_path: Path, place: str, match: str) -> None:
    (tmp_path / "folder.tif").mkdir()
    plan = cw.open(made.remote, grid=made.utm_grid((64, 64), 10), bands=["B04"]).cogweave.plan
    with cw.measure() as m, pytest.raises(cw.InvalidArgument, match=match):
        write_cog(plan, tmp_path / place)
    assert m["requests"] == 0
    with pytest.raises(cw.InvalidArgument, match="nearest, average"):
        write_cog(plan, tmp_path / "m.tif", overview_resampling="fancy")


# A limit on the size of files stands for a disk that is full: the raw pixels do not fit, or they do and the COG,
# which has overviews and does not shrink noise, is what does not.
@pytest.mark.parametrize("limit", [600_000, 1_100_000])
def test_a_disk_that_is_full_is_an_error_and_leaves_the_old_file(limit: int, tmp_path: Path) -> None:
    array = pixels("uint8", (1, 1000, 1000))
    catalog = rasters.write(array, tmp_path / "source")
    out = tmp_path / "out" / "m.tif"
    out.parent.mkdir()
    out.write_bytes(b"what was there")
    script = """
import resource, sys
import cogweave as cw
from cogweave._cog import write_cog
from tests import rasters
plan = cw.open(sys.argv[1], grid=rasters.grid((1000, 1000)), nodata=0).cogweave.plan
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    write_cog(plan, sys.argv[2])
except OSError as problem:
    print("told:", problem)
"""
    said = succeed(script, catalog, out, limit)
    assert "told: cannot write" in said and str(out) in said and "too large" in said.lower(), said
    assert [p.name for p in out.parent.iterdir()] == ["m.tif"] and out.read_bytes() == b"what was there"


def test_giving_up_stops_the_writing_and_leaves_nothing(tmp_path: Path) -> None:
    array = pixels("float64", (1, 4000, 4000))
    plan = open_(array, tmp_path).cogweave.plan
    out = tmp_path / "out" / "m.tif"
    out.parent.mkdir()

    def is_copying() -> bool:  # GDAL has begun: there is more than the folder of the raw pixels
        return any(p.is_file() for p in out.parent.rglob("*"))

    async def main() -> None:
        task = asyncio.create_task(write_cog_async(plan, out))
        while not is_copying():
            assert not task.done()
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    deadline = time.monotonic() + 20
    while list(out.parent.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(out.parent.iterdir()) == []


def test_temporary_files_lie_beside_the_output_and_the_loop_goes_on(tmp_path: Path) -> None:
    array = pixels("uint16", (1, 3000, 3000))
    plan = open_(array, tmp_path).cogweave.plan
    out, elsewhere = tmp_path / "out" / "m.tif", tmp_path / "tmp"
    out.parent.mkdir()
    elsewhere.mkdir()
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.update(str(p.relative_to(tmp_path)) for folder in (out.parent, elsewhere) for p in folder.rglob("*"))

    async def main() -> int:
        turns = 0
        task = asyncio.create_task(write_cog_async(plan, out))
        while not task.done():
            turns += 1
            await asyncio.sleep(0)
        await task
        return turns

    watcher = threading.Thread(target=look)
    watcher.start()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("TMPDIR", "CPL_TMPDIR"):
            patch.setenv(name, str(elsewhere))
        turns = asyncio.run(main())
    done.set()
    watcher.join()
    assert turns > 100
    assert all(name.startswith("out/m.tif") for name in seen if name != "out"), seen
    assert any(".part/" in name for name in seen) and [p.name for p in out.parent.iterdir()] == ["m.tif"]
    np.testing.assert_array_equal(written(out)[0], array)


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    array = pixels("float64", (1, 4000, 4000))
    catalog = rasters.write(array, tmp_path / "source")
    out = tmp_path / "out" / "m.tif"
    out.parent.mkdir()
    left, bottom, right, top = rasters.grid(array.shape).bbox
    words = ["--bbox", left, bottom, right, top, "--crs", "EPSG:32632", "--resolution", 10, "-o", out]
    command = [sys.executable, "-m", "cogweave.cli", "read", catalog, *words]
    with subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True) as process:
        while not any(p.is_file() for p in out.parent.rglob("*")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1 and "Aborted" in said and "Traceback" not in said, said
    assert list(out.parent.iterdir()) == []
