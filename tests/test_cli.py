"""The command line finds, explains and writes mosaics, speaks JSON, and its exit codes say what happened."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pytest
import rasterio
import xarray as xr
from click.testing import CliRunner
from cogweave import cli

from tests.conftest import Archive


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
