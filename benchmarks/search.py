"""The workloads of finding items: in large catalogs, and in far ones; and of opening what was found."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness import FOLDER, Site, Step, Workload

TILES, COLUMNS = 1000, 40  # a lattice of tiles, 0.9 degrees apart
FIRST = 1_577_874_600_000_000  # microseconds: 2020-01-01T10:30Z


def workloads(site: Site) -> Iterator[Workload]:
    """Searches of a million items (quick: 50,000) that differ in how many match and how many run at once."""
    count = 50_000 if site.quick else 1_000_000
    path, far = FOLDER / f"search-utm-{count}.parquet", site.server.root / f"search-utm-{count}-sorted.parquet"
    twin = path.with_stem(f"{path.stem}-twin")
    write(path, count, "day, tile")
    if not twin.exists():
        twin.hardlink_to(path)
    write(far, count, "tile, day")
    here = {"source": str(path), "box": [5.25, 45.0, 5.35, 45.1], "days": "2020-01-01/2020-01-20"}
    wide = {**here, "box": [-25, 25, 25, 60], "days": "2020-01-01/2020-01-10"}
    remote = {**here, "source": site.server.href(far.name)}
    every = {**here, "box": [-25, 25, 25, 60], "days": None}
    few: dict[str, float] = {"requests": 8, "bytes": 3e6}
    told: list[tuple[str, str, str, dict[str, dict[str, Any]], dict[str, dict[str, float]]]] = [
        ("search-tile", f"20 days of a tile among {count:,} items", "one", {"cold": here, "warm": here}, {}),
        ("search-wide", "10,000 matching items", "one", {"cold": wide, "warm": wide}, {}),
        (
            "search-eight",
            "eight searches",
            "eight",
            {"in turn": here, "at once": {**here, "beside": str(twin)}},
            {"at once": {"of_one_thread": 0.6}},
        ),
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
        (
            "open-held",
            f"an open array of {count:,} items, two seconds later",
            "held",
            {"warm-up": here, "held": every},
            {"held": {"bytes_per_item": 200}},
        ),
    ]
    for name, title, action, steps, limits in told:
        timed = [Step(step, request, "run") for step, request in steps.items()]
        yield Workload(name, title, timed, {"cogweave": f"benchmarks.search:{action}"}, None, what="numbers",
                       limits=limits)  # fmt: skip
    yield beside(here, every)
    yield parted(site)


def beside(here: dict[str, Any], every: dict[str, Any]) -> Workload:
    """A small search while large ones run."""
    return Workload(
        "search-beside", "a small search beside a large one",
        [Step("times alone", {**here, "large": every}, "run")], {"cogweave": "benchmarks.search:small"}, None,
        what="numbers", limits={"times alone": {"times_alone": 3}}, repeat=3,
        notes="times_alone: the small one's time beside the large one over its time alone; seconds are those of all.",
    )  # fmt: skip


def parted(site: Site) -> Workload:
    """A tile and a year of a folder of files, one for each zone and year."""
    count = 200_000 if site.quick else 10_000_000
    folder = FOLDER / f"search-parted-{count}"
    write_parts(folder, count)
    request = {"source": str(folder), "box": [5.25, 45.0, 5.35, 45.1], "days": "2021-01-01/2021-12-31"}
    return Workload(
        "open-parted", f"open a year of a tile of a hive of {count:,} items",
        [Step("cold", request, "run"), Step("warm", request, "run")], {"cogweave": "benchmarks.search:opened"}, None,
        what="numbers", limits={"cold": {"seconds": 1, "peak": 300e6}, "warm": {"peak": 300e6}},
    )  # fmt: skip


def write(path: Path, count: int, order: str) -> None:
    """Writes a catalog like Sentinel-2's: every tile on every day, five bands."""
    if path.exists():
        return
    import duckdb

    keys = ("B02", "B03", "B04", "B08", "SCL")
    duckdb.connect().execute(
        f"COPY (SELECT {_columns(keys)} FROM ({_places(0, count)}) ORDER BY {order}) "
        f"TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 20480, COMPRESSION zstd)"
    )


def write_parts(folder: Path, count: int) -> None:
    """Writes a folder like those of large archives, one band: collection=.../zone=.../year=.../items.parquet."""
    if folder.exists():
        return
    import duckdb

    unfinished, step = folder.with_suffix(".part"), 1_000_000
    for first in range(0, count, step):
        duckdb.connect().execute(
            f"COPY (SELECT {_columns(('B04',))}, zone, year(datetime) AS year "
            f"FROM ({_places(first, min(step, count - first))}) ORDER BY tile, day) TO '{unfinished}' "
            f"(FORMAT parquet, PARTITION_BY (zone, year), ROW_GROUP_SIZE 20480, COMPRESSION zstd, "
            f"FILENAME_PATTERN 'items_{first}_{{i}}', OVERWRITE_OR_IGNORE)"
        )
    unfinished.rename(folder)


