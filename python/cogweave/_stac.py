"""STAC objects of other libraries as a table of items.

Dicts, FeatureCollections and pystac objects become Arrow columns as they stand: assets, properties and
links as JSON text, which the engine reads like any other form of stac-geoparquet. pystac's own
``to_dict`` is not called: it copies everything, and follows links over the network.
"""

from __future__ import annotations

import datetime
import functools
import itertools
import json
import marshal
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from .errors import InvalidArgument
from .tables import Items

Feature = Mapping[str, Any]

_TIMES: Final = ("datetime", "start_datetime", "end_datetime")
# What planning needs of an asset; prefixes end in a colon.
_ASSET_FIELDS: Final = frozenset(
    {"href", "type", "title", "roles", "bands", "data_type", "nodata", "eo:common_name", "eo:bands"}
)
# What it needs of properties, beside times.
_PROPERTIES: Final = (
    "proj:code", "proj:epsg", "proj:wkt2", "proj:projjson", "proj:shape", "proj:transform",
    "storage:schemes", "storage:platform", "storage:region", "storage:requester_pays", "storage:tier",
)  # fmt: skip
_ASSET_PREFIXES: Final = ("proj:", "raster:", "storage:")
_KNOWN: Final = 1000  # most texts that are remembered
_UTC: Final = datetime.UTC


def is_stac(source: object) -> bool:
    """Tell whether an object is STAC items of another library, without making any request."""
    if isinstance(source, Mapping):
        return source.get("type") == "FeatureCollection" or "stac_version" in source
    module = type(source).__module__.partition(".")[0]
    return module in ("pystac", "pystac_client") and any(
        hasattr(source, name) for name in ("to_dict", "items_as_dicts")
    )


def features(source: object) -> list[Any] | None:
    """Give STAC items one by one, as they are: mappings or pystac Items; None where the source is none.

    Parameters
    ----------
    source
        pystac Item, ItemCollection or Catalog, pystac_client ItemSearch, a GeoJSON Feature or
        FeatureCollection, or an iterable of those.
    """
    found: Any = source
    if hasattr(found, "items_as_dicts"):  # pystac_client.ItemSearch
        return list(found.items_as_dicts())
    if isinstance(found, Mapping):
        if found.get("type") == "FeatureCollection":
            return list(found.get("features") or ())
        return [found] if found.get("type") == "Feature" else None
    if all(hasattr(found, name) for name in ("assets", "properties", "geometry", "bbox", "id")):  # pystac.Item
        return [found]
    if hasattr(found, "get_items") and hasattr(found, "get_children"):  # pystac.Catalog
        return list(found.get_items(recursive=True))
    if hasattr(found, "__geo_interface__") and not isinstance(found, Iterable):
        return features(found.__geo_interface__)
    if isinstance(found, Iterable) and not isinstance(found, (str, bytes)):
        listed = list(found)
        if listed and all(_is_item(type(part)) for part in listed):  # type: ignore[arg-type]
            return listed
        parts = [features(part) for part in listed]
        if (parts or _is_collection(found)) and all(part is not None for part in parts):
            return [item for part in parts if part is not None for item in part]
    return None


@functools.lru_cache(maxsize=64)
def _is_item(kind: type) -> bool:
    """Tell pystac's Item by its class, which is quicker than by each object."""
    return any(base.__module__ == "pystac.item" and base.__name__ == "Item" for base in kind.__mro__)


def _is_collection(found: object) -> bool:
    return type(found).__module__.partition(".")[0] == "pystac"


def _of_item(item: Any) -> Feature:
    """Give a pystac Item as a Feature, its assets as they are: nothing is copied, and no link is followed."""
    properties = item.properties
    if item.datetime is not None:
        properties = {**properties, "datetime": _text(item.datetime)}
    own = item.get_self_href() if item.links else None
    return {
        "stac_version": "1.1.0",
        "stac_extensions": item.stac_extensions,
        "id": item.id,
        "collection": item.collection_id,
        "geometry": item.geometry,
        "bbox": item.bbox,
        "properties": properties,
        "assets": item.assets,
        "links": [{"rel": "self", "href": own}] if own else [],
    }


def dicts(source: object) -> list[dict[str, Any]] | None:
    """Give STAC items as plain dicts, pystac's among them; None where the source is none."""
    found = features(source)
    return None if found is None else [_as_dict(feature) for feature in found]


