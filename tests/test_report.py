"""errors="ignore" is never silence: the report tells what failed from what held no data, item by item."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pytest
import rasterio
from cogweave.report import report_of

from tests.archive import catalog_table
from tests.conftest import Archive
from tests.items import native_grid

TOKEN = "sv=1&sig=s3cr3t-report"


@pytest.fixture
def damaged(made: Archive, tmp_path: Path) -> tuple[Any, dict[str, str]]:
    """The archive with four kinds of item: whole, gone, cut short, and without a valid pixel."""
    kinds = ["data", "AssetNotFound", "DecodeError", "nodata"]
    items, told = [], {}
    for item, kind in zip(made.on_day(made.items[0]["id"].split("_")[2]), kinds, strict=True):
        source = made.path(item, "B04")
        path = tmp_path / f"{item['id']}.tif"
        if kind == "AssetNotFound":
            pass
        elif kind == "nodata":
            with rasterio.open(source) as src:
                profile = src.profile
                with rasterio.open(path, "w", **profile) as out:
                    out.write(np.full((1, *src.shape), profile["nodata"], profile["dtype"]))
        else:
            shutil.copy(source, path)
            if kind == "DecodeError":
                data = bytearray(path.read_bytes())
                data[len(data) // 3 :] = b"\xff" * (len(data) - len(data) // 3)
                path.write_bytes(data)
        items.append({**item, "assets": {"B04": {**item["assets"]["B04"], "href": str(path)}}})
        told[item["id"]] = kind
    return catalog_table(items), told


def whole_grid(made: Archive) -> cw.Grid:
    return made.utm_grid((600, 600), 10)


def opened(made: Archive, catalog: Any, **arguments: Any) -> Any:
    return cw.open(catalog, grid=whole_grid(made), bands=["B04"], mosaic_method="mean", errors="ignore", **arguments)


def report(da: Any) -> cw.Report:
    return report_of(da.encoding["cogweave"])


@pytest.mark.parametrize("how", ["called", "awaited", "dask"])
def test_each_item_is_told_of(made: Archive, damaged: Any, how: str) -> None:
    catalog, want = damaged
    da = opened(made, catalog, chunks={"x": 200, "y": 200} if how == "dask" else None)
    assert len(report(da)) == 0
    if how == "awaited":
        asyncio.run(da.load_async())
    elif how == "dask":
        da.compute(scheduler="threads")
    else:
        da.load()
    got = {row.item_id: row.error or row.status for row in report(da)}
    assert got == {item: kind for item, kind in want.items() if item in got}
    assert set(got.values()) == set(want.values()), "a kind of item is missing"
    for row in report(da).failed:
        assert row.band == "B04" and row.href and row.message
        assert row.time == da.time.values[0]


def test_text_html_and_columns(made: Archive, damaged: Any) -> None:
    catalog, want = damaged
    da = opened(made, catalog)
    da.load()
    told = report(da)
    assert told.counts["failed"] == 2
    for shown in (repr(told), told._repr_html_()):
        for item, kind in want.items():
            assert kind == "data" or (item in shown and kind in shown)
    assert "<script" not in cw.Report([cw.Outcome(da.time.values[0], "<script>", None, "nodata")])._repr_html_()
    columns = told.to_dict()
    assert set(columns["item_id"]) <= set(want) and len({len(column) for column in columns.values()}) == 1
    frame = pytest.importorskip("pandas") and told.to_dataframe()
    assert list(frame["status"]) == columns["status"]


def test_what_was_not_needed_is_no_failure(made: Archive) -> None:
    """With "first", the second of two equal items is not read, and the report says so."""
    item = made.items[0]
    twin = {**item, "id": item["id"] + "_twin"}
    left, top = made.corner(32632)
    grid = cw.Grid("EPSG:32632", (10, 0, left + 600, 0, -10, top - 600), (64, 64))
    da = cw.open(catalog_table(absolute(made, [item, twin])), grid=grid, bands=["B04"], errors="ignore")
    assert da.load().values.all(), "the first of the two fills the place"
    assert [row.status for row in report(da)] == ["data", "unread"]


def absolute(made: Archive, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**i, "assets": {k: {**a, "href": str(made.folder / a["href"])} for k, a in i["assets"].items()}} for i in items
    ]


def test_tiles_of_the_cache_are_counted(arc: Archive) -> None:
    size = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    cw.configure(tile_cache=size)
    da = cw.open(arc.remote, grid=arc.utm_grid((100, 100), 10), bands=["B04"], errors="ignore")
    da.copy().load()
    da.copy().load()
    assert any(row.cached > 0 for row in report(da))


def test_no_secret_in_a_report(arc: Archive) -> None:
    item = arc.items[0]
    href = f"{arc.server.href('gone.tif')}?{TOKEN}"
    broken = {**item, "assets": {"B04": {**item["assets"]["B04"], "href": href}}}
    da = cw.open(catalog_table([broken]), grid=arc.utm_grid((50, 50), 10), bands=["B04"], errors="ignore")
    da.load()
    told = report(da)
    assert told.counts == {"failed": 1}
    assert "s3cr3t" not in repr(told) + told._repr_html_() + repr(told.to_dict())
    assert "gone.tif" in repr(told)


@pytest.mark.parametrize("bands", [None, ["B04"]])
def test_the_first_item_that_cannot_be_read_stands_for_no_other(arc: Archive, bands: list[str] | None) -> None:
    """Where the catalog does not tell of the pixels, the first file that can be read does."""
    rows = []
    for item, path in zip(arc.items[:3], ["gone.tif", "%zz.tif", None], strict=False):
        href = arc.server.href(arc.path(item, "B04")) if path is None else f"{arc.server.url}/{path}"
        asset = {"href": href, "type": "image/tiff; application=geotiff", "roles": ["data"]}
        rows.append({**arc.items[2], "id": item["id"], "assets": {"B04": asset}})
    table, grid = catalog_table(rows, href=lambda h: h), native_grid(arc.path(arc.items[2], "B04"))
    with pytest.raises(cw.AssetNotFound):
        cw.open(table, grid=grid, bands=bands)
    da = cw.open(table, grid=grid, bands=bands, errors="ignore")
    assert da.dtype == np.uint16 and da.values.any()
    assert [outcome.item_id for outcome in report(da).failed] == [row["id"] for row in rows[:2]]
    with pytest.raises(cw.AssetNotFound):  # none is left to tell
        cw.open(catalog_table(rows[:2], href=lambda h: h), grid=grid, bands=bands, errors="ignore")