def _places(first: int, count: int) -> str:
    """Tiles of 109.8 km around the middles of a lattice in degrees, each in its own UTM zone.

    The middles are projected by the first terms of the series: right to a few hundred metres.
    """
    return f"""
        WITH a AS (SELECT i % {TILES} AS tile, i // {TILES} AS day FROM range({first}, {first + count}) r(i)),
        b AS (SELECT *, tile % {COLUMNS} AS tx, tile // {COLUMNS} AS ty FROM a),
        c AS (SELECT *, -20 + tx * 0.9::DOUBLE AS west, 30 + ty * 0.9::DOUBLE AS south FROM b),
        d AS (SELECT *, (floor((west + 0.445 + 180) / 6) + 1)::INT AS zone, radians(south + 0.445) AS lat FROM c),
        e AS (SELECT *, 6378137 / sqrt(1 - 0.00669438 * sin(lat) ** 2) AS n,
            cos(lat) * radians(west + 0.445 - (zone * 6 - 183)) AS a FROM d)
        SELECT *, make_timestamp({FIRST} + day * 86400000000 + tile * 1000000)::TIMESTAMPTZ AS datetime,
            printf('S2A_T%05d_%04d_%s', tile, day, substr(md5(tile || '-' || day), 1, 12)) AS id,
            round((500000 + 0.9996 * n * a - 54900) / 10) * 10 AS left_edge,
            round((0.9996 * (6367449.146 * lat - 16038.509 * sin(2 * lat) + 16.833 * sin(4 * lat)
                + n * tan(lat) * a ** 2 / 2) + 54900) / 10) * 10 AS top_edge FROM e"""


def _columns(keys: Sequence[str]) -> str:
    raster = "'raster:bands': [{'nodata': 0, 'data_type': 'uint16', 'scale': 0.0001, 'offset': -0.1}]"
    place = "'proj:transform': [10.0, 0, left_edge, 0, -10, top_edge], 'proj:shape': [10980, 10980]"
    kind = "'type': 'image/tiff; application=geotiff; profile=cloud-optimized', 'roles': ['data']"
    assets = ", ".join(
        f"'{key}': {{'href': 'https://example.com/cogs/' || id || '/{key}.tif', {kind}, {place}, {raster}}}"
        for key in keys
    )
    return f"""id, 'sentinel-2-l2a' AS collection, datetime,
        (hash(id) % 10000) / 100.0::DOUBLE AS "eo:cloud_cover", 32600 + zone AS "proj:epsg",
        {{'xmin': west, 'ymin': south, 'xmax': west + 0.89, 'ymax': south + 0.89}} AS bbox, {{{assets}}} AS assets"""


def one(request: dict[str, Any]) -> Callable[[], Any]:
    """One search."""
    import cogweave as cw

    def run() -> Any:
        return len(cw.search(request["source"], bbox=request["box"], datetime=request["days"]))

    return run


def opened(request: dict[str, Any]) -> Callable[[], Any]:
    """A lazy array of one band."""
    import cogweave  # noqa: F401  # imports are not on the clock

    return lambda: (None, {"times": len(_open(request).time)})


def held(request: dict[str, Any]) -> Callable[[], Any]:
    """bytes_per_item: by which the process has grown with an array, two seconds later, without what the search took."""
    import cogweave  # noqa: F401  # it is no part of what grows

    def run() -> Any:
        before = resident()
        data = _open(request)
        time.sleep(2)
        return None, {"bytes_per_item": (resident() - before) / (len(data.time) * TILES)}

    return run


def _open(request: dict[str, Any]) -> Any:
    import cogweave as cw

    return cw.open(
        request["source"], bbox=request["box"], datetime=request["days"], crs=4326, resolution=0.001, bands=["B04"]
    )


def resident() -> int:
    """Bytes of memory that the process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def eight(request: dict[str, Any]) -> Callable[[], Any]:
    """Eight searches of other places, one after another or at once.

    of_one_thread: what at once takes, over what they take one after another with one thread: of another name of the
    same file, which is opened anew for that. Medians of fifteen; the seconds are those of all.
    """
    import cogweave as cw

    west, south = request["box"][:2]
    boxes = [(west + n * 0.9, south + n * 0.9, west + n * 0.9 + 0.1, south + n * 0.9 + 0.1) for n in range(8)]

    async def at_once() -> list[Any]:
        searches = (cw.search_async(request["source"], bbox=box, datetime=request["days"]) for box in boxes)
        return list(await asyncio.gather(*searches))

    def in_turn(source: str) -> int:
        return sum(len(cw.search(source, bbox=box, datetime=request["days"])) for box in boxes)

    def timed(searches: Callable[[], Any]) -> float:
        def once() -> float:
            began = time.perf_counter()
            searches()
            return time.perf_counter() - began

        once()
        return median(once() for _ in range(15))

    def run() -> Any:
        twin = request.get("beside")
        if twin is None:
            return in_turn(request["source"])
        together = timed(lambda: asyncio.run(at_once()))
        threads = cw.configure()["threads"]
        cw.configure(threads=1)
        alone = timed(lambda: in_turn(twin))
        cw.configure(threads=threads)
        return None, {"at_once": together, "one_thread": alone, "of_one_thread": together / alone}

    return run


def small(request: dict[str, Any]) -> Callable[[], Any]:
    """A small search alone, then while another thread searches for very many items again and again."""
    import cogweave as cw

    large = request["large"]

    def once() -> float:
        began = time.perf_counter()
        cw.search(request["source"], bbox=request["box"], datetime=request["days"])
        return time.perf_counter() - began

    def run() -> Any:
        once()
        alone = median(once() for _ in range(20))
        ended = threading.Event()

        def busy() -> None:
            while not ended.is_set():
                cw.search(large["source"], bbox=large["box"], datetime=large["days"])

        thread = threading.Thread(target=busy)
        thread.start()
        time.sleep(0.3)
        beside = median(once() for _ in range(20))
        ended.set()
        thread.join()
        return None, {"alone": alone, "beside": beside, "times_alone": beside / alone}

    return run
