"""Grouping items into time steps by something else than time: a property, or a callable's answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from .errors import InvalidArgument

if TYPE_CHECKING:
    from .tables import Items

TimePeriod = str | Callable[[Mapping[str, Any]], object] | None

# What the engine understands by itself; a property's name does not look like a duration.
BUILT_IN: Final = re.compile(r"|solar_day|id|PT?(\d.*)?")


def check(period: object) -> TimePeriod:
    """Check a ``time_period`` argument without looking at the items."""
    if period is None or isinstance(period, str) or callable(period):
        return period
    raise InvalidArgument(f"time_period wants text or a callable: {period!r}")


def grouped(items: Items, request: dict[str, Any]) -> dict[str, Any]:
    """Put the key of each item into a plan's request, where ``time_period`` is not one of time.

    Raises
    ------
    InvalidArgument
        The items have no such property.
    """
    period: TimePeriod = request["time_period"]
    if period is None or (isinstance(period, str) and BUILT_IN.fullmatch(period)):
        return request
    rows = _rows(items)
    if isinstance(period, str):
        names = tuple(dict.fromkeys((period, period.removeprefix("properties."))))
        if rows and not any(_has(row, name) for row in rows for name in names):
            raise unknown(period, f"the items have {', '.join(items.columns)}")
        keys = [_property(row, names) for row in rows]
        return {**request, "group_keys": [_key(key) for key in keys]}
    name = f"{getattr(period, '__module__', '')}.{getattr(period, '__qualname__', 'callable')}"
    return {**request, "time_period": name, "group_keys": [str(period(_flat(row))) for row in rows]}


def _flat(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an item's properties as columns beside the others, as stac-geoparquet has them."""
    properties = row.get("properties")
    return {**properties, **row} if isinstance(properties, Mapping) else row


def _key(value: object) -> str:
    """Write a property's value as a key: whole numbers alike, whether a source keeps them as integers or floats."""
    if value is None:
        return ""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _rows(items: Items) -> list[dict[str, Any]]:
    import nanoarrow

    rows: list[dict[str, Any]] = nanoarrow.Array(items).to_pylist()
    if "properties" in items.columns:
        for row in rows:
            if isinstance(row["properties"], str):
                row["properties"] = json.loads(row["properties"])
    return rows


def _has(row: Mapping[str, Any], name: str) -> bool:
    properties = row.get("properties")
    return name in row or (isinstance(properties, Mapping) and name in properties)


def _property(row: Mapping[str, Any], names: Sequence[str]) -> object:
    """Give a property that goes by one of the names; None where the item has none of them."""
    properties = row.get("properties")
    for name in names:
        if name in row:
            return row[name]
        if isinstance(properties, Mapping) and name in properties:
            return properties[name]
    return None


def unknown(period: str, known: str) -> InvalidArgument:
    """Give the error of a period that is none; known tells which properties there are."""
    return InvalidArgument(
        f'time_period {period!r} is neither an ISO 8601 duration such as "P1D" or "P1M", nor "solar_day", "id" or a '
        f"property of the items ({known.removeprefix('time_period: ')})",
        argument="time_period",
    )
