"""The examples of the documentation's pages run, with the names that each page takes for given.

docs/concurrency.md has recipes of its own (test_recipes), docs/howto/dask.md a cluster (test_dask).
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import cogweave as cw
import geopandas
import numpy as np
import odc.stac
import pystac
import pytest

from tests.conftest import Archive
from tests.servers import ROOT

DEGREES = (11.95, 45.45, 12.0, 45.5)


def examples(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text().replace('"nir"', '"green"')  # the archive has no infrared
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def execute(code: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run an example, awaits at its top included; give the names afterwards."""
    result = eval(compile(code, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.iscoroutine(result):
        asyncio.run(result)
    return names


@pytest.fixture
def names(made: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the pages take for given: a catalog here, its items, a box in the CRS they name."""
    shutil.copy(made.local, tmp_path / "catalog.parquet")
    monkeypatch.chdir(tmp_path)
    grid = made.utm_grid((60, 80), 10)
    return {"cw": cw, "catalog": "catalog.parquet", "bbox": grid.bbox, "grid": grid}


def test_every_page_is_run() -> None:
    pages = [
        "index.md",
        *(f"{folder}{p.name}" for folder in ("", "howto/") for p in (ROOT / "docs" / folder).glob("*.md")),
    ]
    have = {page for page in pages if examples(page)}
    assert have - {"concurrency.md", "howto/dask.md"} == {
        "index.md", "from-lazycogs.md", "from-odc-stac.md", "from-stackstac.md", "howto/async-service.md",
        "howto/clouds.md", "howto/composites.md", "howto/points.md", "howto/signed-urls.md", "howto/storage.md",
    }  # fmt: skip


def test_the_first_page(names: dict[str, Any]) -> None:
    (code,) = examples("index.md")
    assert execute(code, {})["picture"].values.any()


@pytest.mark.parametrize("page", ["howto/clouds.md", "howto/composites.md", "from-lazycogs.md"])
def test_an_array_is_opened(page: str, names: dict[str, Any]) -> None:
    for code in examples(page):
        execute(code, names)
    array = names["monthly"] if page == "howto/composites.md" else names["da"]
    assert array.load().values.any()


def test_a_service(names: dict[str, Any]) -> None:
    (code,) = examples("howto/async-service.md")
    tile = execute(code, names)["tile"]
    box = cw.open(names["catalog"], grid=names["grid"], bands=["red"]).cogweave.footprints().to_crs(3857).total_bounds
    middle = (box[:2] + box[2:]) / 2
    assert asyncio.run(tile((*(middle - 900), *(middle + 900)))).any()


def test_points(names: dict[str, Any]) -> None:
    (code,) = examples("howto/points.md")
    da = cw.open(names["catalog"], grid=names["grid"], bands=["red"])
    x, y = np.asarray(da.x[:5]), np.asarray(da.y[:5])
    frame = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(x, y), crs="EPSG:32632")
    degrees = frame.to_crs(4326).geometry
    given = {"da": da, "x": x, "y": y, "frame": frame, "lon": degrees.x, "lat": degrees.y}
    table = execute(code, names | given)["table"]
    assert len(table) == 5 * da.sizes["time"]


def test_signed(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType("my_package")
    package.sign_href = lambda href: href  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_package", package)
    (code,) = examples("howto/signed-urls.md")
    where = {"grid": names["grid"], "bands": ["red"]}
    assert execute(code, names | {"my_package": package, "where": where})["da"].load().values.any()


def test_storage_is_taken(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    vault = types.ModuleType("our.vault")
    vault.credentials = dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "our", types.ModuleType("our"))
    monkeypatch.setitem(sys.modules, "our.vault", vault)
    (code,) = examples("howto/storage.md")
    storage = execute(code, names)["storage"]
    assert cw.open(names["catalog"], grid=names["grid"], bands=["red"], storage=storage).load().values.any()


def test_odc_stac_s_users(names: dict[str, Any], made: Archive) -> None:
    items = [pystac.Item.from_dict(item) for item in _local(made)]
    ours: dict[str, Any] = {**names, "items": items, "odc": odc, "bbox": DEGREES}
    theirs = {}
    for call in _statements(examples("from-odc-stac.md")[0]):
        execute(call, ours)
        theirs[call.split("(")[0]] = ours["ds"].load()
    first, second = theirs.values()
    np.testing.assert_array_equal(first.red, second.red)
    assert first.red.values.any()


def test_stackstac_s_users(names: dict[str, Any], made: Archive) -> None:
    _, code = _statements(examples("from-stackstac.md")[0])  # the first is stackstac's own
    items = [pystac.Item.from_dict(item) for item in _local(made)]
    da = execute(code, {**names, "items": items, "bbox": DEGREES})["da"]
    assert da.dtype == "float64" and np.isfinite(da.values).any()


def _statements(code: str) -> list[str]:
    return [ast.unparse(statement) for statement in ast.parse(code).body]


def _local(made: Archive) -> list[dict[str, Any]]:
    """The archive's items, with paths where their files are."""
    return [
        {**item, "assets": {k: {**a, "href": str(made.folder / a["href"])} for k, a in item["assets"].items()}}
        for item in made.items
    ]
