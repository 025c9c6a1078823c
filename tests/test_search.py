"""Searches give exactly the items that a plain reading of the catalog gives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from tests import archive
from tests.conftest import Archive
from tests.corpus import CORPUS, needs_corpus


def ids(items: Any) -> list[str]:
    return list(pa.table(items)["id"].to_pylist())


def everything(arc: Archive) -> list[str]:
    return [i["id"] for i in arc.items]


def test_without_conditions_all_items_in_catalog_order(arc: Archive) -> None:
    assert ids(cw.search(str(arc.remote))) == everything(arc)


def test_the_table_keeps_the_catalog_s_columns(arc: Archive) -> None:
    found, stored = pa.table(cw.search(arc.remote)), pq.read_table(arc.remote)
    assert set(stored.column_names) <= set(found.column_names)
    assert found["eo:cloud_cover"].to_pylist() == stored["eo:cloud_cover"].to_pylist()
    assert found["assets"].to_pylist()[3]["B04"]["href"] == stored["assets"].to_pylist()[3]["B04"]["href"]


def test_bbox_is_refined_by_footprint(arc: Archive) -> None:
    """Small boxes all over the archive: an item counts where its footprint, not just its bbox, is touched."""
    shapes = {i["id"]: shapely.geometry.shape(i["geometry"]) for i in arc.items}
    boxes = np.array([i["bbox"] for i in arc.items])
    rng = np.random.default_rng(7)
    refined = 0
    for _ in range(40):
        x = rng.uniform(boxes[:, 0].min(), boxes[:, 2].max())
        y = rng.uniform(boxes[:, 1].min(), boxes[:, 3].max())
        box = (x, y, x + 0.002, y + 0.002)
        want = [name for name, footprint in shapes.items() if footprint.intersects(shapely.box(*box))]
        touched = [i["id"] for i in arc.items if shapely.box(*i["bbox"]).intersects(shapely.box(*box))]
        refined += want != touched
        assert ids(cw.search(arc.remote, bbox=box)) == want
    assert refined >= 3, "some boxes must touch an item's bbox and miss its footprint"


def test_intersects_takes_a_geometry(arc: Archive) -> None:
    triangle = shapely.Polygon([(11.96, 45.515), (11.985, 45.52), (11.97, 45.53)])
    want = [i["id"] for i in arc.items if shapely.geometry.shape(i["geometry"]).intersects(triangle)]
    assert 0 < len(want) < len(arc.items)
    assert ids(cw.search(arc.remote, intersects=shapely.geometry.mapping(triangle))) == want
    assert ids(cw.search(arc.remote, intersects=triangle)) == want


@pytest.mark.parametrize(
    ("when", "days"),
    [
        ("2025-05", {"20250504", "20250519"}),
        ("2025-06-08", {"20250608"}),
        ("2025", {"20250504", "20250519", "20250603", "20250608"}),
        ("2025-05-19T00:00:00Z/2025-06-03T23:59:59Z", {"20250519", "20250603"}),
        ("2025-06-01/..", {"20250603", "20250608"}),
        ("../2025-05-19", {"20250504", "20250519"}),
        ("2025-05-19/2025-06", {"20250519", "20250603", "20250608"}),
        ((datetime(2025, 5, 10, tzinfo=UTC), datetime(2025, 6, 5, tzinfo=UTC)), {"20250519", "20250603"}),
        ((np.datetime64("2025-06-01"), None), {"20250603", "20250608"}),
    ],
    ids=lambda given: "" if isinstance(given, set) else str(given),
)
def test_datetime(arc: Archive, when: object, days: set[str]) -> None:
    want = [i for i in everything(arc) if i.split("_")[2] in days]
    assert ids(cw.search(arc.remote, datetime=when)) == want


def test_an_instant_matches_exactly(arc: Archive) -> None:
    item = arc.items[5]
    instant = item["properties"]["datetime"]
    assert ids(cw.search(arc.remote, datetime=instant)) == [item["id"]]
    assert ids(cw.search(arc.remote, datetime=datetime.fromisoformat(instant))) == [item["id"]]


def test_ids_keep_catalog_order(arc: Archive) -> None:
    some = [arc.items[4]["id"], arc.items[1]["id"], "not-there"]
    assert ids(cw.search(arc.remote, ids=some)) == [arc.items[1]["id"], arc.items[4]["id"]]


def test_collections(arc: Archive) -> None:
    assert ids(cw.search(arc.remote, collections=[archive.COLLECTION])) == everything(arc)
    assert ids(cw.search(arc.remote, collections=["landsat-c2-l2"])) == []


def test_limit_applies_after_order(arc: Archive) -> None:
    assert ids(cw.search(arc.remote, limit=3)) == everything(arc)[:3]
    assert ids(cw.search(arc.remote, limit=2, sortby="-datetime")) == _sorted(arc, "datetime", reverse=True)[:2]


def _sorted(arc: Archive, name: str, reverse: bool = False) -> list[str]:
    """Python's sort is stable: ties keep the catalog's order, also in reverse."""
    return [i["id"] for i in sorted(arc.items, key=lambda i: i["properties"][name], reverse=reverse)]


@pytest.mark.parametrize(
    ("sortby", "reverse"),
    [
        ("eo:cloud_cover", False),
        ("-eo:cloud_cover", True),
        (["+eo:cloud_cover"], False),
        ([{"field": "eo:cloud_cover", "direction": "desc"}], True),
        ("properties.eo:cloud_cover", False),
    ],
    ids=str,
)
def test_sortby_a_property(arc: Archive, sortby: object, reverse: bool) -> None:
    assert ids(cw.search(arc.remote, sortby=sortby)) == _sorted(arc, "eo:cloud_cover", reverse)


def test_sortby_several(arc: Archive) -> None:
    by_platform_then_code = cw.search(arc.remote, sortby=["grid:code", "-datetime"])
    want = sorted(arc.items, key=lambda i: i["properties"]["datetime"], reverse=True)
    want = sorted(want, key=lambda i: i["properties"]["grid:code"])
    assert ids(by_platform_then_code) == [i["id"] for i in want]


def test_conditions_combine(arc: Archive) -> None:
    found = cw.search(arc.remote, datetime="2025-05", bbox=arc.items[0]["bbox"], ids=everything(arc)[:6])
    shape = shapely.box(*arc.items[0]["bbox"])
    want = [
        i["id"]
        for i in arc.items[:6]
        if "_202505" in i["id"] and shapely.geometry.shape(i["geometry"]).intersects(shape)
    ]
    assert ids(found) == want


def test_quotes_in_values_are_only_characters(arc: Archive) -> None:
    assert ids(cw.search(arc.remote, ids=["x' OR 1=1 --"])) == []
    with pytest.raises(cw.CogweaveError):
        cw.search(arc.remote, sortby='eo:cloud_cover" DESC; DROP TABLE items; --')
    assert ids(cw.search(arc.remote)) == everything(arc)


def test_a_table_in_memory_is_a_source_too(arc: Archive) -> None:
    table = pq.read_table(arc.remote)
    assert ids(cw.search(table, datetime="2025-06-08")) == ids(cw.search(arc.remote, datetime="2025-06-08"))


def test_a_search_makes_no_request(arc: Archive) -> None:
    cw.search(arc.remote, datetime="2025-05")
    assert arc.server.stats().requests == 0


@needs_corpus
@pytest.mark.parametrize("name", ["100-sentinel-2-items.parquet", "100-landsat-items.parquet"])
def test_real_catalogs(name: str) -> None:
    path = CORPUS / "stac" / "parquet" / name
    table = pq.read_table(path)
    rows = table.select(["id", "datetime", "eo:cloud_cover"]).to_pylist()
    footprints = shapely.from_wkb(table["geometry"].to_pylist())
    assert ids(cw.search(path)) == [r["id"] for r in rows]

    west, south, east, north = shapely.total_bounds(footprints)
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(15):
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        box = (x, y, x + 0.05, y + 0.05)
        hit = shapely.intersects(footprints, shapely.box(*box))
        assert ids(cw.search(path, bbox=box)) == [r["id"] for r, h in zip(rows, hit, strict=True) if h]
        found += hit.any()
    assert found >= 3

    times = sorted(r["datetime"] for r in rows)
    start, end = times[20], times[60]
    want = [r["id"] for r in rows if start <= r["datetime"] <= end]
    assert ids(cw.search(path, datetime=(start, end))) == want

    clear = sorted(rows, key=lambda r: r["eo:cloud_cover"])
    assert ids(cw.search(path, sortby="eo:cloud_cover", limit=7)) == [r["id"] for r in clear[:7]]
