"""A catalog of very many items, for the cost of finding those that a chunk touches."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj

from benchmarks import scene

CELLS = 512  # pixels along one side of an item's claimed extent
DATES = 100


def write(path: Path, count: int, href: str) -> tuple[float, float, float, float]:
    """Writes about count items: a square lattice of places, each seen on every date.

    Returns the box of the lattice and of one empty column west of it, in the scene's CRS.
    """
    side = math.isqrt(max(1, count // DATES))
    extent = CELLS * scene.PIXEL
    row, col, day = (a.ravel() for a in np.mgrid[:side, :side, :DATES])
    left, top = scene.LEFT + col * extent, scene.TOP - row * extent
    pq.write_table(_table(left, top, day, href), path)
    return scene.LEFT - extent, scene.TOP - side * extent, scene.LEFT + side * extent, scene.TOP


def _table(left: npt.NDArray[np.int64], top: npt.NDArray[np.int64], day: npt.NDArray[np.int64], href: str) -> pa.Table:
    count, extent = len(left), CELLS * scene.PIXEL
    lon, lat = _corners(left, top, extent)
    names = pa.array([f"item-{i}" for i in range(count)])
    instants = pa.array(np.datetime64(scene.FIRST_DAY.replace(tzinfo=None), "us") + day * np.timedelta64(1, "D"))
    box = [lon.min(1), lat.min(1), lon.max(1), lat.max(1)]
    columns = {
        "type": _same("Feature", count),
        "stac_version": _same("1.1.0", count),
        "id": names,
        "collection": _same("scenes", count),
        "geometry": pa.array(_polygons(lon, lat), pa.binary()),
        "bbox": pa.StructArray.from_arrays([pa.array(a) for a in box], ["xmin", "ymin", "xmax", "ymax"]),
        "datetime": instants.cast(pa.timestamp("us", "UTC")),
        "proj:code": _same(f"EPSG:{scene.EPSG}", count),
        "assets": pa.StructArray.from_arrays([_assets(left, top, href)], [scene.BANDS[0]]),
    }
    return pa.table(columns).replace_schema_metadata(
        {"geo": '{"version":"1.1.0","primary_column":"geometry","columns":{"geometry":'
                '{"encoding":"WKB","geometry_types":["Polygon"]}}}'}
    )  # fmt: skip


def _same(text: str, count: int) -> pa.Array:
    return pa.array([text]).take(pa.array(np.zeros(count, np.int64)))


def _corners(
    left: npt.NDArray[np.int64], top: npt.NDArray[np.int64], extent: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    x = np.stack([left, left, left + extent, left + extent, left], 1).astype(float)
    y = np.stack([top, top - extent, top - extent, top, top], 1).astype(float)
    return pyproj.Transformer.from_crs(scene.EPSG, 4326, always_xy=True).transform(x, y)


def _polygons(lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]) -> list[bytes]:
    head = np.dtype([("order", "u1"), ("kind", "<u4"), ("rings", "<u4"), ("points", "<u4"), ("xy", "<f8", (5, 2))])
    made = np.zeros(len(lon), head)
    made["order"], made["kind"], made["rings"], made["points"] = 1, 3, 1, 5
    made["xy"][..., 0], made["xy"][..., 1] = lon, lat
    raw = made.tobytes()
    return [raw[i : i + head.itemsize] for i in range(0, len(raw), head.itemsize)]


def _assets(left: npt.NDArray[np.int64], top: npt.NDArray[np.int64], href: str) -> pa.StructArray:
    count = len(left)
    one = np.ones(count)
    affine = np.stack([scene.PIXEL * one, 0 * one, left, 0 * one, -scene.PIXEL * one, top], 1)
    described = pa.array([[{"nodata": 0, "data_type": "uint16"}]]).take(pa.array(np.zeros(count, np.int64)))
    offsets = np.arange(0, 6 * count + 1, 6, dtype=np.int32)
    fields = {
        "href": _same(href, count),
        "type": _same("image/tiff; application=geotiff; profile=cloud-optimized", count),
        "roles": pa.array([["data"]]).take(pa.array(np.zeros(count, np.int64))),
        "proj:shape": pa.array([[CELLS, CELLS]]).take(pa.array(np.zeros(count, np.int64))),
        "proj:transform": pa.ListArray.from_arrays(offsets, affine.ravel()),
        "raster:bands": described,
    }
    return pa.StructArray.from_arrays(list(fields.values()), list(fields))
