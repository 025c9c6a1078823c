"""The workloads of finding items: in large catalogs, and in far ones; and of opening what was found."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import FOLDER, Site, Step, Workload

TILES, COLUMNS = 1000, 40  # a lattice of tiles, 0.9 degrees apart
FIRST = 1_577_874_600_000_000  # microseconds: 2020-01-01T10:30Z


def workloads(site: Site) -> Iterator[Workload]:
    """Searches of a million items (quick: 50,000) that differ in how many match and how many run at once."""
    count = 50_000 if site.quick else 1_000_000
    path, far = FOLDER / f"search-{count}.parquet", site.server.root / f"search-{count}-sorted.parquet"
    write(path, count, "day, tile")
    write(far, count, "tile, day")
    here = {"source": str(path), "box": [5.25, 45.0, 5.35, 45.1], "days": "2020-01-01/2020-01-20"}
    wide = {**here, "box": [-25, 25, 25, 60], "days": "2020-01-01/2020-01-10"}
    remote = {**here, "source": site.server.href(far.name)}
    every = {**here, "box": [-25, 25, 25, 60], "days": None}
    few = {"requests": 8, "bytes": 3e6}
    for name, title, action, steps, limits in (
        ("search-tile", f"20 days of a tile among {count:,} items", "one", {"cold": here, "warm": here}, {}),
        ("search-wide", "10,000 matching items", "one", {"cold": wide, "warm": wide}, {}),
        ("search-eight", "eight searches", "eight", {"in turn": here, "at once": {**here, "at_once": True}}, {}),
        (
            "search-remote",
            "a tile of a remote catalog, sorted by tile",
            "one",
            {"cold": remote, "warm": remote},
            {"cold": few},
        ),
        (
            "open-tile",
            f"open 20 days of a tile among {count:,} items",
            "opened",
            {"cold": here, "warm": here},
            {"cold": {"seconds": 0.3}, "warm": {"seconds": 0.06}},
        ),
        (
            "open-wide",
            "open 10,000 matching items on a grid in degrees",
            "opened",
            {"cold": wide, "warm": wide},
            {"warm": {"seconds": 0.1}},
        ),
        (
            "open-every",
            f"open {count:,} matching items on a grid in degrees",
            "opened",
            {"warm-up": here, "first": every},
            {"first": {"seconds": 2}},
        ),
    ):
        timed = [Step(step, request, "run") for step, request in steps.items()]
        yield Workload(name, title, timed, {"cogweave": f"benchmarks.search:{action}"}, None, what="numbers",
                       limits=limits)  # fmt: skip


def write(path: Path, count: int, order: str) -> None:
    """Writes a catalog like Sentinel-2's: every tile on every day, five bands."""
    if path.exists():
        return
    import duckdb

    raster = "'raster:bands': [{'nodata': 0, 'data_type': 'uint16', 'scale': 0.0001, 'offset': -0.1}]"
    place = (
        "'proj:transform': [10.0, 0, 300000 + tx * 90000, 0, -10, 4000000 + ty * 90000], 'proj:shape': [10980, 10980]"
    )
    kind = "'type': 'image/tiff; application=geotiff; profile=cloud-optimized', 'roles': ['data']"
    assets = ", ".join(
        f"'{key}': {{'href': 'https://example.com/cogs/' || id || '/{key}.tif', {kind}, {place}, {raster}}}"
        for key in ("B02", "B03", "B04", "B08", "SCL")
    )
    duckdb.connect().execute(
        f"""COPY (WITH a AS (SELECT i % {TILES} AS tile, i // {TILES} AS day FROM range({count}) r(i)),
        b AS (SELECT *, tile % {COLUMNS} AS tx, tile // {COLUMNS} AS ty,
            printf('S2A_T%05d_%04d_%s', tile, day, substr(md5(tile || '-' || day), 1, 12)) AS id FROM a)
        SELECT id, 'sentinel-2-l2a' AS collection,
            make_timestamp({FIRST} + day * 86400000000 + tile * 1000000)::TIMESTAMPTZ AS datetime,
            (hash(id) % 10000) / 100.0::DOUBLE AS "eo:cloud_cover", 32631 AS "proj:epsg",
            {{'xmin': -20 + tx * 0.9::DOUBLE, 'ymin': 30 + ty * 0.9::DOUBLE,
              'xmax': -19.11 + tx * 0.9::DOUBLE, 'ymax': 30.89 + ty * 0.9::DOUBLE}} AS bbox,
            {{{assets}}} AS assets FROM b ORDER BY {order})
        TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 20480, COMPRESSION zstd)"""
    )


def one(request: dict[str, Any]) -> Callable[[], Any]:
    """One search."""
    import cogweave as cw

    def run() -> Any:
        return len(cw.search(request["source"], bbox=request["box"], datetime=request["days"]))

    return run


def opened(request: dict[str, Any]) -> Callable[[], Any]:
    """A lazy array of one band; bytes_per_item: by which the process has grown, where that is many items."""
    import cogweave as cw

    def run() -> Any:
        before = resident()
        data = cw.open(
            request["source"], bbox=request["box"], datetime=request["days"], crs=4326, resolution=0.001, bands=["B04"]
        )
        grown, count = resident() - before, len(data.time) * TILES
        return None, {"bytes_per_item": grown / count} if count >= 1_000_000 else {}

    return run


def resident() -> int:
    """Bytes of memory that the process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def eight(request: dict[str, Any]) -> Callable[[], Any]:
    """Eight searches of other places, one after another or at once."""
    import cogweave as cw

    west, south = request["box"][:2]
    boxes = [(west + n * 0.9, south + n * 0.9, west + n * 0.9 + 0.1, south + n * 0.9 + 0.1) for n in range(8)]

    async def at_once() -> list[Any]:
        searches = (cw.search_async(request["source"], bbox=box, datetime=request["days"]) for box in boxes)
        return list(await asyncio.gather(*searches))

    def run() -> Any:
        if request.get("at_once"):
            return sum(map(len, asyncio.run(at_once())))
        return sum(len(cw.search(request["source"], bbox=box, datetime=request["days"])) for box in boxes)

    return run
