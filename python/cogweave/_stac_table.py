"""Items of other libraries as a table: Arrow columns of what a query needs.

Assets, properties and links become JSON text, which the engine reads like any other form of stac-geoparquet. What most
items of a collection have in common is written once. Columns are made one after another, since
a loop that does one thing is quick in Python, of so many items at once as the processor's caches hold.
"""

from __future__ import annotations

import datetime
import functools
import itertools
import marshal
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from ._stac import MEMBERS, as_json, as_text, is_utc, of_asset, told, with_datetime
from .errors import InvalidArgument
from .tables import Items

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What planning needs of an asset; prefixes end in a colon.
_ASSET_FIELDS: Final = frozenset(
    {"type", "title", "roles", "bands", "data_type", "nodata", "eo:common_name", "eo:bands"}
)
_ASSET_PREFIXES: Final = ("proj:", "raster:", "storage:")
# What it needs of properties, beside times.
_PROPERTIES: Final = (
    "proj:code", "proj:epsg", "proj:wkt2", "proj:projjson", "proj:shape", "proj:transform",
    "storage:schemes", "storage:platform", "storage:region", "storage:requester_pays", "storage:tier",
)  # fmt: skip
_BLOCK: Final = 128  # items whose columns are made at once
_KNOWN: Final = 1000  # most texts that are remembered
_UNFIT: Final = (TypeError, ValueError, LookupError, AttributeError, struct.error, RecursionError)


_K = TypeVar("_K")
_V = TypeVar("_V")


def table(found: Sequence[Any], query: Mapping[str, Any]) -> Items:
    """Make a table of items, with what a query needs of them.

    Parameters
    ----------
    found : list of mapping or pystac.Item
        GeoJSON Features as STAC has them, or pystac's.
    query : mapping
        Members of the engine's request; ``narrow`` and ``bands`` say that only some assets matter.

    Raises
    ------
    InvalidArgument
        One is no STAC item: the error names it.
    """
    part = _Part(query)
    try:
        blocks = [_columns(found[start : start + _BLOCK], part) for start in range(0, len(found) or 1, _BLOCK)]
    except _UNFIT:
        _blame(found, part)
        raise
    return Items(_Stream(blocks, len(found)))


def _blame(found: Sequence[Any], part: _Part) -> None:
    """Find the first item that no row can be made of."""
    for position, feature in enumerate(found):
        try:
            _columns([feature], part)
        except _UNFIT as problem:
            name = feature.get("id") if isinstance(feature, Mapping) else getattr(feature, "id", None)
            raise InvalidArgument(
                f"source holds what is no STAC item, at position {position}: {problem}",
                item_id=name if name and isinstance(name, str) else None,
            ) from None


def _columns(found: Sequence[Any], part: _Part) -> dict[str, Sequence[Any]]:
    """Make the columns, by their names."""
    members = zip(*map(told, found), strict=True) if found else ((),) * len(MEMBERS)
    names, collections, moments, boxes, geometries, of_items, of_assets, extensions, links, versions = members
    if not all(name and isinstance(name, str) for name in names):
        raise TypeError("it has no id")
    properties, assets = [one or {} for one in of_items], [one or {} for one in of_assets]
    if not all(type(one) is dict or isinstance(one, Mapping) for one in itertools.chain(properties, assets)):
        raise TypeError("its properties or assets are no object")
    times = ([None if (time := one.get(name)) is None else as_text(time) for one in properties] for name in _SPAN)
    return {
        "id": names,
        "collection": collections,
        "datetime": _instants(moments, properties),
        **dict(zip(_SPAN, times, strict=True)),
        **dict(zip(_SIDES, _sides(boxes), strict=True)),
        "geometry": _outlines(geometries),
        "properties": list(map(part.properties, properties, moments)),
        "assets": list(map(part.assets, assets)),
        "links": [_own(listed) if listed else "[]" for listed in links],
        "stac_extensions": ["[]" if part.narrow or not listed else as_json(listed) for listed in extensions],
        "stac_version": [str(version or "1.0.0") for version in versions],
    }