def _as_dict(feature: Any) -> dict[str, Any]:
    if not hasattr(feature, "get_self_href"):
        return dict(feature)
    item = _of_item(feature)
    return {**item, "type": "Feature", "assets": {key: _of_asset(asset) for key, asset in item["assets"].items()}}


def _of_asset(asset: Any) -> Mapping[str, Any]:
    """Give a pystac Asset, or one that is a mapping already, as a mapping."""
    if not hasattr(asset, "extra_fields"):
        return asset  # type: ignore[no-any-return]
    told = {"href": asset.href, "type": asset.media_type, "title": asset.title, "roles": asset.roles}
    return {**asset.extra_fields, **{name: value for name, value in told.items() if value is not None}}


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
    return Items(_Columns([_row(feature, position, part) for position, feature in enumerate(found)]))


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
        self.described: dict[bytes, str] = {}  # texts of assets but for their hrefs, by what they were written of

    def assets(self, assets: Mapping[str, Any]) -> str:
        """Write the assets that may answer to the bands, with what planning needs of them, as JSON."""
        if not self.narrow:
            return as_json({key: _of_asset(asset) for key, asset in assets.items()})
        named = [_named(band, assets) for band in self.bands]
        keys = {key for keys in named for key in keys} if named and all(named) else assets.keys()
        return "{" + ",".join(f"{as_json(str(key))}:{self.asset(assets[key])}" for key in assets if key in keys) + "}"

    def asset(self, asset: Any) -> str:
        """Write what planning needs of an asset, as JSON. Those of a collection differ in little but their hrefs."""
        if not hasattr(asset, "extra_fields"):
            return as_json(_slim(asset))
        href = asset.href
        try:  # version 2 writes equal values alike
            mark = marshal.dumps((asset.extra_fields, asset.media_type, asset.title, asset.roles), 2)
        except ValueError:  # a type that JSON may know all the same
            return as_json(_slim(_of_asset(asset)))
        text = self.described.get(mark)
        if text is None:
            if len(self.described) >= _KNOWN:
                self.described.clear()
            told = {name: value for name, value in _slim(_of_asset(asset)).items() if name != "href"}
            text = self.described[mark] = as_json(told)[1:]
        if href is None:
            return "{" + text
        return f'{{"href":{as_json(href)}{"}" if text == "}" else "," + text}'

    def properties(self, properties: Mapping[str, Any]) -> str:
        """Write the properties that a query or a plan may look at, as JSON."""
        if self.every:
            return as_json(properties)
        told = {name: properties[name] for name in self.names if name in properties}
        mark = (*told.items(), *map(type, told.values()))  # True is not 1 here
        try:
            text = self.known.get(mark)
        except TypeError:  # a list
            return as_json(told)
        if text is None:
            if len(self.known) >= _KNOWN:
                self.known.clear()
            text = self.known[mark] = as_json(told)
        return text


def _named(band: str, assets: Mapping[str, Any]) -> list[str]:
    """Give the keys that a band names: its own, or of ``"asset.N"`` what stands before a dot."""
    if band in assets:
        return [band]
    parts = band.split(".")
    return [key for n in range(1, len(parts)) if (key := ".".join(parts[:n])) in assets]


def _slim(asset: Any) -> Any:
    if not isinstance(asset, Mapping):
        return asset
    return {name: value for name, value in asset.items() if _is_planned(name)}


@functools.lru_cache(maxsize=1024)
def _is_planned(name: str) -> bool:
    return name in _ASSET_FIELDS or str(name).startswith(_ASSET_PREFIXES)


