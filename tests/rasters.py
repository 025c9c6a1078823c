"""Arrays of numbers as real GeoTIFFs with a catalog: what a test of lazy arrays wants to find again, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cogweave as cw
import numpy as np
from affine import Affine

from tests import archive

_LEFT, _TOP, _PIXEL = 500000.0, 5000000.0, 10.0
_BOX: Final = [8.9, 45.0, 9.2, 45.2]  # in degrees; holds any raster of less than a thousand pixels
ASSET: Final = "data"


def grid(shape: tuple[int, ...]) -> cw.Grid:
    """The grid on which `write` puts arrays of this shape."""
    return cw.Grid("EPSG:32632", (_PIXEL, 0, _LEFT, 0, -_PIXEL, _TOP), shape[-2:])


def write(pixels: np.ndarray[Any, Any], folder: Path, asset: str = ASSET) -> Path:
    """Write a (time, y, x) array, a GeoTIFF and an item for each step, and give the catalog."""
    folder.mkdir(parents=True, exist_ok=True)
    items = []
    for step, image in enumerate(pixels):
        path = folder / f"{step}.tif"
        archive.write_cog(
            path,
            image,
            32632,
            Affine(_PIXEL, 0, _LEFT, 0, -_PIXEL, _TOP),
            128,
            nodata=None,
            compress=None,
            level=None,
            predictor=None,
        )
        items.append(item(path, step, asset))
    return archive.write_catalog(items, folder / "items.parquet")


def item(path: Path, step: int, asset: str) -> dict[str, Any]:
    west, south, east, north = _BOX
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": path.stem,
        "collection": "rasters",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": _BOX,
        "properties": {"datetime": f"2025-01-{step + 1:02d}T00:00:00Z"},
        "links": [],
        "assets": {asset: {"href": str(path), "type": "image/tiff; application=geotiff", "roles": ["data"]}},
    }