_SPAN: Final = ("start_datetime", "end_datetime")
_SIDES: Final = ("xmin", "ymin", "xmax", "ymax")


class _Part:
    """What a query needs of items."""

    def __init__(self, query: Mapping[str, Any]) -> None:
        self.narrow = bool(query.get("narrow"))
        self.bands: list[str] = query.get("bands") or []
        # A filter may be about any property.
        self.every = not self.narrow or bool(query.get("filter") or query.get("sortby"))
        grouped_by = query.get("group_by")
        self.names = (*_PROPERTIES, *(query.get("properties") or ()), *((grouped_by,) if grouped_by else ()))
        self.known: dict[tuple[Any, ...], str] = {}  # texts of properties, most of which are alike
        self.chosen: dict[tuple[Any, ...], list[tuple[str, Any]]] = {}  # keys of assets and their texts, by all keys
        self.planned: dict[tuple[Any, ...], tuple[Any, ...]] = {}  # fields that planning needs, by all fields
        self.described: dict[bytes, str] = {}  # texts of assets but for their hrefs, by what they were written of

    def properties(self, properties: Mapping[str, Any], moment: object) -> str:
        """Write the properties that a query or a plan may look at, as JSON."""
        if self.every:
            return as_json(with_datetime(properties, moment))
        if "datetime" in self.names:
            properties = with_datetime(properties, moment)
        held = [name for name in self.names if name in properties]
        values = [properties[name] for name in held]
        mark = (*held, *values, *map(type, values))  # True is not 1 here
        try:
            text = self.known.get(mark)
        except TypeError:  # a list
            return as_json(dict(zip(held, values, strict=True)))
        if text is None:
            text = _remember(self.known, mark, as_json(dict(zip(held, values, strict=True))))
        return text

    def assets(self, assets: Mapping[str, Any]) -> str:
        """Write the assets that may answer to the bands, with what planning needs of them, as JSON."""
        if not self.narrow:
            return as_json({key: of_asset(asset) for key, asset in assets.items()})
        every = tuple(assets)
        chosen = self.chosen.get(every)
        if chosen is None:
            chosen = _remember(self.chosen, every, [(f"{as_json(str(key))}:", key) for key in self._chosen(every)])
        return "{" + ",".join([f"{text}{self._asset(assets[key])}" for text, key in chosen]) + "}"

    def _chosen(self, keys: tuple[Any, ...]) -> list[Any]:
        named = [_named(band, keys) for band in self.bands]
        if not named or not all(named):
            return list(keys)
        return [key for key in keys if any(key in some for some in named)]

    def _asset(self, asset: Any) -> str:
        """Write what planning needs of an asset, as JSON. Those of a collection differ in little but their hrefs."""
        if hasattr(asset, "extra_fields"):  # pystac.Asset
            href, fields = asset.href, asset.extra_fields
            beside: tuple[Any, ...] = (asset.media_type, asset.title, asset.roles)
        elif isinstance(asset, Mapping):
            href, fields, beside = asset.get("href"), asset, ()
        else:
            return as_json(asset)
        names = tuple(fields)
        planned = self.planned.get(names)
        if planned is None:
            planned = _remember(self.planned, names, tuple(filter(_is_planned, names)))
        values = [fields[name] for name in planned]
        try:  # version 2 writes equal values alike
            mark = marshal.dumps((planned, values, beside), 2)
        except ValueError:  # a type that JSON may know all the same
            text = _described(planned, values, beside)
        else:
            text = self.described.get(mark) or _remember(self.described, mark, _described(planned, values, beside))
        if href is None:
            return "{" + text
        return f'{{"href":{as_json(href)}{"}" if text == "}" else "," + text}'


def _described(planned: Iterable[Any], values: Iterable[Any], beside: tuple[Any, ...]) -> str:
    """Write an asset without its href, and without the brace that begins it. beside: what pystac keeps apart."""
    own = {name: value for name, value in zip(("type", "title", "roles"), beside, strict=False) if value is not None}
    return as_json({**dict(zip(planned, values, strict=True)), **own})[1:]


