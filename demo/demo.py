"""From a STAC catalog to an xarray mosaic over real HTTP, timed and counted stage by stage.

`make demo` runs it on an archive that it makes itself: Sentinel-2-like COGs of two UTM zones behind
an HTTP server with 30 ms of latency. On a catalog of your own:

    make demo CATALOG=items.parquet BBOX=733000,5030000,753000,5050000 CRS=EPSG:32632

BBOX is in CRS; RESOLUTION (in units of CRS), DATETIME and BANDS (three for the picture, else
red,green,blue) are optional.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pyproj
import xarray as xr
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for the archive and the server, which the tests use too
FOLDER = ROOT / ".demo"


def say(text: str) -> None:
    print(f"-- {text}", flush=True)


@dataclass(frozen=True)
class Request:
    """What to read: a catalog and the arguments of cw.open that say where, when and which bands."""

    catalog: str
    where: dict[str, Any]
    which: dict[str, Any]
    bands: list[str]


class Table:
    """One row for each timed stage."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, int, int]] = []

    @contextmanager
    def row(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        with cw.measure() as spent:
            yield
        self.rows.append((stage, time.perf_counter() - start, spent["requests"], spent["bytes"]))

    def __str__(self) -> str:
        lines = [f"{'stage':<34}{'seconds':>9}{'requests':>10}{'bytes':>14}"]
        lines += [f"{stage:<34}{seconds:>9.3f}{n:>10,}{size:>14,}" for stage, seconds, n, size in self.rows]
        return "\n".join(lines)


def own_request(catalog: str) -> Request:
    """The user's catalog, from the environment that make passes on."""
    missing = [name for name in ("BBOX", "CRS") if not os.environ.get(name)]
    if missing:
        sys.exit(
            f"CATALOG also needs {' and '.join(missing)}: make demo CATALOG=... BBOX=minx,miny,maxx,maxy CRS=EPSG:..."
        )
    crs = os.environ["CRS"]
    bbox = tuple(float(v) for v in os.environ["BBOX"].split(","))
    extent = max(bbox[2] - bbox[0], bbox[3] - bbox[1])
    resolution = float(os.environ.get("RESOLUTION") or extent / 1024)
    which = {"datetime": os.environ["DATETIME"]} if os.environ.get("DATETIME") else {}
    bands = (os.environ.get("BANDS") or "red,green,blue").split(",")
    return Request(catalog, {"bbox": bbox, "crs": crs, "resolution": resolution}, which, bands)


@contextmanager
def made_request() -> Iterator[Request]:
    """Our own archive, behind a server with 30 ms of latency."""
    from tests import archive
    from tests.servers import RangeServer

    folder = FOLDER / "archive"
    say(f"making a Sentinel-2-like archive in {folder} (again only when its recipe changes)")
    start = time.perf_counter()
    items = archive.make(folder, archive.DEMO, lambda name: print(f"   {name}", flush=True))
    size = sum(f.stat().st_size for f in folder.rglob("*.tif"))
    files = sum(1 for _ in folder.rglob("*.tif"))
    print(f"   {len(items)} items, {files} COGs, {size / 1e6:.0f} MB, {time.perf_counter() - start:.1f} s")
    with RangeServer(folder, latency="30ms") as server:
        catalog = archive.write_catalog(items, FOLDER / "items.parquet", server.href)
        say(f"serving it at {server.url} with 30 ms of latency; its STAC-GeoParquet is {catalog}")
        # 32 km across the border of both zones, on a grid of the eastern one.
        west = next(t for t in archive.tiles(archive.DEMO.size) if t.epsg == 32633)
        x, y = west.x + 0.1 * west.size * 10, west.y - 0.95 * west.size * 10
        x, y = round(x / 20) * 20, round(y / 20) * 20
        where = {"bbox": (x - 16000, y - 16000, x + 16000, y + 16000), "crs": "EPSG:32633", "resolution": 20}
        yield Request(str(catalog), where, {}, ["red", "green", "blue"])
        seen = server.stats()
        print(f"   the server itself counted {seen.requests:,} requests, {seen.bytes:,} bytes,", end=" ")
        print(f"at most {seen.max_in_flight} in flight")


def by_xarray(request: Request, table: Table) -> tuple[xr.DataArray, list[str]]:
    """Opens in both ways, reads in both ways; gives the array and what disagreed."""
    arguments = {**request.where, **request.which, "bands": request.bands}
    say('as xarray: xr.open_dataset(catalog, engine="cogweave", ...) and cogweave.open(catalog, ...)')
    with table.row("xr.open_dataset"):
        ds = xr.open_dataset(request.catalog, engine="cogweave", mask_and_scale=False, **arguments)
    with table.row("cw.open"):
        da = cw.open(request.catalog, **arguments)
    print(da)

    say("reading everything: da.load()")
    with table.row("da.load()"):
        loaded = da.copy().load()
    say("the same, awaited, while a ticker shows that the event loop stays free: await da.load_async()")
    with table.row("await da.load_async()"):
        awaited, ticks, longest = asyncio.run(load_beside_a_ticker(da.copy()))
    print(f"   the loop ticked {ticks} times meanwhile; its longest pause was {longest * 1000:.1f} ms")
    say("the same as a dataset, one variable a band: ds.load()")
    with table.row("ds.load()"):
        ds.load()

    wrong = []
    if not awaited.identical(loaded):
        wrong.append("load_async differs from load")
    if not all(np.array_equal(ds[band].values, loaded.sel(band=band).values) for band in request.bands):
        wrong.append("open_dataset differs from open")
    return loaded, wrong


async def load_beside_a_ticker(da: xr.DataArray) -> tuple[xr.DataArray, int, float]:
    reading = asyncio.ensure_future(da.load_async())
    ticks, longest, last = 0, 0.0, time.perf_counter()
    while not reading.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        ticks, longest, last = ticks + 1, max(longest, now - last), now
    return await reading, ticks, longest


def by_stages(request: Request, table: Table) -> dict[str, np.ndarray[Any, Any]]:
    """The array by the five low-level stages, and by the fused read."""
    say("the five stages by hand: search -> headers -> plan -> fetch -> mosaic")
    grid = cw.Grid.from_bbox(request.where["bbox"], request.where["crs"], request.where["resolution"])
    with table.row("1 search"):
        items = cw.search(request.catalog, intersects=outline(grid), **request.which)
    with table.row("2 headers (network)"):
        headers = cw.headers(items, request.bands)
    with table.row("3 plan (no I/O)"):
        plan = cw.plan(items, grid, bands=request.bands, headers=headers)
    with table.row("4 fetch (network only)"):
        tiles = cw.fetch(plan)
    with table.row("5 mosaic (CPU only)"):
        array = cw.mosaic(plan, tiles)
    say("stages 4 and 5 fused: cw.read(plan)")
    with table.row("4+5 read, pipelined"):
        fused = cw.read(plan)
    print(f"   {pa_rows(items)} items, {pa_rows(tiles)} tiles -> {array.shape} {array.dtype}")
    return {"the five stages": array, "cw.read": fused}


def pa_rows(table: Any) -> int:
    """Stage tables speak Arrow: any library can count their rows."""
    return int(pa.table(table).num_rows)


def outline(grid: Any) -> dict[str, Any]:
    """The grid's outline in degrees, the reference system of STAC footprints, as GeoJSON."""
    minx, miny, maxx, maxy = grid.bbox
    t = np.linspace(0, 1, 64, endpoint=False)
    zero, one = np.zeros_like(t), np.ones_like(t)
    x = minx + (maxx - minx) * np.concatenate([t, one, 1 - t, zero])
    y = miny + (maxy - miny) * np.concatenate([zero, t, one, 1 - t])
    lon, lat = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True).transform(x, y)
    ring = np.stack([lon, lat], 1).tolist()
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def compare(arrays: dict[str, np.ndarray[Any, Any]], loaded: xr.DataArray) -> list[str]:
    wrong = []
    for name, got in arrays.items():
        same = np.array_equal(got, loaded.values)
        say(f"{name} and da.load(): {'equal, every pixel' if same else 'DIFFERENT'}")
        if not same:
            wrong.append(f"{name} differs from da.load()")
    return wrong


