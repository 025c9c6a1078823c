"""The workloads that read pixels: windows, warps, overviews, series, chunks, points, a masked median, awaits.

Lengths are in tiles of the archive, so that the quick archive, whose tiles are an eighth as wide,
is asked the same. Every window lies on the tile of zone 32 alone: what its neighbour shows is not
the same ground, and tools order overlapping items differently.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta

import numpy as np
import pyproj

from benchmarks import archive, floor
from benchmarks.harness import Goal, Site, Step, Workload
from benchmarks.tools import Box, Request

HOME = 32  # the zone whose tile is read

Place = tuple[float, float]  # of a window's upper left corner, in tiles from the archive's


def workloads(site: Site) -> Iterator[Workload]:
    """All of them, the short ones first."""
    yield same(site)
    for kernel in ("nearest", "bilinear", "cubic"):
        yield across(site, kernel)
    yield mercator(site)
    yield series(site)
    yield again(site)
    yield pixel(site)
    yield large(site)
    yield chunks(site)
    yield chunks_across(site)
    yield points(site)
    yield each_point(site)
    yield median(site)
    yield awaits(site)


# ---- windows ------------------------------------------------------------------------------------


def same(site: Site) -> Workload:
    places = [(0.29, 0.29), (5.29, 0.29), (0.29, 5.29), (5.29, 5.29)]
    requests = [_request(site, _box(site, place, 2, 2), 1) for place in places]
    return Workload(
        "window", f"{_side(site, 2)} same CRS", _steps(requests, zeros=True),
        _actions("window", "lazycogs", "odc-stac", "stackstac", "rasteret", "rasterio", "rioxarray"),
        Goal(None),
    )  # fmt: skip


def across(site: Site, kernel: str) -> Workload:
    """A grid of zone 33 over pixels of zone 32."""
    middles = [(2.4, 2.4), (7.0, 2.4), (2.4, 7.0), (7.0, 7.0)]
    requests = [
        replace(_request(site, _turned(site, middle, 2, 2), 1), epsg=32633, resampling=kernel) for middle in middles
    ]
    peers = ["odc-stac", "stackstac", "rasterio", "rioxarray"]
    if kernel == "nearest":
        peers += ["lazycogs", "rasteret"]
    return Workload(
        f"zones-{kernel}", f"{_side(site, 2)} across UTM zones, {kernel}", _steps(requests, zeros=kernel == "nearest"),
        _actions("window", *peers), Goal(3.0), smooth=kernel != "nearest",
        notes="GDAL's warper approximates coordinates to an eighth of a pixel, so some cells show a neighbour"
        " pixel; cogweave's err by at most 2e-5 pixel.",
    )  # fmt: skip


def mercator(site: Site) -> Workload:
    """EPSG:3857 at 60 m (42 m on the ground): from the overview of 40 m. Its few tiles lie in all places:
    each step has a date of its own, whose header an unmeasured step at full resolution made known."""
    day_of = {"cold": 0, "warm": 1, "at 0 ms": 2, "at 100 ms": 3}
    made = {}
    for name, day in day_of.items():
        box = _mercator_box(site, (5.0, 4.9), _cells(site, 1), 60)
        made[name] = replace(_request(site, box, 1, first=day), epsg=3857, resolution=60)
    known = [
        Step(f"known {day}", asdict(_request(site, _box(site, (9.5, 9.5), 1 / 128, 1 / 128), 1, first=day)), "none", 0)
        for day in (1, 2, 3)
    ]
    actions = _actions("window", "lazycogs", "odc-stac", "stackstac", "rasterio")
    return Workload(
        "overview", f"{_side(site, 1)} EPSG:3857 from overviews",
        [_step("cold", made["cold"], floor_too=True), *known, _step("warm", made["warm"], floor_too=True)],
        actions, Goal(2.5, "cold"),
        notes="stackstac reads full resolution, where nearest finds other pixels than in an overview."
        " rasterio is told the level: WarpedVRT would read full resolution too. Coordinates of GDAL's warper are"
        " approximate.",
    )  # fmt: skip


def series(site: Site) -> Workload:
    places = [(0.75, 0.25), (3.75, 0.25), (0.75, 3.25), (3.75, 3.25)]
    requests = [_request(site, _box(site, place, 0.5, 0.5), 20, bands=3) for place in places]
    return Workload(
        "series", f"20 dates x 3 bands x {_side(site, 0.5)}", _steps(requests, zeros=True),
        _actions("window", "lazycogs", "odc-stac", "stackstac", "rasteret", "rasterio"), Goal(2.5),
    )  # fmt: skip


def again(site: Site) -> Workload:
    """What is left to do where compressed tiles are kept: the floor's clock starts when it holds all bytes."""
    request = _request(site, _box(site, (0.75, 0.25), 0.5, 0.5), 20, bands=3)
    told = asdict(request)
    held = Step("again", told, "run", floor=lambda: {**floor.job([request]), "held": True})
    return Workload(
        "again", f"the same 20 dates x 3 bands x {_side(site, 0.5)} again, tiles kept",
        [Step("first", told, "none"), held],
        _actions("window"), Goal(None, "again", 1.15), limits={"again": {"requests": 0}},
    )  # fmt: skip


