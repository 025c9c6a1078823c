"""The language-neutral cases of tests/conformance hold in Python as they do in Go: filters, datetimes, time steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pytest

CASES = Path(__file__).parent / "conformance"
CQL2 = json.loads((CASES / "cql2.json").read_text())
TIME = json.loads((CASES / "time.json").read_text())
GRIDS = json.loads((CASES / "grid.json").read_text())


def ids(items: Any) -> list[str]:
    return list(pa.table(items)["id"].to_pylist())


def feature(name: str, box: list[float], properties: dict[str, Any]) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": properties.get("collection", "c"),
        "geometry": {"type": "Polygon", "coordinates": [[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]]},
        "bbox": box,
        "properties": properties,
        "links": [],
        "assets": {"B04": ASSET},
    }


ASSET = {
    "href": "https://example.com/a.tif",
    "type": "image/tiff; application=geotiff; profile=cloud-optimized",
    "proj:epsg": 4326,
    "proj:shape": [10, 10],
    "proj:transform": [0.1, 0, 0, 0, -0.1, 1],
    "raster:bands": [{"data_type": "uint16", "nodata": 0}],
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The items of cql2.json as dicts, and as the stac-geoparquet that is written of them."""
    dicts = [
        feature(item["id"], item["box"], {name: item[name] for name in item if name not in ("id", "box")})
        for item in CQL2["items"]
    ]
    path = tmp_path_factory.mktemp("cql2") / "items.parquet"
    cw.search(dicts).to_parquet(path)
    return {"dicts": dicts, "parquet": path}


# CQL2's operators: Basic CQL2, its extensions, and the older name of t_intersects.
OPERATORS = """
    = <> < <= > >= and or not between in like isnull casei accenti
    + - * / % div ^
    s_intersects s_disjoint s_equals s_touches s_crosses s_overlaps s_within s_contains
    t_after t_before t_contains t_disjoint t_during t_equals t_finishedby t_finishes t_intersects t_meets t_metby
    t_overlappedby t_overlaps t_startedby t_starts anyinteracts
    a_contains a_containedby a_overlaps a_equals
"""


def operators(node: Any) -> set[str]:
    """The operators of CQL2 JSON."""
    if isinstance(node, dict):
        own = {node["op"].lower()} if "op" in node else set()
        return own.union(*map(operators, node.values()))
    return set().union(*map(operators, node)) if isinstance(node, list) else set()


def test_every_operator_has_a_case_in_both_forms() -> None:
    """The cases themselves run below, and in Go."""
    answered = [case["filter"] for case in CQL2["filters"] if "want" in case]
    texts = " ".join(text for text in answered if isinstance(text, str)).lower().replace("is null", "isnull")
    trees = operators([tree for tree in answered if isinstance(tree, dict)])
    assert [name for name in OPERATORS.split() if name not in trees] == []
    assert [name for name in OPERATORS.split() if name not in texts] == []


@pytest.mark.parametrize("kind", ["dicts", "parquet"])
def test_filters(sources: dict[str, Any], kind: str) -> None:
    wrong = []
    for case in CQL2["filters"]:
        try:
            got: object = ids(cw.search(sources[kind], filter=case["filter"]))
        except cw.CogweaveError as problem:
            got = type(problem).__name__
            if case.get("word", "") not in str(problem) and "error" in case:
                wrong.append((case, str(problem)))
        if got != case.get("error", case.get("want")):
            wrong.append((case, got))
    assert not wrong


@pytest.mark.parametrize("case", TIME["datetime"], ids=lambda case: case["text"][:30])
def test_datetimes(case: dict[str, Any]) -> None:
    """Items lie on the ends of the interval, and a microsecond beyond them."""
    if "error" in case:
        with pytest.raises(getattr(cw, case["error"])):
            cw.search([feature("a", [0, 0, 1, 1], {"datetime": "2025-01-01T00:00:00Z"})], datetime=case["text"])
        return
    micro = np.timedelta64(1, "us")
    inside, outside = [], []
    for end, outwards in (("start", -micro), ("end", micro)):
        if case[end] is not None:
            at = np.datetime64(case[end].rstrip("Z"), "us")
            inside.append(f"{at}Z")
            outside.append(f"{at + outwards}Z")
    years = [text for text in inside + outside if 1 <= int(text[:4]) <= 9998]
    items = [feature(text, [0, 0, 1, 1], {"datetime": text}) for text in years]
    if items:
        assert ids(cw.search(items, datetime=case["text"])) == [text for text in inside if text in years]


@pytest.mark.parametrize("case", TIME["group"], ids=lambda case: case["name"])
def test_time_steps(case: dict[str, Any]) -> None:
    lon = case.get("lon", 0.5)
    grid = cw.Grid("EPSG:4326", (0.1, 0, lon - 0.5, 0, -0.1, 1), (10, 10))
    times = case["items"]
    if not times and "error" not in case:
        pytest.skip("a plan of no items is an error of its own")
    keys = case.get("keys") or [None] * len(times)
    items = [
        feature(f"{i:03}", [0, 0, 1, 1], {"datetime": at, **({} if key is None else {case["period"]: key})})
        for i, (at, key) in enumerate(zip(times, keys, strict=True))
    ] or [feature("a", [0, 0, 1, 1], {"datetime": "2025-01-01T00:00:00Z"})]
    if case.get("ids"):
        items = [{**item, "id": name} for item, name in zip(items, case["ids"], strict=True)]
    if "error" in case:
        found = cw.search(items)
        with pytest.raises(getattr(cw, case["error"])):
            cw.plan(found, grid, time_period=case["period"])
        return
    plan = cw.plan(cw.search(items), grid, time_period=case["period"])
    labels = [np.datetime64(step["label"].rstrip("Z"), "ns") for step in case["want"]]
    assert plan.times.tolist() == [int(label.astype("int64")) for label in labels]
    steps = plan._base.membership.steps.tolist()
    assert [[i for i, step in enumerate(steps) if step == t] for t in range(len(labels))] == [
        sorted(step["items"]) for step in case["want"]
    ]


@pytest.mark.parametrize("case", GRIDS["grids"], ids=lambda case: case["name"])
def test_grids(case: dict[str, Any]) -> None:
    arguments = {name: case[name] for name in ("bbox", "crs", "resolution", "anchor", "shape") if name in case}
    if "error" in case:
        with pytest.raises(getattr(cw, case["error"])):
            cw.Grid.from_bbox(**arguments)
        return
    grid = cw.Grid.from_bbox(**arguments)
    assert grid.transform == pytest.approx(case["transform"], rel=0, abs=1e-9)
    assert list(grid.shape) == case["cells"]