def _row(feature: Any, position: int, part: _Part) -> tuple[Any, ...]:
    """Give the values of one item, in the order of `_Columns.names`."""
    name = None
    try:
        if hasattr(feature, "get_self_href"):
            feature = _of_item(feature)
        name = feature.get("id")
        if not isinstance(name, str) or not name:
            raise TypeError("it has no id")
        properties = feature.get("properties") or {}
        assets = feature.get("assets") or {}
        if not isinstance(properties, Mapping) or not isinstance(assets, Mapping):
            raise TypeError("its properties or assets are no object")
        times = (_text(properties.get(time)) for time in _TIMES)
        links = [link for link in feature.get("links") or () if isinstance(link, Mapping) and link.get("rel") == "self"]
        return (
            name,
            feature.get("collection"),
            *times,
            *_box(feature.get("bbox")),
            wkb(feature.get("geometry")),
            part.properties(properties),
            part.assets(assets),
            as_json(links) if links else "[]",
            "[]" if part.narrow else as_json(feature.get("stac_extensions") or []),
            str(feature.get("stac_version") or "1.0.0"),
        )
    except (TypeError, ValueError, LookupError, AttributeError, struct.error, RecursionError) as problem:
        raise InvalidArgument(
            f"source holds what is no STAC item, at position {position}: {problem}",
            item_id=name if isinstance(name, str) else None,
        ) from None


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "isoformat"):
        if type(getattr(value, "tzinfo", None)).__name__ == "tzutc":  # dateutil's is slow to say what it is
            value = value.replace(tzinfo=_UTC)  # type: ignore[attr-defined]
        text: str = value.isoformat()
        return text
    raise TypeError(f"{value!r} is neither text nor a time, and nothing that JSON holds")


def _box(bbox: object) -> tuple[float | None, float | None, float | None, float | None]:
    if bbox is None:
        return None, None, None, None
    sides = [float(side) for side in bbox]  # type: ignore[attr-defined]
    if len(sides) not in (4, 6):
        raise ValueError(f"its bbox has {len(sides)} numbers, not 4 or 6")
    half = len(sides) // 2
    return sides[0], sides[1], sides[half], sides[half + 1]


def _other(value: object) -> object:
    """Give what JSON can hold of what it does not know: numpy's numbers and arrays, times."""
    if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biuf":
        return _finite(value.tolist())
    return _text(value)


_encode: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_other).encode


def as_json(value: object) -> str:
    """Write a member of an item as JSON.

    Raises
    ------
    TypeError
        It holds what JSON, numpy and times do not know.
    """
    try:
        return _encode(value)
    except ValueError:
        return _encode(_finite(value))


def _finite(value: Any) -> Any:
    """Write what JSON has no number for as text, as STAC does."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _finite(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(member) for member in value]
    return value


_KINDS: Final = {
    "Point": 1, "LineString": 2, "Polygon": 3, "MultiPoint": 4, "MultiLineString": 5, "MultiPolygon": 6,
    "GeometryCollection": 7,
}  # fmt: skip
_PARTS: Final = {"MultiPoint": "Point", "MultiLineString": "LineString", "MultiPolygon": "Polygon"}


def wkb(geometry: Mapping[str, Any] | None) -> bytes | None:
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
        parts = [wkb(part) or b"" for part in geometry["geometries"]]
        return head + struct.pack("<I", len(parts)) + b"".join(parts)
    coordinates = geometry["coordinates"]
    if kind in _PARTS:
        parts = [wkb({"type": _PARTS[kind], "coordinates": part}) or b"" for part in coordinates]
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


class _Columns:
    """Rows of items as an Arrow stream."""

    names: Final = (
        "id", "collection", *_TIMES, "xmin", "ymin", "xmax", "ymax", "geometry", "properties", "assets", "links",
        "stac_extensions", "stac_version",
    )  # fmt: skip

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        values = zip(*rows, strict=True) if rows else ((),) * len(self.names)
        self.columns = dict(zip(self.names, values, strict=True))
        self.count = len(rows)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import nanoarrow as na

        text, number = na.large_string(), na.float64()
        arrays = {
            name: na.c_array(list(values), na.large_binary() if name == "geometry" else text)
            for name, values in self.columns.items()
            if name not in ("xmin", "ymin", "xmax", "ymax")
        }
        sides = {name: na.c_array(list(self.columns[name]), number) for name in ("xmin", "ymin", "xmax", "ymax")}
        arrays["bbox"] = _struct(sides, self.count)
        stream: object = na.c_array_stream(_struct(arrays, self.count)).__arrow_c_stream__()
        return stream


def _struct(fields: dict[str, Any], count: int) -> Any:
    import nanoarrow as na

    schema = na.struct({name: na.Schema(array.schema) for name, array in fields.items()})
    return na.c_array_from_buffers(schema, count, [None], children=list(fields.values()))