def pixel(site: Site) -> Workload:
    places = [(0.5, 0.5), (3.5, 0.5), (0.5, 3.5), (3.5, 3.5)]
    one = 1 / site.archive.tile
    requests = [_request(site, _box(site, place, one, one), 30) for place in places]
    return Workload(
        "pixel", "one pixel x 30 dates", _steps(requests, zeros=True),
        _actions("window", "lazycogs", "odc-stac", "stackstac", "rasteret", "rasterio"), Goal(2.0),
    )  # fmt: skip


def large(site: Site) -> Workload:
    side = 3000 / 1024
    places = [(0.29, 0.29), (4.29, 0.29), (0.29, 4.29), (4.29, 4.29)]
    requests = [_request(site, _box(site, place, side, side), 2, bands=3) for place in places]
    cells = 6 * requests[0].shape[0] * requests[0].shape[1]
    return Workload(
        "large", f"{cells / 1e6:.0f} Mpx: 2 dates x 3 bands x {_side(site, side)}", _steps(requests),
        _actions("window", "lazycogs", "odc-stac", "stackstac", "rasteret", "rasterio"), Goal(2.5),
    )  # fmt: skip


# ---- chunks, points, median, awaits ---------------------------------------------------------------


def chunks(site: Site) -> Workload:
    places = [(0.29, 0.29), (5.29, 0.29)]
    requests = [
        replace(_request(site, _box(site, place, 4, 4), 1), chunk=_cells(site, 0.5)) for place in places
    ]  # fmt: skip
    return Workload(
        "chunks", f"{_side(site, 4)} in {_cells(site, 0.5)}-chunks, dask threads, same CRS", _steps(requests),
        _actions("chunks", "lazycogs", "odc-stac", "stackstac"), Goal(4.0),
    )  # fmt: skip


def chunks_across(site: Site) -> Workload:
    middles = [(2.4, 2.4), (7.0, 7.0)]
    requests = [
        replace(_request(site, _turned(site, middle, 4, 4), 1), epsg=32633, chunk=_cells(site, 0.5))
        for middle in middles
    ]
    return Workload(
        "chunks-zones", f"{_side(site, 4)} in {_cells(site, 0.5)}-chunks, dask threads, across zones",
        _steps(requests), _actions("chunks", "lazycogs", "odc-stac", "stackstac"), Goal(4.0),
        notes="See the windows across zones.",
    )  # fmt: skip


def points(site: Site) -> Workload:
    requests = _scattered(site, 5000)
    # On the large archive rasteret takes minutes for one read.
    slow = ("rasteret",) if site.quick else ()
    return Workload(
        "points", f"5,000 points x 20 dates, in {_side(site, 3)}", _steps(requests, pixels=False),
        _actions("points", "lazycogs", "odc-stac", "stackstac", "rasterio", *slow), Goal(5.0), repeat=3,
        notes="lazycogs, odc-stac and stackstac select the points by xarray's vectorized `.sel`: lazycogs without dask,"
        " the others from dask chunks. rasteret, which takes minutes here, runs on the quick archive only.",
    )  # fmt: skip


def each_point(site: Site) -> Workload:
    """What a loop over a list of places does, where a library has no call for points."""
    return Workload(
        "points-each", f"25 points x 20 dates, in {_side(site, 3)}, one by one where there is no call for points",
        _steps(_scattered(site, 25), pixels=False), _actions("each_point", "lazycogs", "odc-stac"),
        Goal(5.0), repeat=3,
        notes="cogweave samples them in one call, lazycogs and odc-stac select one after the other by `.sel`.",
    )  # fmt: skip


def _scattered(site: Site, count: int) -> list[Request]:
    """Requests for points at pixels' centres: on a border between two pixels tools may differ."""
    requests = []
    for seed, place in enumerate([(0.29, 0.29), (4.29, 4.29)]):
        box = _box(site, place, 3, 3)
        cols, rows = np.random.default_rng(seed).integers(0, _cells(site, 3), (2, count))
        x, y = box[0] + (cols + 0.5) * archive.PIXEL, box[3] - (rows + 0.5) * archive.PIXEL
        points = list(zip(x.tolist(), y.tolist(), strict=True))
        requests.append(replace(_request(site, box, 20), points=points, chunk=site.archive.tile))
    return requests