def _remember(known: dict[_K, _V], mark: _K, value: _V) -> _V:
    """Remember a value, and at most `_KNOWN` of them."""
    if len(known) >= _KNOWN:
        known.clear()
    known[mark] = value
    return value


def _named(band: str, keys: Sequence[Any]) -> list[str]:
    """Give the keys that a band names: its own, or of ``"asset.N"`` what stands before a dot."""
    if band in keys:
        return [band]
    parts = band.split(".")
    return [key for n in range(1, len(parts)) if (key := ".".join(parts[:n])) in keys]


def _is_planned(name: object) -> bool:
    return name in _ASSET_FIELDS or str(name).startswith(_ASSET_PREFIXES)


def _instants(moments: Sequence[Any], properties: Sequence[Mapping[str, Any]]) -> Any:
    """Give the datetimes: microseconds since 1970 where each stands beside its properties, in UTC; else text."""
    if moments and all(type(one) is datetime.datetime and is_utc(one.tzinfo) for one in moments):
        return _microseconds(moments)
    return [
        as_text(told.get("datetime") if one is None else one) for one, told in zip(moments, properties, strict=True)
    ]


def _microseconds(moments: Sequence[datetime.datetime]) -> NDArray[np.int64]:
    """Count from 1970 to datetimes in UTC.

    What pickle keeps of a datetime, ten bytes since Python 2.3, is the quickest way to its year, month, day, hour,
    minute, second and microsecond. Its text takes ten times as long.
    """
    kept = b"".join([one.__reduce_ex__(2)[1][0] for one in moments])  # type: ignore[misc]
    parts = np.frombuffer(kept, np.uint8).reshape(-1, 10).T.astype(np.int64)
    months = (parts[0] * 256 + parts[1] - 1970) * 12 + parts[2] - 1
    days = months.astype("M8[M]").astype("M8[D]").astype(np.int64) + parts[3] - 1
    seconds = ((days * 24 + parts[4]) * 60 + parts[5]) * 60 + parts[6]
    micros: NDArray[np.int64] = seconds * 1_000_000 + (parts[7] * 256 + parts[8]) * 256 + parts[9]
    return micros


def _own(links: Iterable[Any]) -> str:
    """Write an item's links to itself, which relative hrefs are relative to, as JSON."""
    return as_json([link for link in links if isinstance(link, Mapping) and link.get("rel") == "self"])


