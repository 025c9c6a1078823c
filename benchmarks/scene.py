"""The archive that the benchmarks read: six real COGs, known under many names.

Three bands of two scenes, 4096x4096 pixels of uint16 with tiles of 1024, deflate and predictor 2,
are written once below ``.bench/`` and linked under a name for each of twenty dates, so that no two
dates share a URL and no cache can help out. One UTM zone; every pixel is valid.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
from affine import Affine

from tests import archive
from tests.servers import ROOT

FOLDER = ROOT / ".bench" / "scene"
BANDS = ("B02", "B03", "B04")
DATES = 20
EPSG = 32632
LEFT, TOP, PIXEL = 600_000, 5_000_000, 10
FIRST_DAY = datetime(2025, 5, 1, 10, 8, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Scene:
    """A finished archive. size: pixels along one side; tile: size of the COGs' tiles."""

    folder: Path
    size: int
    tile: int
    items: list[dict[str, Any]]

    def catalog(self, href: Callable[[str], str], name: str) -> Path:
        """Writes the items as stac-geoparquet with final hrefs."""
        return archive.write_catalog(self.items, self.folder / name, href)


def make(size: int = 4096, tile: int = 1024) -> Scene:
    """Makes the archive where it is not there yet: half a minute, 150 MB."""
    folder = FOLDER / f"{size}-{tile}"
    done = folder / "items.json"
    if done.exists():
        return Scene(folder, size, tile, json.loads(done.read_text()))
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "real").mkdir(parents=True)
    jobs = [(scene, band) for scene in range(2) for band in BANDS]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: _write(folder, size, tile, *job), jobs))
    items = [_item(folder, size, date) for date in range(DATES)]
    done.write_text(json.dumps(items))
    return Scene(folder, size, tile, items)


def _write(folder: Path, size: int, tile: int, scene: int, band: str) -> None:
    pixels = _ground(size, seed=10 * scene + BANDS.index(band))
    transform = Affine(PIXEL, 0, LEFT, 0, -PIXEL, TOP)
    archive.write_cog(_real(folder, scene, band), pixels, EPSG, transform, tile)


def _real(folder: Path, scene: int, band: str) -> Path:
    return folder / "real" / f"{scene}-{band}.tif"


def _ground(size: int, seed: int) -> npt.NDArray[np.uint16]:
    """Smooth land with grain, so that deflate halves it, as it does with Sentinel-2."""
    chance = np.random.default_rng(seed)
    coarse = chance.normal(0, 1, (size // 32, size // 32))
    land = np.kron(coarse, np.ones((32, 32))) * 200
    rows, cols = np.ogrid[:size, :size]
    waves = 600 * np.sin(rows / 97 + seed) * np.cos(cols / 131)
    grain = chance.integers(-24, 25, (size, size), dtype=np.int16)
    pixels: npt.NDArray[np.uint16] = np.clip(land + waves + grain + 2500, 1, 65535).astype(np.uint16)
    return pixels


def _item(folder: Path, size: int, date: int) -> dict[str, Any]:
    instant = FIRST_DAY + timedelta(days=date)
    name = f"scene_{instant:%Y%m%d}"
    (folder / name).mkdir()
    for band in BANDS:
        os.link(_real(folder, date % 2, band), folder / name / f"{band}.tif")
    ring = _outline(size)
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
        "properties": {"datetime": instant.isoformat().replace("+00:00", "Z"), "proj:code": f"EPSG:{EPSG}"},
        "links": [],
        "assets": {band: _asset(f"{name}/{band}.tif", size) for band in BANDS},
    }


def _asset(href: str, size: int) -> dict[str, Any]:
    return {
        "href": href,
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "roles": ["data"],
        "proj:shape": [size, size],
        "proj:transform": [PIXEL, 0, LEFT, 0, -PIXEL, TOP],
        "raster:bands": [{"nodata": 0, "data_type": "uint16", "spatial_resolution": PIXEL}],
    }


def _outline(size: int) -> list[list[float]]:
    """Closed, counter-clockwise, in degrees; sixteen points a side, since straight lines bend."""
    t = np.linspace(0, 1, 16, endpoint=False)
    zero, one = np.zeros_like(t), np.ones_like(t)
    x = LEFT + size * PIXEL * np.concatenate([zero, t, one, 1 - t])
    y = TOP - size * PIXEL * np.concatenate([t, one, 1 - t, zero])
    lon, lat = pyproj.Transformer.from_crs(EPSG, 4326, always_xy=True).transform(x, y)
    ring = np.stack([lon, lat], 1).tolist()
    return [*ring, ring[0]]


def bbox(col: int, row: int, width: int, height: int) -> tuple[float, float, float, float]:
    """The box (minx, miny, maxx, maxy) of a window of pixels, in the scene's CRS."""
    x, y = LEFT + col * PIXEL, TOP - row * PIXEL
    return x, y - height * PIXEL, x + width * PIXEL, y


def straddling(size: int, tile: int, width: int) -> list[tuple[int, int]]:
    """(col, row) of square windows that each lie across the border of two tiles; no two share a tile."""
    left, top = tile - width // 2, (tile - width) // 2
    return [(left + col, top + row) for row in range(0, size, tile) for col in range(0, size, 2 * tile)]
