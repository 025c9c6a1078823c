"""Makes an archive of Cloud-Optimized GeoTIFFs that resembles Sentinel-2 L2A, and its STAC catalog.

Four tiles, two in each of two UTM zones that overlap around 12 degrees east, seen on several dates
by passes whose swath ends inside the archive: B02, B03, B04 (uint16, 10 m) and SCL (uint8, 20 m),
deflate with predictor 2, overviews, nodata 0. Pixels are `10000 * reflectance + 1000`, as in
Sentinel-2's processing baseline 04.00.

    python -m tests.archive FOLDER       makes the demo's archive
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import rasterio
from affine import Affine

from tests import landscape

SEASON_START = datetime(2025, 5, 1, 10, 8, 31, tzinfo=UTC)
COLLECTION = "sentinel-2-l2a"
COLOURS = {"B02": "blue", "B03": "green", "B04": "red"}
SCALE, OFFSET = 0.0001, -0.1


@dataclass(frozen=True)
class Pass:
    """One overflight: `day` days after the first of May, covered by clouds to about `clouds`.

    The swath lies `side` ("west", "east") of a line that crosses the archive `edge` tile widths east
    of its middle; "all" covers everything.
    """

    day: int
    clouds: float
    side: str = "all"
    edge: float = 0.0


@dataclass(frozen=True)
class Spec:
    """What to make. size: pixels of 10 m along one side of a tile; block: tile size of the COGs."""

    size: int
    block: int
    passes: tuple[Pass, ...]


DEMO = Spec(
    size=2048,
    block=512,
    passes=(
        Pass(3, 0.10, "west", 0.55),
        Pass(18, 0.45, "east", -0.50),
        Pass(33, 0.05, "west", 0.62),
        Pass(38, 0.02, "east", -0.60),
        Pass(63, 0.30, "all"),
        Pass(68, 0.15, "west", 0.48),
    ),
)

# Small, for tests; the third pass sees one zone only.
SMALL = Spec(
    size=512,
    block=128,
    passes=(
        Pass(3, 0.35, "west", 0.38),
        Pass(18, 0.55, "east", -0.50),
        Pass(33, 0.60, "west", -0.15),
        Pass(38, 0.12, "all"),
    ),
)


@dataclass(frozen=True)
class Tile:
    """One square of the archive, named like an MGRS tile; (x, y) is its upper left corner."""

    name: str
    epsg: int
    x: float
    y: float
    size: int

    def transform(self, pixel: float = 10.0) -> Affine:
        return Affine(pixel, 0.0, self.x, 0.0, -pixel, self.y)

    def positions(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Longitude and latitude of every pixel's centre, exact at every 16th, linear between."""
        at = np.append(np.arange(0, self.size, 16), self.size) + 0.5
        x, y = np.meshgrid(self.x + 10 * at, self.y - 10 * at)
        lon, lat = _to_lonlat(self.epsg).transform(x, y)
        return tuple(_between(a, at, self.size) for a in (lon, lat))  # type: ignore[return-value]

    def ring(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The outline in longitude and latitude, counter-clockwise, 16 points a side, not closed."""
        t = np.linspace(0, 1, 16, endpoint=False)
        zero, one = np.zeros_like(t), np.ones_like(t)
        right, down = np.concatenate([zero, t, one, 1 - t]), np.concatenate([t, one, 1 - t, zero])
        extent = 10.0 * self.size
        lon, lat = _to_lonlat(self.epsg).transform(self.x + right * extent, self.y - down * extent)
        return lon, lat


def _to_lonlat(epsg: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)


def _between(exact: npt.NDArray[np.float64], at: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    pixel = np.arange(size) + 0.5
    left = np.clip(np.searchsorted(at, pixel, side="right") - 1, 0, at.size - 2)
    f = (pixel - at[left]) / (at[left + 1] - at[left])
    wide = exact[:, left] * (1 - f) + exact[:, left + 1] * f
    result: npt.NDArray[np.float64] = wide[left] * (1 - f)[:, None] + wide[left + 1] * f[:, None]
    return result


def tiles(size: int) -> list[Tile]:
    """Two columns, one in each zone, overlapping by a fifth of a tile; two rows, by a tenth."""
    made = []
    for epsg, column, names in ((32632, -0.4, ("32TQR", "32TQQ")), (32633, 0.4, ("33TUL", "33TUK"))):
        to_utm = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
        x, y = to_utm.transform(landscape.LON0, landscape.LAT0)
        for row, name in zip((0.45, -0.45), names, strict=True):
            left = x + (column - 0.5) * size * 10
            top = y + (row + 0.5) * size * 10
            made.append(Tile(name, epsg, round(left / 20) * 20.0, round(top / 20) * 20.0, size))
    return made


@dataclass(frozen=True)
class Swath:
    """The half plane sign * (u - lean * v - edge) < 0, in kilometres."""

    sign: float
    edge: float
    lean: float = 0.22  # descending orbits: the edge moves east as it goes north

    def outside(self, u: Any, v: Any) -> Any:
        return self.sign * (u - self.lean * v - self.edge)


def swath_of(overflight: Pass, size: int) -> Swath:
    if overflight.side == "all":
        return Swath(1.0, 1e6)
    return Swath(1.0 if overflight.side == "west" else -1.0, overflight.edge * size / 100)


def footprint(tile: Tile, swath: Swath) -> list[list[float]]:
    """The part of the tile inside the swath as a closed ring of [longitude, latitude], or nothing."""
    lon, lat = tile.ring()
    points = np.stack([lon, lat], 1)
    outside = swath.outside(*landscape.to_plane(lon, lat)).astype(float)
    ring: list[list[float]] = []
    for k in range(len(points)):
        following = (k + 1) % len(points)
        if outside[k] <= 0:
            ring.append(points[k].tolist())
        if (outside[k] <= 0) != (outside[following] <= 0):
            f = outside[k] / (outside[k] - outside[following])
            ring.append((points[k] + f * (points[following] - points[k])).tolist())
    return [*ring, ring[0]] if ring else []


def make(folder: Path, spec: Spec, say: Callable[[str], None] = lambda _: None) -> list[dict[str, Any]]:
    """Writes the COGs below folder and gives their STAC items, with hrefs relative to folder.

    An archive that is there already and was made from the same spec is left as it is.
    """
    done = folder / "items.json"
    wanted = json.loads(json.dumps(asdict(spec)))
    if done.exists():
        present = json.loads(done.read_text())
        if present["spec"] == wanted:
            items: list[dict[str, Any]] = present["items"]
            return items
        done.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda tile: _make_tile(folder, tile, spec, say), tiles(spec.size)))
    items = sorted((i for several in made for i in several), key=lambda i: i["properties"]["datetime"])
    done.write_text(json.dumps({"spec": wanted, "items": items}))
    return items


def _make_tile(folder: Path, tile: Tile, spec: Spec, say: Callable[[str], None]) -> list[dict[str, Any]]:
    u, v = landscape.to_plane(*tile.positions())
    window = landscape.Window(u, v)
    ground = landscape.ground(window)
    items = []
    for overflight in spec.passes:
        swath = swath_of(overflight, spec.size)
        ring = footprint(tile, swath)
        valid = swath.outside(u, v) < 0
        if not ring or not valid.any():
            continue
        seen = landscape.scene(window, ground, overflight.day, overflight.clouds)
        item = _item(tile, overflight, ring)
        item["properties"]["eo:cloud_cover"] = round(100 * float((seen.classes[valid] >= 8).mean()), 2)
        path = folder / tile.name / item["id"]
        path.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(zlib.crc32(item["id"].encode()))
        for band, reflectance in (("B02", seen.blue), ("B03", seen.green), ("B04", seen.red)):
            grain = noise.integers(-3, 4, reflectance.shape, dtype=np.int8)
            pixels = np.clip(np.rint(reflectance * 10000 + 1000) + grain, 1, 65535).astype(np.uint16)
            pixels[~valid] = 0
            write_cog(path / f"{band}.tif", pixels, tile.epsg, tile.transform(), spec.block)
        classes = np.where(valid, seen.classes, landscape.NODATA)[1::2, 1::2]
        write_cog(path / "SCL.tif", classes, tile.epsg, tile.transform(20.0), spec.block, "nearest")
        say(item["id"])
        items.append(item)
    return items


def write_cog(
    path: Path,
    pixels: npt.NDArray[Any],
    epsg: int,
    transform: Affine,
    block: int,
    overviews: str = "average",
    **options: Any,
) -> None:
    """Writes one band (or (band, y, x)) as a COG; options are GDAL's, and go before the defaults."""
    stack = pixels if pixels.ndim == 3 else pixels[None]
    settings: dict[str, Any] = {
        "nodata": 0,
        "compress": "deflate",
        "level": 3,  # half the time of GDAL's 6, and no larger on this ground
        "predictor": 2,
        "blocksize": block,
        "overview_resampling": overviews,
        **options,
    }
    with rasterio.open(
        path,
        "w",
        driver="COG",
        count=stack.shape[0],
        height=stack.shape[1],
        width=stack.shape[2],
        dtype=stack.dtype,
        crs=f"EPSG:{epsg}",
        transform=transform,
        **{k: v for k, v in settings.items() if v is not None},
    ) as out:
        out.write(stack)


def _item(tile: Tile, overflight: Pass, ring: list[list[float]]) -> dict[str, Any]:
    """A STAC 1.1 item; the tiles of one pass lie a few seconds apart."""
    seconds = {"32TQR": 0, "33TUL": 2, "32TQQ": 4, "33TUK": 6}[tile.name]
    instant = SEASON_START + timedelta(days=overflight.day, seconds=seconds)
    name = f"S2B_{tile.name}_{instant:%Y%m%d}_0_L2A"
    folder = f"{tile.name}/{name}"
    lon, lat = [p[0] for p in ring], [p[1] for p in ring]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
            "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
        ],
        "id": name,
        "collection": COLLECTION,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(lon), min(lat), max(lon), max(lat)],
        "properties": {
            "datetime": instant.isoformat().replace("+00:00", "Z"),
            "platform": "sentinel-2b",
            "constellation": "sentinel-2",
            "grid:code": f"MGRS-{tile.name}",
            "proj:code": f"EPSG:{tile.epsg}",
        },
        "links": [],
        "assets": {
            **{band: _asset(tile, folder, band) for band in (*COLOURS, "SCL")},
            "thumbnail": {"href": f"{folder}/thumbnail.jpg", "type": "image/jpeg", "roles": ["thumbnail"]},
        },
    }