def median(site: Site) -> Workload:
    places = [(0.25, 0.25), (5.25, 5.25)]
    requests = [
        replace(_request(site, _box(site, place, 1, 1), 20), masked={archive.CLASSES: list(archive.CLOUDY)})
        for place in places
    ]
    return Workload(
        "median", f"median of 20 cloudy dates with mask, {_side(site, 1)}", _steps(requests),
        _actions("median", "lazycogs", "odc-stac", "stackstac", "rasteret", "rasterio"), Goal(1.0), smooth=True,
        notes="Only cogweave masks while it reads; for the others the mask and the median are numpy's, on the clock."
        " The floor has no median.",
    )  # fmt: skip


def awaits(site: Site) -> Workload:
    tops, lefts = (0.25, 2.25, 4.25, 6.25), (0.75, 2.75)
    requests = []
    for shift in (0.0, 5.0):
        boxes = [_box(site, (left + shift, top), 0.5, 0.5) for top in tops for left in lefts]
        requests.append(replace(_request(site, boxes[0], 20, bands=3), boxes=boxes))
    return Workload(
        "awaits", f"eight windows of 20 dates x 3 bands x {_side(site, 0.5)}, awaited at once", _steps(requests),
        _actions("awaits", "lazycogs", "odc-stac"), Goal(2.5), repeat=3,
    )  # fmt: skip


# ---- their parts ----------------------------------------------------------------------------------


def _actions(kind: str, *peers: str) -> dict[str, str]:
    return {tool: f"benchmarks.tools.{tool.replace('-', '_')}:{kind}" for tool in ("cogweave", *peers)}


def _steps(requests: list[Request], zeros: bool = False, pixels: bool = True) -> list[Step]:
    """Cold, then warm elsewhere; at other latencies too, in the first two processes of each tool."""
    steps = [
        _step("cold", requests[0], floor_too=True, pixels=pixels),
        _step("warm", requests[1], floor_too=True, pixels=pixels),
    ]
    if zeros:
        for latency, request in zip((0, 100), requests[2:], strict=True):
            step = _step(f"at {latency} ms", request, floor_too=True)
            steps.append(replace(step, latency=latency, processes=2))
    return steps


def _step(name: str, request: Request, floor_too: bool = False, pixels: bool = True) -> Step:
    parts = [replace(request, box=box) for box in request.boxes] or [request]
    cold = name == "cold"
    job = (lambda: floor.job(parts, pixels, cold)) if floor_too else None
    return Step(name, asdict(request), "all" if cold else "run", floor=job)


def _request(site: Site, box: Box, dates: int, bands: int = 1, first: int = 0) -> Request:
    days = [archive.FIRST_DAY + timedelta(days=day) for day in (first, first + dates - 1)]
    within = [archive.FIRST_DAY + timedelta(days=day) for day in range(first, first + dates)]
    return Request(
        catalog=str(site.catalog),
        features=str(site.features),
        server=site.server.url,
        epsg=32600 + HOME,
        resolution=archive.PIXEL,
        box=box,
        bands=list(archive.BANDS[:bands]),
        days=(f"{days[0]:%Y-%m-%d}", f"{days[1]:%Y-%m-%d}"),
        ids=[f"{HOME}-{day:%Y%m%d}" for day in within],
    )


def _cells(site: Site, tiles: float) -> int:
    return round(tiles * site.archive.tile)


def _side(site: Site, tiles: float) -> str:
    return f"{_cells(site, tiles)}x{_cells(site, tiles)}"


def _box(site: Site, place: Place, width: float, height: float) -> Box:
    """The box of a window whose place and size are in tiles, in the CRS of its own zone."""
    left, top = archive.corner(HOME, site.archive.size)
    x = left + _cells(site, place[0]) * archive.PIXEL
    y = top - _cells(site, place[1]) * archive.PIXEL
    return x, y - _cells(site, height) * archive.PIXEL, x + _cells(site, width) * archive.PIXEL, y


def _turned(site: Site, middle: Place, width: float, height: float) -> Box:
    """The box in the neighbour's CRS of a window around a place, both in tiles."""
    left, top = archive.corner(HOME, site.archive.size)
    at = left + _cells(site, middle[0]) * archive.PIXEL, top - _cells(site, middle[1]) * archive.PIXEL
    x, y = pyproj.Transformer.from_crs(32600 + HOME, 32633, always_xy=True).transform(*at)
    half_x, half_y = _cells(site, width) * archive.PIXEL / 2, _cells(site, height) * archive.PIXEL / 2
    x, y = round(x / archive.PIXEL) * archive.PIXEL, round(y / archive.PIXEL) * archive.PIXEL
    return x - half_x, y - half_y, x + half_x, y + half_y


def _mercator_box(site: Site, middle: Place, cells: int, resolution: float) -> Box:
    left, top = archive.corner(HOME, site.archive.size)
    at = left + _cells(site, middle[0]) * archive.PIXEL, top - _cells(site, middle[1]) * archive.PIXEL
    x, y = pyproj.Transformer.from_crs(32600 + HOME, 3857, always_xy=True).transform(*at)
    x, y = round(x / resolution) * resolution, round(y / resolution) * resolution
    half = cells * resolution / 2
    return x - half, y - half, x + half, y + half
