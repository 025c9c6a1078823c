"""The archive that the benchmarks read: 32 large COGs and their scene classes, known under 30 dates.

Two Sentinel-2-like tiles, one in UTM zone 32 and its neighbour in zone 33, seen four times each in
four bands: 10980x10980 pixels of uint16, deflate with predictor 2, tiles of 1024, overviews; and the
scene classes (SCL) of each view, 5490x5490 of uint8. The files are hard-linked under a name for
each of thirty dates, so that no two dates share a URL and no cache can help out. Every pixel is
valid; clouds cover about a third.

Made once below ``.bench/archive``: 5 GB, a few minutes on two cores. The quick archive is an eighth
as wide, with tiles of 128, and takes seconds.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
from affine import Affine

from tests import archive as cogs
from tests.servers import ROOT

FOLDER = ROOT / ".bench" / "archive"
VERSION = 1  # of what is made below; another one makes the archive anew
ZONES = (32, 33)
VIEWS = 4
BANDS = ("B02", "B03", "B04", "B08")
CLASSES = "SCL"
CLOUDY = (3, 8, 9, 10)  # classes that a mask drops
DATES = 30
PIXEL = 10
RIGHT, TOP = 759_840, 5_100_000  # of the tile in zone 32; the zones meet at about 734,000
FIRST_DAY = datetime(2025, 5, 1, 10, 8, 31, tzinfo=UTC)

Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Archive:
    """A finished archive. size: pixels along one side of a file; tile: size of the COGs' tiles."""

    folder: Path
    size: int
    tile: int
    items: list[dict[str, Any]]

    def catalog(self, href: Callable[[str], str], name: str) -> tuple[Path, Path]:
        """Writes the items with final hrefs, as stac-geoparquet and as a FeatureCollection."""
        parquet = cogs.write_catalog(self.items, self.folder / f"{name}.parquet", href)
        final = [
            item | {"assets": {key: asset | {"href": href(asset["href"])} for key, asset in item["assets"].items()}}
            for item in self.items
        ]
        features = self.folder / f"{name}.json"
        features.write_text(json.dumps({"type": "FeatureCollection", "features": final}))
        return parquet, features


def make(quick: bool = False) -> Archive:
    """Gives the archive, making it where it is not there yet."""
    size, tile = (1372, 128) if quick else (10980, 1024)
    folder = FOLDER / ("quick" if quick else "full")
    done = folder / "archive.json"
    if done.exists():
        told = json.loads(done.read_text())
        if told.get("version") == VERSION:
            return Archive(folder, size, tile, told["items"])
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "real").mkdir(parents=True)
    _write_files(folder, size, tile)
    items = [_item(folder, size, zone, date) for date in range(DATES) for zone in ZONES]
    done.write_text(json.dumps({"version": VERSION, "items": items}))
    return Archive(folder, size, tile, items)


def corner(zone: int, size: int) -> tuple[float, float]:
    """Upper left corner (x, y) of a zone's tile, in the zone's CRS.

    The neighbour overlaps the tile of zone 32 by a twentieth of its side, half-way down.
    """
    if zone == ZONES[0]:
        return RIGHT - size * PIXEL, TOP
    meeting = RIGHT - size * PIXEL / 20, TOP - size * PIXEL / 2
    x, _ = pyproj.Transformer.from_crs(_epsg(ZONES[0]), _epsg(zone), always_xy=True).transform(*meeting)
    return round(x / 60) * 60.0, TOP


def _epsg(zone: int) -> int:
    return 32600 + zone


# ---- pixels -------------------------------------------------------------------------------------


def _write_files(folder: Path, size: int, tile: int) -> None:
    jobs = [(folder, size, tile, zone, view) for zone in ZONES for view in range(VIEWS)]
    with ProcessPoolExecutor(max(1, min(os.cpu_count() or 1, 8))) as pool:
        for number, _ in enumerate(pool.map(_write_view, *zip(*jobs, strict=True)), 1):
            if size > 5000:
                print(f"archive: {number} of {len(jobs)} views written", flush=True)


def _write_view(folder: Path, size: int, tile: int, zone: int, view: int) -> None:
    """Writes the bands and the classes of one view of one tile."""
    seed = 100 * zone + view
    ground, clouds = _relief(100 * zone), _relief(seed + 50)
    threshold = float(np.quantile(clouds, 0.66))
    cover = np.clip((clouds - threshold) * 2, 0, 1)
    grain = np.random.default_rng(seed).integers(-16, 17, (size + 64, size), dtype=np.int8)
    left, top = corner(zone, size)
    transform = Affine(PIXEL, 0, left, 0, -PIXEL, top)
    for number, band in enumerate(BANDS):
        pixels = np.empty((size, size), np.uint16)
        for rows in _strips(size):
            lit = 1400 + 300 * number + (380 + 90 * number) * _strip(ground, rows, size)
            covered = _strip(cover, rows, size)
            lit += covered * (6500 - lit)
            lit += grain[rows.start + 16 * number : rows.stop + 16 * number]
            pixels[rows] = np.clip(lit, 1, 10000)
        cogs.write_cog(real(folder, zone, view, band), pixels, _epsg(zone), transform, tile, level=1)
    _write_classes(folder, size, tile, zone, view, cover, transform)