def _sides(boxes: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Give west, south, east and north of bboxes, of which some may be missing."""
    if {None if box is None else len(box) for box in boxes} == {4}:
        flat = np.fromiter(itertools.chain.from_iterable(boxes), np.float64, 4 * len(boxes))
        return np.ascontiguousarray(flat.reshape(-1, 4).T)
    return zip(*map(_box, boxes), strict=True) if boxes else ((),) * 4


def _box(bbox: object) -> tuple[float | None, float | None, float | None, float | None]:
    if bbox is None:
        return None, None, None, None
    sides = [float(side) for side in bbox]  # type: ignore[attr-defined]
    if len(sides) not in (4, 6):
        raise ValueError(f"its bbox has {len(sides)} numbers, not 4 or 6")
    half = len(sides) // 2
    return sides[0], sides[1], sides[half], sides[half + 1]


def _outlines(geometries: Sequence[Any]) -> list[bytes | None]:
    """Write geometries as well-known binary. Polygons of one ring, as most are, are written at once."""
    rings = [
        one["coordinates"][0] if one is not None and one["type"] == "Polygon" and len(one["coordinates"]) == 1 else None
        for one in geometries
    ]
    positions = [position for ring in rings if ring is not None for position in ring]
    if set(map(len, positions)) != {2}:
        return list(map(_wkb, geometries))
    flat = np.fromiter(itertools.chain.from_iterable(positions), "<f8", 2 * len(positions)).tobytes()
    written: list[bytes | None] = []
    start = 0
    for ring, geometry in zip(rings, geometries, strict=True):
        if ring is None:
            written.append(_wkb(geometry))
            continue
        end = start + 16 * len(ring)
        written.append(_one_ring(len(ring)) + flat[start:end])
        start = end
    return written


@functools.lru_cache(maxsize=256)
def _one_ring(count: int) -> bytes:
    """Give what stands before the points of a polygon of one ring."""
    return struct.pack("<BIII", 1, _KINDS["Polygon"], 1, count)


_KINDS: Final = {
    "Point": 1, "LineString": 2, "Polygon": 3, "MultiPoint": 4, "MultiLineString": 5, "MultiPolygon": 6,
    "GeometryCollection": 7,
}  # fmt: skip
_PARTS: Final = {"MultiPoint": "Point", "MultiLineString": "LineString", "MultiPolygon": "Polygon"}


def _wkb(geometry: Mapping[str, Any] | None) -> bytes | None:
    """Write a GeoJSON geometry as well-known binary, without heights.

    Raises
    ------
    ValueError, TypeError, KeyError
        It is no geometry.
    """
    if geometry is None:
        return None
    kind = geometry["type"]
    if kind not in _KINDS:
        raise ValueError(f"{kind!r} is no type of geometry")
    head = struct.pack("<BI", 1, _KINDS[kind])
    if kind == "GeometryCollection":
        parts = [_wkb(part) or b"" for part in geometry["geometries"]]
        return head + struct.pack("<I", len(parts)) + b"".join(parts)
    coordinates = geometry["coordinates"]
    if kind in _PARTS:
        parts = [_wkb({"type": _PARTS[kind], "coordinates": part}) or b"" for part in coordinates]
        return head + struct.pack("<I", len(parts)) + b"".join(parts)
    if kind == "Point":
        return head + struct.pack("<dd", coordinates[0], coordinates[1])
    if kind == "LineString":
        return head + _line(coordinates)
    return head + struct.pack("<I", len(coordinates)) + b"".join(map(_line, coordinates))


def _line(positions: Sequence[Sequence[float]]) -> bytes:
    if set(map(len, positions)) == {2}:
        flat: Iterable[float] = itertools.chain.from_iterable(positions)
    else:
        flat = listed = [number for position in positions for number in position[:2]]
        if len(listed) != 2 * len(positions):
            raise ValueError("a position has fewer than two numbers")
    return _points(len(positions)).pack(len(positions), *flat)


@functools.lru_cache(maxsize=256)
def _points(count: int) -> struct.Struct:
    return struct.Struct(f"<I{2 * count}d")


class _Stream:
    """Blocks of columns as an Arrow stream."""

    def __init__(self, blocks: list[dict[str, Sequence[Any]]], count: int) -> None:
        self.blocks, self.count = blocks, count

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import nanoarrow as na

        arrays = {name: self._array(name) for name in self.blocks[0]}
        arrays["bbox"] = _struct({name: arrays.pop(name) for name in _SIDES}, self.count)
        stream: object = na.c_array_stream(_struct(arrays, self.count)).__arrow_c_stream__()
        return stream

    def _array(self, name: str) -> Any:
        import nanoarrow as na

        parts: list[Any] = [block[name] for block in self.blocks]
        if all(isinstance(part, np.ndarray) for part in parts):
            kind = na.timestamp("us", "UTC") if name == "datetime" else na.float64()
            return na.c_array_from_buffers(kind, self.count, [None, np.concatenate(parts)])
        if name == "datetime":
            parts = [_texts(part) if isinstance(part, np.ndarray) else part for part in parts]
        kind = na.large_binary() if name == "geometry" else na.float64() if name in _SIDES else na.large_string()
        return na.c_array(list(itertools.chain.from_iterable(parts)), kind)


def _texts(micros: NDArray[np.int64]) -> list[str]:
    """Write instants as text."""
    texts: list[str] = np.datetime_as_string(micros.astype("M8[us]"), timezone="UTC").tolist()
    return texts


def _struct(fields: dict[str, Any], count: int) -> Any:
    import nanoarrow as na

    schema = na.struct({name: na.Schema(array.schema) for name, array in fields.items()})
    return na.c_array_from_buffers(schema, count, [None], children=list(fields.values()))