def _asset(tile: Tile, folder: str, band: str) -> dict[str, Any]:
    step = 2 if band == "SCL" else 1
    asset: dict[str, Any] = {
        "href": f"{folder}/{band}.tif",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "title": f"{COLOURS.get(band, 'Scene classification')} - {10 * step}m",
        "roles": ["data"],
        "proj:shape": [tile.size // step, tile.size // step],
        "proj:transform": list(tile.transform(10.0 * step))[:6],
    }
    described: dict[str, Any] = {"nodata": 0, "spatial_resolution": 10 * step}
    if band in COLOURS:
        asset["eo:bands"] = [{"name": band, "common_name": COLOURS[band]}]
        asset["raster:bands"] = [{**described, "data_type": "uint16", "scale": SCALE, "offset": OFFSET}]
    else:
        asset["raster:bands"] = [{**described, "data_type": "uint8"}]
    return asset


def write_catalog(items: Iterable[dict[str, Any]], path: Path, href: Callable[[str], str] = str) -> Path:
    """Writes items as stac-geoparquet, one row each; href turns an item's relative href into a final one."""
    pq.write_table(catalog_table(items, href), path)
    return path


def catalog_table(items: Iterable[dict[str, Any]], href: Callable[[str], str] = str) -> pa.Table:
    """Items as stac-geoparquet lays them out: properties flat, WKB geometry, bbox and assets as structs."""
    rows = []
    for item in items:
        row = {k: v for k, v in item.items() if k not in ("properties", "geometry", "bbox", "assets")}
        row.update(item["properties"])
        row["datetime"] = datetime.fromisoformat(item["properties"]["datetime"])
        row["geometry"] = wkb(item["geometry"]["coordinates"])
        row["bbox"] = dict(zip(("xmin", "ymin", "xmax", "ymax"), item["bbox"], strict=True))
        row["assets"] = {key: {**asset, "href": href(asset["href"])} for key, asset in item["assets"].items()}
        rows.append(row)
    table = pa.Table.from_pylist(rows)
    links = pa.list_(pa.struct([("href", pa.string()), ("rel", pa.string()), ("type", pa.string())]))
    table = table.set_column(table.schema.get_field_index("links"), "links", table["links"].cast(links))
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": ["Polygon"],
                "covering": {"bbox": {k: ["bbox", k] for k in ("xmin", "ymin", "xmax", "ymax")}},
            }
        },
    }
    return table.replace_schema_metadata({"geo": json.dumps(geo), "stac_geoparquet:version": "1.0.0"})


def wkb(rings: list[list[list[float]]]) -> bytes:
    """A polygon as little-endian well-known binary."""
    parts = [struct.pack("<BII", 1, 3, len(rings))]
    for ring in rings:
        parts.append(struct.pack("<I", len(ring)))
        parts.append(np.asarray(ring, dtype="<f8").tobytes())
    return b"".join(parts)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    write_catalog(make(target, DEMO, print), target / "items.parquet")
