"""properties=: what the items of a time step say of themselves, as coordinates on ``time``."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from . import _arguments
from ._coordinate import beside
from ._steps import drive
from .errors import InvalidArgument, SearchError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr
    from numpy.typing import NDArray

    from .plan import Plan
    from .tables import Items

COUNT: Final = "item_count"
_COMPUTED: Final = frozenset({"id", "collection", COUNT})  # what every search gives, or none
_NARROWING: Final = frozenset({"narrow", "bands", "properties", "group_by"})  # members of a query
_BETWEEN: Final = ", "
# Columns that are no properties of an item.
_STRUCTURE: Final = frozenset(
    {"type", "stac_version", "stac_extensions", "geometry", "bbox", "links", "assets", "datetime",
     "start_datetime", "end_datetime"}
)  # fmt: skip


def names(value: str | Iterable[str] | bool | None) -> list[str] | None:
    """Give the properties asked for: None for none, an empty list for all."""
    if value is None or value is False:
        return None
    if value is True:
        return []
    return _arguments.names(value, "properties")


def columns_of(value: str | Iterable[str] | bool | None) -> list[str] | None:
    """Give the columns that the properties asked for want of a search: None for none, an empty list for all."""
    listed = names(value)
    if not listed:
        return listed
    return [name for name in listed if name not in _COMPUTED] or None


def coordinates(plan: Plan, wanted: list[str]) -> dict[str, xr.Variable]:
    """Give properties of the items as variables on ``time``, one value for each step.

    Parameters
    ----------
    plan : Plan
        Of the whole grid.
    wanted : list of str
        Properties, ``"id"``, ``"collection"`` and ``"item_count"``; empty for all that are numbers
        or texts.

    Returns
    -------
    dict of str to xarray.Variable
        Numbers: the mean over the step's items that have the property, float64, NaN where none
        has. Texts: the different values, in the order of the items, joined by ``", "``.
        ``item_count``: int64.

    Raises
    ------
    InvalidArgument
        The items have no such property.
    """
    steps = plan._base.membership.steps
    count = len(plan.times)
    out: dict[str, xr.Variable] = {}
    if not wanted or COUNT in wanted:
        out[COUNT] = beside(("time",), np.bincount(steps, minlength=count).astype("int64"))
    listed = [name for name in wanted if name != COUNT] or (None if not wanted else [])
    for name, values in columns(with_columns(plan.items, wanted), listed).items():
        out[name] = beside(("time",), _per_step(values, steps, count))
    return out


def with_columns(items: Items, wanted: list[str]) -> Items:
    """Give the same items with all columns of their source, if some wanted are not there.

    An open leaves out what it does not need.

    Raises
    ------
    SearchError
        The catalog was replaced since.
    """
    if items._again is None or set(wanted) <= {*items.columns, COUNT}:
        return items
    find, query = items._again
    wide = drive(find({name: value for name, value in query.items() if name not in _NARROWING}))
    if _column(wide, "id") != _column(items, "id"):
        raise SearchError(
            f"the catalog {items.origin} was replaced after the array had been opened", reason="CatalogChanged"
        )
    return wide


def columns(items: Items, wanted: list[str] | None) -> dict[str, list[Any]]:
    """Give properties of items as lists with a value, or None, per item.

    Parameters
    ----------
    wanted : list of str or None
        None: every property that is a number, a text or a truth value.

    Raises
    ------
    InvalidArgument
        The items have no such property.
    """
    nested = _nested(items) if "properties" in items.columns else None
    known = [*items.columns, *(sorted({name for row in nested for name in row}) if nested else ())]
    if wanted is None:
        wanted = [name for name in known if name not in _STRUCTURE and name != "properties"]
        return {name: values for name in wanted if _plain(values := _values(items, name, nested))}
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3) or known
            raise InvalidArgument(f"properties: the items have no {name!r}; there is {', '.join(near)}")
    return {name: _values(items, name, nested) for name in wanted}


def _nested(items: Items) -> list[Mapping[str, Any]]:
    return [_members(row) for row in _column(items, "properties")]


def _members(row: object) -> Mapping[str, Any]:
    if isinstance(row, str):
        row = json.loads(row)
    return row if isinstance(row, Mapping) else {}


def _values(items: Items, name: str, nested: list[Mapping[str, Any]] | None) -> list[Any]:
    if name in items.columns:
        return _column(items, name)
    return [row.get(name) for row in nested or ()]


def _column(items: Items, name: str) -> list[Any]:
    import nanoarrow

    stream = nanoarrow.ArrayStream(items)
    position = [field.name for field in stream.schema.fields].index(name)
    return [value for chunk in stream.iter_chunks() for value in chunk.child(position).to_pylist()]


def _plain(values: list[Any]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(value, (str, int, float)) for value in present)


def _per_step(values: list[Any], steps: NDArray[np.int32], count: int) -> NDArray[Any]:
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, (int, float)) for value in present):
        numbers = np.asarray([np.nan if value is None else value for value in values], "float64")
        known = np.isfinite(numbers)
        totals = np.bincount(steps[known], numbers[known], minlength=count)
        with np.errstate(invalid="ignore"):
            mean: NDArray[np.float64] = totals / np.bincount(steps[known], minlength=count)
        return mean
    texts: list[dict[str, None]] = [{} for _ in range(count)]
    for step, value in zip(steps.tolist(), values, strict=True):
        if value is not None:
            texts[step][str(value)] = None
    return np.asarray([_BETWEEN.join(text) for text in texts], "U")
