"""Items made for one file, so that any GeoTIFF can be read as a catalog of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import rasterio
from rasterio.warp import transform

from tests.archive import catalog_table


def native_grid(path: Path) -> cw.Grid:
    """The file's own grid, at full resolution."""
    with rasterio.open(path) as src:
        return cw.Grid(src.crs.to_wkt(), tuple(src.transform)[:6], src.shape)


def colour_bands(path: Path) -> list[int]:
    """Numbers, from 1, of the bands that are no alpha."""
    with rasterio.open(path) as src:
        return [n for n, kind in enumerate(src.colorinterp, 1) if kind.name != "alpha"]


def of_file(path: Path, href: str | None = None) -> pa.Table:
    """A catalog of one item with one asset, "data"; it says nothing of the raster but its footprint."""
    box = _lonlat(path)
    x0, y0, x1, y1 = box
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": path.stem,
        "collection": "files",
        "geometry": {"type": "Polygon", "coordinates": [[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]]},
        "bbox": box,
        "properties": {"datetime": "2025-01-01T00:00:00Z"},
        "links": [],
        "assets": {"data": {"href": href or str(path), "type": "image/tiff; application=geotiff", "roles": ["data"]}},
    }
    return catalog_table([item])


def _lonlat(path: Path) -> list[float]:
    """A bbox in degrees that holds the raster; the whole Earth where its CRS bends too much to say."""
    with rasterio.open(path) as src:
        left, bottom, right, top = src.bounds
        try:
            lon, lat = transform(src.crs, "EPSG:4326", [left, right, right, left], [bottom, bottom, top, top])
        except rasterio._err.CPLE_BaseError:
            lon, lat = [-180.0, 180.0], [-90.0, 90.0]
    # Edges bend between the corners: the footprint of a test's item may be too large, never too small.
    west, east, south, north = min(lon), max(lon), min(lat), max(lat)
    margin = 0.05 + 0.1 * max(east - west, north - south)
    box = [west - margin, south - margin, east + margin, north + margin]
    if not np.isfinite(box).all():
        return [-180.0, -90.0, 180.0, 90.0]
    return [float(v) for v in np.clip(box, [-180, -90, -180, -90], [180, 90, 180, 90])]


def open_file(path: Path, href: str | None = None, **arguments: Any) -> Any:
    """The bands of a file, alpha left out, as a lazy (band, y, x) array.

    It is on the file's own grid unless `grid` says another.
    """
    arguments.setdefault("grid", native_grid(path))
    arguments.setdefault("bands", [f"data.{number}" for number in colour_bands(path)])
    return cw.open(of_file(path, href), **arguments).isel(time=0)
