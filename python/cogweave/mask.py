"""mask=: which pixels of quality assets hide the same place in an item's bands.

A mask is told to the engine as values, whatever form the user gives: classes and ranges of them,
bits, or, for a callable, the values that it drops when it is asked about every one. So a mask
travels to other processes as data, and is the same for every chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import numpy as np

from .errors import InvalidArgument

Rule: TypeAlias = "Iterable[int] | int | Bits | Callable[[np.ndarray[Any, Any]], Any]"
Mask: TypeAlias = Mapping[str, Rule]

# Types whose every value a callable can be asked about.
_ASKED: Final = ("uint8", "uint16", "int16", "int8")


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits of a quality band, any of which hides the pixel; made by `bits`.

    Attributes
    ----------
    positions : tuple of int
        From 0, the least significant.
    """

    positions: tuple[int, ...]

    @property
    def value(self) -> int:
        """The bits as a number."""
        return sum(1 << position for position in self.positions)


def bits(*positions: int) -> Bits:
    """Name the bits of a quality band that hide a pixel, for ``mask=``.

    Parameters
    ----------
    *positions : int
        From 0, the least significant. Landsat's QA_PIXEL has dilated cloud in bit 1, cloud in
        bit 3 and cloud shadow in bit 4: ``cw.bits(1, 3, 4)``.

    Returns
    -------
    Bits

    Raises
    ------
    InvalidArgument
        No position, one that is given twice, or one outside 0 to 63.
    """
    for position in positions:
        if not _whole(position, 0, 63):
            raise InvalidArgument(f"a bit has a position from 0 to 63: {position!r}")
    if not positions or len(set(positions)) != len(positions):
        raise InvalidArgument(f"bits wants distinct positions, at least one: {positions}")
    return Bits(tuple(int(position) for position in positions))


def _whole(value: object, least: int, most: int) -> bool:
    """Tell whether a value is a whole number between two, both included."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        return False
    return least <= int(value) <= most


def masks(value: object) -> list[dict[str, Any]]:
    """Check a ``mask`` argument, and write it as the engine's request has it.

    Callables stay in it until `tabulated` asks them.
    """
    if value is None:
        return []
    if callable(value):
        raise InvalidArgument('mask wants a callable with the asset that it looks at: mask={"SCL": callable}')
    if not isinstance(value, Mapping) or not value:
        raise InvalidArgument(
            f'mask wants {{asset: classes, cw.bits(...) or a callable}}, as {{"SCL": [3, 8]}}: {value!r}'
        )
    return [_rule(asset, rule) for asset, rule in value.items()]


def _rule(asset: object, rule: object) -> dict[str, Any]:
    if not isinstance(asset, str) or not asset:
        raise InvalidArgument(f"mask wants names of assets: {asset!r}")
    if isinstance(rule, Bits):
        return {"asset": asset, "bits": rule.value}
    if callable(rule):
        return {"asset": asset, "callable": rule}
    classes = [rule] if isinstance(rule, (int, np.integer)) else rule
    if isinstance(classes, (str, bytes)) or not isinstance(classes, Iterable):
        raise InvalidArgument(f"mask {asset!r} wants classes, cw.bits(...) or a callable: {rule!r}")
    values = list(classes)
    for one in values:
        if not _whole(one, -(2**63), 2**63 - 1):
            raise InvalidArgument(f"mask {asset!r} wants whole numbers as classes: {one!r}")
    if not values:
        raise InvalidArgument(f"mask {asset!r} has no classes")
    return {"asset": asset, "classes": _ranges(sorted({int(one) for one in values}))}


def _ranges(values: list[int]) -> list[list[int]]:
    """Give ascending distinct numbers as ranges, both ends included."""
    ranges: list[list[int]] = []
    for value in values:
        if ranges and value == ranges[-1][1] + 1:
            ranges[-1][1] = value
        else:
            ranges.append([value, value])
    return ranges


def tabulated(request: dict[str, Any]) -> dict[str, Any]:
    """Ask the callables of a request's mask about every value that a pixel can have."""
    rules = [_asked(rule) if "callable" in rule else rule for rule in request.get("mask") or ()]
    return {**request, "mask": rules}


def _asked(rule: Mapping[str, Any]) -> dict[str, Any]:
    tables: dict[str, list[list[int]]] = {}
    failed: dict[str, str] = {}
    first: Exception | None = None
    for name in _ASKED:
        limits = np.iinfo(name)
        values = np.arange(limits.min, limits.max + 1, dtype=name)
        try:
            drops = np.asarray(rule["callable"](values.copy()))
            if drops.shape != values.shape:
                raise InvalidArgument(
                    f"mask {rule['asset']!r}: the callable gave shape {drops.shape} for {values.shape}: "
                    "it wants True for each pixel to drop"
                )
        except Exception as problem:
            first = first or problem
            failed[name] = f"{type(problem).__name__}: {problem}"
            continue
        tables[name] = _ranges(values[drops.astype(bool)].tolist())
    if not tables and first is not None:
        raise first
    return {"asset": rule["asset"], "tables": tables, "failed": failed}


def fraction(value: object, argument: str) -> float:
    """Check a fraction from 0 to 1; None is 0."""
    if value is None:
        return 0.0
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not 0 <= float(cast("float", value)) <= 1:
        raise InvalidArgument(f"{argument} wants a fraction from 0 to 1: {value!r}")
    return float(cast("float", value))


def flag(value: object, argument: str) -> bool:
    """Check a truth value."""
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidArgument(f"{argument} wants True or False: {value!r}")
    return bool(value)