def picture(loaded: xr.DataArray, path: Path) -> None:
    """True colour of the ground: of each pixel's dates a rather dark one, since clouds are bright."""
    nodata = loaded.attrs.get("_FillValue", loaded.encoding.get("_FillValue", 0))
    pixels = loaded.values[:3].astype(np.float32)
    pixels[loaded.values[:3] == nodata] = np.nan
    seen = np.isfinite(pixels).sum(axis=1, keepdims=True)
    ordered = np.sort(pixels, axis=1)  # NaN sorts last
    ground = np.take_along_axis(ordered, np.maximum(seen - 1, 0) // 3, axis=1)[:, 0]
    rgb = np.moveaxis(ground, 0, -1)
    dark, light = np.nanpercentile(rgb, [0.5, 99.7], axis=(0, 1))
    black, white = 0.9 * dark.min(), light.max()
    stretched = np.clip((rgb - black) / (white - black), 0, 1) ** 0.8
    Image.fromarray((np.nan_to_num(stretched) * 255).astype(np.uint8)).save(path)
    covered = np.isfinite(rgb).all(-1).mean()
    say(f"true colour of {pixels.shape[1]} dates, {covered:.0%} of the area seen: {path}")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    # Every row of the table pays for its own tiles: none are served from an earlier row's, or run's.
    shutil.rmtree(FOLDER / "cache", ignore_errors=True)
    cw.configure(cache_dir=str(FOLDER / "cache"), tile_cache=0)
    table = Table()
    catalog = os.environ.get("CATALOG")
    with nullcontext(own_request(catalog)) if catalog else made_request() as request:
        by_hand = by_stages(request, table)
        loaded, wrong = by_xarray(request, table)
    wrong += compare(by_hand, loaded)
    print(f"\n{table}\n")
    picture(loaded, FOLDER / "true-colour.png")
    if wrong:
        sys.exit("demo: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
