"""STAC objects of other libraries: dicts, FeatureCollections and pystac objects.

pystac's own ``to_dict`` is not called: it copies everything, and follows links over the network.
"""

from __future__ import annotations

import datetime
import functools
import json
import math
import operator
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

# What `told` gives of an item.
MEMBERS: Final = (
    "id", "collection", "datetime", "bbox", "geometry", "properties", "assets", "stac_extensions", "links",
    "stac_version",
)  # fmt: skip
_ATTRIBUTES: Final = operator.attrgetter(
    "id", "collection_id", "datetime", "bbox", "geometry", "properties", "assets", "stac_extensions"
)
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


def told(feature: Any) -> tuple[Any, ...]:
    """Give the `MEMBERS` of an item as they are: nothing is copied, and no link is followed.

    A ``datetime`` is there where it stands beside the properties, as pystac's does; it is the one that counts.
    """
    if hasattr(feature, "get_self_href"):  # pystac.Item
        own = feature.get_self_href() if feature.links else None
        return *_ATTRIBUTES(feature), [{"rel": "self", "href": own}] if own else [], "1.1.0"
    get = feature.get
    return (
        get("id"), get("collection"), None, get("bbox"), get("geometry"), get("properties"), get("assets"),
        get("stac_extensions"), get("links"), get("stac_version"),
    )  # fmt: skip


def dicts(source: object) -> list[dict[str, Any]] | None:
    """Give STAC items as plain dicts, pystac's among them; None where the source is none."""
    found = features(source)
    return None if found is None else [_as_dict(feature) for feature in found]


def _as_dict(feature: Any) -> dict[str, Any]:
    if not hasattr(feature, "get_self_href"):
        return dict(feature)
    item = dict(zip(MEMBERS, told(feature), strict=True))
    item["properties"] = with_datetime(item["properties"], item.pop("datetime"))
    return {**item, "type": "Feature", "assets": {key: of_asset(asset) for key, asset in item["assets"].items()}}


def with_datetime(properties: Mapping[str, Any], moment: object) -> Mapping[str, Any]:
    """Give properties with the datetime that stands beside them, if one does."""
    return properties if moment is None else {**properties, "datetime": as_text(moment)}


def of_asset(asset: Any) -> Mapping[str, Any]:
    """Give a pystac Asset, or one that is a mapping already, as a mapping."""
    if not hasattr(asset, "extra_fields"):
        return asset  # type: ignore[no-any-return]
    told = {"href": asset.href, "type": asset.media_type, "title": asset.title, "roles": asset.roles}
    return {**asset.extra_fields, **{name: value for name, value in told.items() if value is not None}}


def is_utc(zone: object) -> bool:
    """Tell whether a time zone is UTC: Python's own, or dateutil's, which pystac takes."""
    return zone is _UTC or type(zone).__name__ == "tzutc"


def as_text(value: object) -> str | None:
    """Write a time as text; text and None stay as they are.

    Raises
    ------
    TypeError
        It is none of these.
    """
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "isoformat"):
        if is_utc(getattr(value, "tzinfo", None)):  # dateutil's is slow to say what it is
            value = value.replace(tzinfo=_UTC)  # type: ignore[attr-defined]
        text: str = value.isoformat()
        return text
    raise TypeError(f"{value!r} is neither text nor a time, and nothing that JSON holds")


def _other(value: object) -> object:
    """Give what JSON can hold of what it does not know: numpy's numbers and arrays, times."""
    if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biuf":
        return _finite(value.tolist())
    return as_text(value)


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
