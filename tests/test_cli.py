"""The command line finds, explains and writes mosaics, speaks JSON, and its exit codes say what happened."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pytest
import rasterio
import xarray as xr
from click.testing import CliRunner
from cogweave import cli

from tests import archive
from tests.conftest import Archive
from tests.servers import RangeServer
from tests.servers.signed import SignedServer


@pytest.fixture
def grid(made: Archive) -> cw.Grid:
    return made.utm_grid((90, 110), 10)


def run(*arguments: object) -> Any:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def where(grid: cw.Grid) -> list[object]:
    return ["--bbox", *grid.bbox, "--crs", "EPSG:32632", "--resolution", 10]


def test_search_lists_items(made: Archive) -> None:
    told = run("search", made.local, "--datetime", "2025-06-08", "--json")
    assert told.exit_code == 0
    assert {row["id"] for row in json.loads(told.stdout)} == {i["id"] for i in made.on_day("20250608")}
    assert "2025-06-08" in run("search", made.local, "--limit", 1, "--sortby", "-datetime").stdout


def test_explain_speaks_json(made: Archive, grid: cw.Grid) -> None:
    told = run("explain", made.local, *where(grid), "-b", "B04", "--json")
    assert told.exit_code == 0
    da = cw.open(made.local, grid=grid, bands=["B04"])
    assert json.loads(told.stdout)["tiles"] == da.cogweave.explain().tiles
    assert "tiles" in run("explain", made.local, *where(grid), "-b", "B04").stdout


def test_a_mosaic_is_written_as_a_cog(made: Archive, grid: cw.Grid, tmp_path: Path) -> None:
    out = tmp_path / "mosaic.tif"
    told = run("read", made.local, *where(grid), "-b", "B04", "-b", "B03", "-o", out, "--json")
    assert told.exit_code == 0 and json.loads(told.stdout)["time"] == 4
    da = cw.open(made.local, grid=grid, bands=["B04", "B03"])
    with rasterio.open(out) as src:
        assert src.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        np.testing.assert_array_equal(src.read(), da.transpose("time", "band", "y", "x").values.reshape(8, 90, 110))
        assert tuple(src.transform)[:6] == grid.transform and src.nodata == 0 and src.crs.to_epsg() == 32632
        assert src.descriptions[0] == "B04 2025-05-04T00:00:00"
    assert run("read", made.local, *where(grid), "-o", out).exit_code == cli.WRONG, "what is there stays"
    assert [p.name for p in tmp_path.iterdir()] == ["mosaic.tif"]


def test_a_mosaic_is_written_as_zarr_and_as_a_picture(made: Archive, grid: cw.Grid, tmp_path: Path) -> None:
    assert run("read", made.local, *where(grid), "-b", "B04", "-b", "SCL", "-o", tmp_path / "a.zarr").exit_code == 0
    stored = xr.open_zarr(tmp_path / "a.zarr", mask_and_scale=False)
    da = cw.open(made.local, grid=grid, bands=["B04", "SCL"])
    np.testing.assert_array_equal(stored.B04, da.sel(band="B04"))
    assert stored.attrs["proj:code"] == "EPSG:32632"
    colours = [word for band in ("B04", "B03", "B02") for word in ("-b", band)]
    picture = run("read", made.local, *where(grid), *colours, "--time-period", "P1Y", "-o", tmp_path / "a.png")
    assert picture.exit_code == 0, picture.output
    with rasterio.open(tmp_path / "a.png") as src:
        assert src.shape == (90, 110) and src.count == 4 and src.read(1).std() > 10


@pytest.mark.parametrize(
    ("change", "code", "match"),
    [
        ({"-b": "B99"}, cli.WRONG, "B99"),
        ({"--datetime": "1999"}, cli.NOTHING, "1999"),
        ({"source": "/nowhere.parquet"}, cli.FAILED, "nowhere"),
        ({"--resolution": "-3"}, cli.WRONG, "resolution"),
        ({"-o": "a.jpg"}, cli.WRONG, "a.jpg"),
        ({"-o": "/no/such/folder/a.tif"}, cli.WRONG, "folder"),
        ({"--errors": "loudly"}, cli.WRONG, "loudly"),
    ],
    ids=str,
)
def test_exit_codes_say_what_happened(
    made: Archive, grid: cw.Grid, tmp_path: Path, change: dict[str, str], code: int, match: str
) -> None:
    options = {"-b": "B04", "-o": str(tmp_path / "a.tif"), **{k: v for k, v in change.items() if k != "source"}}
    words = [word for option in options.items() for word in option]
    told = run("read", change.get("source", made.local), *where(grid), *words)
    assert told.exit_code == code and match in told.stderr
    assert "Traceback" not in told.output


@pytest.mark.parametrize(
    ("options", "mask"),
    [
        (["--mask", "SCL=1,4-6"], {"SCL": [1, 4, 5, 6]}),
        (["--mask", "SCL=bits:0,3", "--mask-dilate", 2], {"SCL": cw.bits(0, 3)}),
        (["--mask", "SCL=4", "--mask", "B02=0-1500"], {"SCL": [4], "B02": [*range(1501)]}),
    ],
    ids=str,
)
def test_masks_are_those_of_python(
    made: Archive, grid: cw.Grid, tmp_path: Path, options: list[object], mask: dict[str, Any]
) -> None:
    out = tmp_path / "masked.tif"
    told = run("read", made.local, *where(grid), "-b", "B04", *options, "-o", out)
    assert told.exit_code == 0, told.output
    dilate = 2 if "--mask-dilate" in options else 0
    da = cw.open(made.local, grid=grid, bands=["B04"], mask=mask, mask_dilate=dilate)
    assert (da.values != cw.open(made.local, grid=grid, bands=["B04"]).values).any()
    with rasterio.open(out) as src:
        np.testing.assert_array_equal(src.read(), da.values[0])


def test_buckets_have_their_options(made: Archive, grid: cw.Grid, tmp_path: Path) -> None:
    bucket = f"s3://{made.folder.name}"
    catalog = archive.write_catalog(made.items, tmp_path / "items.parquet", lambda href: f"{bucket}/{href}")
    with RangeServer(made.folder.parent) as server:
        options = [f"endpoint={server.url}", "anonymous=true", "region=eu-central-1"]
        access = [word for option in options for word in ("--storage", bucket, option)]
        told = run("read", catalog, *where(grid), "-b", "B04", *access, "-o", tmp_path / "a.tif")
    assert told.exit_code == 0, told.output
    with rasterio.open(tmp_path / "a.tif") as src:
        np.testing.assert_array_equal(src.read(), cw.open(made.local, grid=grid, bands=["B04"]).values[0])


def test_hrefs_are_signed_by_a_function_of_a_module(
    made: Archive, grid: cw.Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signing_for_the_command.py").write_text(
        "server = None\n\n\ndef sign(href: str) -> str:\n    return server.sign(href)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("signing_for_the_command")
    with SignedServer(made.folder) as module.server:
        catalog = archive.write_catalog(made.items, tmp_path / "items.parquet", module.server.href)
        words = ["read", catalog, *where(grid), "-b", "B04", "-o", tmp_path / "a.tif"]
        assert run(*words).exit_code == cli.FAILED
        told = run(*words, "--sign", "signing_for_the_command:sign")
    assert told.exit_code == 0, told.output
    with rasterio.open(tmp_path / "a.tif") as src:
        np.testing.assert_array_equal(src.read(), cw.open(made.local, grid=grid, bands=["B04"]).values[0])
    sign = cli._signer(None, None, "planetary_computer")
    assert sign is not None and sign.call is cw.sign.planetary_computer


@pytest.mark.parametrize(
    ("option", "match"),
    [
        (["--mask", "SCL"], "SCL"),
        (["--mask", "SCL=3,8,"], "3,8,"),
        (["--mask", "SCL=9-3"], "9-3"),
        (["--mask", "SCL=3,9-8"], "9-8"),
        (["--mask", "SCL=bits:1,4-3"], "4-3"),
        (["--mask", "SCL=0-4294967295"], "4294967295"),
        (["--mask", "SCL=3", "--mask", "SCL=8-10"], "SCL is given twice"),
        (["--mask", "SCL=-3--2"], "class -3 "),
        (["--mask", "SCL=bits:3,64"], "64"),
        (["--storage", "s3://bucket", "secret"], "NAME=VALUE"),
        (["--storage", "secret_access_key=secret", "-b"], "NAME=VALUE"),
        (["--storage", "s3://bucket", "rejion=x"], "region"),
        (["--sign", "nowhere_at_all:sign"], "nowhere_at_all"),
        (["--sign", "json:nothing"], "nothing"),
        (["--sign", "planetary"], "planetary"),
        (["--sign", "json"], "callable"),
        (["--sign", "os:sep"], "callable"),
        (["--sign", "./here.py:sign"], "MODULE:FUNCTION"),
    ],
    ids=str,
)
def test_options_that_cannot_be_read(
    made: Archive, grid: cw.Grid, tmp_path: Path, option: list[str], match: str
) -> None:
    told = run("read", made.local, *where(grid), "-b", "B04", *option, "-o", tmp_path / "a.tif")
    assert told.exit_code == cli.WRONG and match in told.stderr and "secret" not in told.stderr


def test_items_that_are_left_out_are_named(made: Archive, grid: cw.Grid, tmp_path: Path) -> None:
    reads = pa.table(cw.open(made.local, grid=grid, bands=["B04"]).cogweave.plan.reads)
    gone = reads["item_id"][0].as_py()
    lost = str(made.path(next(item for item in made.items if item["id"] == gone), "B04").relative_to(made.folder))
    catalog = archive.write_catalog(
        made.items, tmp_path / "items.parquet", lambda href: f"{tmp_path if href == lost else made.folder}/{href}"
    )
    words = ["read", catalog, *where(grid), "-b", "B04", "--errors", "ignore", "--overwrite"]
    for output in ("a.tif", "a.zarr"):
        told = run(*words, "-o", tmp_path / output, "--json")
        assert told.exit_code == 0, told.output
        assert [one["item"] for one in json.loads(told.stdout)["failed"]] == [gone]
        assert gone in told.stderr and "cannot be" not in told.stdout


def test_a_reader_that_has_had_enough(made: Archive) -> None:
    command = [sys.executable, "-m", "cogweave.cli", "search", str(made.local)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_the_doctor_is_content_here() -> None:
    told = subprocess.run([sys.executable, "-m", "cogweave.cli", "doctor", "--json"], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["engine"]["gdal"]
    assert "xarray" in run("doctor").stdout


def test_versions_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    cw.show_versions()
    shown = capsys.readouterr().out
    assert "gdal" in shown and "numpy" in shown and "xarray" in shown


def test_search_lists_items_of_a_document(made: Archive, tmp_path: Path) -> None:
    """Documents and APIs have times as text."""
    path = tmp_path / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": made.items}))
    told = run("search", path, "--json")
    assert told.exit_code == 0, told.output
    want = [{"id": item["id"], "datetime": item["properties"]["datetime"]} for item in made.items]
    assert json.loads(told.stdout) == want


def test_a_store_is_replaced_when_the_new_one_is_complete(
    made: Archive, grid: cw.Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["read", made.local, *where(grid), "-b", "B04", "-o", tmp_path / "a.zarr", "--overwrite"]
    assert run(*command).exit_code == 0

    def fails(*args: Any, **kwargs: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(xr.Dataset, "to_zarr", fails)
        assert run(*command).exit_code == cli.FAILED
    assert xr.open_zarr(tmp_path / "a.zarr").B04.values.any()
    assert run(*command).exit_code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]
