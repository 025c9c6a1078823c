"""The workloads that open catalogs of very many items: what a lazy array costs before its first pixel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import catalogs, scene
from benchmarks.harness import FOLDER, Goal, Site, Step, Workload
from benchmarks.tools import ALL, Request

WITH_JSON = 10_000  # most items that are written for libraries that begin with items


def workloads(site: Site) -> Iterator[Workload]:
    """`open` of catalogs that grow a hundredfold each."""
    for count in (100, 1000) if site.quick else (100, 10_000, 1_000_000):
        yield opened(site, count)
        if count == WITH_JSON or site.quick:
            yield objects(site, count)
    yield graph(site)


def graph(site: Site) -> Workload:
    """The dask array of 100,000 chunks, and a graph of a few of them: what it costs before its first pixel."""
    parquet = FOLDER / "open-100.parquet"
    box = catalogs.write(parquet, 100, site.server.href("dates/32-20250501/B02.tif"))
    pixel = (box[2] - box[0]) / (32 * 32)  # times a hundred dates
    request = {
        "catalog": str(parquet), "crs": f"EPSG:{scene.EPSG}", "box": [*box[:3], box[1] + 32 * 32 * pixel],
        "resolution": pixel, "chunk": 32,
    }  # fmt: skip
    return Workload(
        "graph", "open as more than 100,000 dask chunks, and slice four of them",
        [Step("first", request, "none", latency=0), Step("warm", request, "run", latency=0)],
        {"cogweave": "benchmarks.tools.cogweave:graph"}, what="numbers", limits={"warm": {"seconds": 1}},
    )  # fmt: skip


def objects(site: Site, count: int) -> Workload:
    """pystac's items, which are there already, as a lazy array."""
    base = opened(site, count)
    request = base.steps[0].request
    actions = {tool: f"benchmarks.tools.{tool.replace('-', '_')}:objects" for tool in ("cogweave", "odc-stac")}
    return Workload(
        f"objects-{count}", f"plan {count:,} pystac items",
        [Step("cold", request, "run"), Step("warm", request, "run")], actions,
        Goal(20.0, "warm"), what="numbers", repeat=3, notes="making pystac's items is not counted.",
    )  # fmt: skip


def opened(site: Site, count: int) -> Workload:
    """A lazy array of the whole catalog: a lattice of places, each seen on a hundred dates."""
    parquet, features = FOLDER / f"open-{count}.parquet", FOLDER / f"open-{count}.json"
    box = catalogs.write(parquet, count, site.server.href("dates/32-20250501/B02.tif"))
    box = (box[0] + catalogs.CELLS * scene.PIXEL, *box[1:])  # without the empty column
    if count <= WITH_JSON:
        _write_features(parquet, features)
    request = Request(
        catalog=str(parquet),
        features=str(features),
        server=site.server.url,
        epsg=scene.EPSG,
        resolution=scene.PIXEL,
        box=box,
        bands=[scene.BANDS[0]],
        days=("2025-05-01", "2025-12-31"),
        ids=[ALL],
    )
    peers = ["lazycogs"] + (["odc-stac", "stackstac"] if count <= WITH_JSON else [])
    actions = {tool: f"benchmarks.tools.{tool.replace('-', '_')}:opened" for tool in ("cogweave", *peers)}
    return Workload(
        f"open-{count}", f"open {count:,} items", [Step("cold", asdict(request), "run")], actions,
        Goal(1.0, "cold"), what="numbers", repeat=5 if count < 1_000_000 else 3,
        notes="odc-stac and stackstac get the items as JSON: they have no catalog to search.",
    )  # fmt: skip


def _write_features(parquet: Path, path: Path) -> None:
    """The catalog's items as a FeatureCollection."""
    import pyarrow.parquet as pq

    features = [_feature(row) for row in pq.read_table(parquet).to_pylist()]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def _feature(row: dict[str, Any]) -> dict[str, Any]:
    import struct

    ring = list(struct.iter_unpack("<2d", row["geometry"][13:]))
    return {
        "type": "Feature",
        "stac_version": row["stac_version"],
        "stac_extensions": [
            "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
        ],
        "id": row["id"],
        "collection": row["collection"],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": list(row["bbox"].values()),
        "properties": {
            "datetime": f"{row['datetime']:%Y-%m-%dT%H:%M:%SZ}",
            "proj:code": row["proj:code"],
            "proj:epsg": scene.EPSG,
        },
        "links": [],
        "assets": row["assets"],
    }