def _write_classes(folder: Path, size: int, tile: int, zone: int, view: int, cover: Pixels, transform: Affine) -> None:
    half = size // 2
    classes = np.empty((half, half), np.uint8)
    for rows in _strips(half):
        covered = _strip(cover, rows, half)
        classes[rows] = np.select([covered > 0.6, covered > 0.25, covered > 0.02], [9, 8, 3], 4)
    path = real(folder, zone, view, CLASSES)
    cogs.write_cog(path, classes, _epsg(zone), transform @ Affine.scale(2), tile, "nearest", level=1)


def real(folder: Path, zone: int, view: int, band: str) -> Path:
    return folder / "real" / f"{zone}-{view}-{band}.tif"


_KNOTS = 687  # along a side of a tile: every 16th pixel of a large one


def _relief(seed: int) -> Pixels:
    """Noise of several wavelengths, about in [-3, 3], at the knots of a tile."""
    chance = np.random.default_rng(seed)
    field = np.zeros((_KNOTS, _KNOTS), np.float32)
    for octave in range(5):
        knots = chance.normal(0, 1, (6 * 2**octave + 2, 6 * 2**octave + 2)).astype(np.float32)
        field += _stretch(_stretch(knots, _KNOTS).T, _KNOTS).T * np.float32(0.6**octave)
    return field


def _stretch(knots: Pixels, count: int, part: slice | None = None) -> Pixels:
    """Rows of knots, interpolated to count rows of which part is wanted."""
    part = part or slice(0, count)
    at = np.arange(part.start, part.stop) * ((len(knots) - 1) / count)
    low = at.astype(np.int64)
    f = (at - low).astype(np.float32)[:, None]
    result: Pixels = knots[low] * (1 - f) + knots[low + 1] * f
    return result


def _strip(field: Pixels, rows: slice, size: int) -> Pixels:
    """A field's values at every pixel of some rows of a tile of that size."""
    wide = _stretch(field, size, rows)
    result: Pixels = np.ascontiguousarray(_stretch(np.ascontiguousarray(wide.T), size).T)
    return result


def _strips(size: int) -> list[slice]:
    return [slice(first, min(first + 256, size)) for first in range(0, size, 256)]


# ---- catalog ------------------------------------------------------------------------------------


def _item(folder: Path, size: int, zone: int, date: int) -> dict[str, Any]:
    instant = FIRST_DAY + timedelta(days=date, seconds=zone - ZONES[0])
    name = f"{zone}-{instant:%Y%m%d}"
    links = folder / "dates" / name
    links.mkdir(parents=True)
    for band in (*BANDS, CLASSES):
        os.link(real(folder, zone, date % VIEWS, band), links / f"{band}.tif")
    ring = _outline(zone, size)
    lon, lat = [p[0] for p in ring], [p[1] for p in ring]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
        ],
        "id": name,
        "collection": "scenes",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(lon), min(lat), max(lon), max(lat)],
        "properties": {
            "datetime": instant.isoformat().replace("+00:00", "Z"),
            "proj:code": f"EPSG:{_epsg(zone)}",
            "proj:epsg": _epsg(zone),  # stackstac knows no other
        },
        "links": [],
        "assets": {
            **{band: _asset(f"dates/{name}/{band}.tif", zone, size, 1, "uint16") for band in BANDS},
            CLASSES: _asset(f"dates/{name}/{CLASSES}.tif", zone, size, 2, "uint8"),
        },
    }


def _asset(href: str, zone: int, size: int, step: int, dtype: str) -> dict[str, Any]:
    left, top = corner(zone, size)
    return {
        "href": href,
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "roles": ["data"],
        "proj:shape": [size // step, size // step],
        "proj:transform": [PIXEL * step, 0, left, 0, -PIXEL * step, top],
        "raster:bands": [{"nodata": 0, "data_type": dtype, "spatial_resolution": PIXEL * step}],
    }


def _outline(zone: int, size: int) -> list[list[float]]:
    """Closed, counter-clockwise, in degrees; sixteen points a side, since straight lines bend."""
    t = np.linspace(0, 1, 16, endpoint=False)
    zero, one = np.zeros_like(t), np.ones_like(t)
    left, top = corner(zone, size)
    x = left + size * PIXEL * np.concatenate([zero, t, one, 1 - t])
    y = top - size * PIXEL * np.concatenate([t, one, 1 - t, zero])
    lon, lat = pyproj.Transformer.from_crs(_epsg(zone), 4326, always_xy=True).transform(x, y)
    ring = np.stack([lon, lat], 1).tolist()
    return [*ring, ring[0]]


if __name__ == "__main__":
    make()
