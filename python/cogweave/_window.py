"""Windows: which cells of a plan's ``(band, time, y, x)`` array.

A `Selection` picks positions along one axis, relative to the whole plan; four of them make a
`Window`, which is the outer product of them or, pointwise, one cell per position.
"""

from __future__ import annotations

import operator
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, cast

import numpy as np

from . import _ffi
from .errors import InvalidArgument

if TYPE_CHECKING:
    from numpy.typing import NDArray

AXES: Final = ("band", "time", "y", "x")
_NATIVE: Final = struct.Struct("@Qii" + 4 * "qqqP")  # the fields of _ffi.Window


@dataclass(frozen=True, slots=True)
class Selection:
    """Positions along one axis: ``start + i * step`` for i below count, or those listed.

    Attributes
    ----------
    start, step, count : int
        The step may be negative, or 0 where the count is at most 1.
    index : numpy.ndarray of int64 or None
        Positions that follow no rule: unsorted, repeated. Not negative.
    """

    start: int
    step: int
    count: int
    index: NDArray[np.int64] | None = field(default=None, compare=False)

    @classmethod
    def all(cls, size: int) -> Selection:
        """Select a whole axis."""
        return cls(0, 1, size)

    @classmethod
    def listed(cls, positions: NDArray[np.int64]) -> Selection:
        """Select listed positions, recognising a rule among them."""
        count = len(positions)
        if count == 0:
            return cls(0, 1, 0)
        first = int(positions[0])
        step = int(positions[1]) - first if count > 1 else 1
        if step != 0 and bool((np.diff(positions) == step).all()):
            return cls(first, step, count)
        return cls(first, 0, count, np.ascontiguousarray(positions, dtype=np.int64))

    def __reduce__(self) -> tuple[Any, ...]:
        index = None if self.index is None else self.index.astype("<i8").tobytes()
        return _unpickled, (self.start, self.step, self.count, index)

    @property
    def positions(self) -> NDArray[np.int64]:
        """All positions, spelled out."""
        if self.index is not None:
            return self.index
        return self.start + self.step * np.arange(self.count, dtype=np.int64)

    def take(self, key: object, axis: str) -> Selection:
        """Select among the selected: by a position, a slice, or an array of positions.

        A single position keeps the axis, with one place.

        Raises
        ------
        IndexError
            A position is outside the axis.
        InvalidArgument
            The key is none of those.
        """
        if isinstance(key, slice):
            return self._slice(key, axis)
        if isinstance(key, (list, tuple, np.ndarray)) and np.ndim(cast("Any", key)) > 0:
            return self._listed(np.asarray(key), axis)
        try:
            position = operator.index(cast("SupportsIndex", key))
        except TypeError:
            raise InvalidArgument(
                f"{axis} is indexed by positions, slices and arrays of positions, not {key!r}"
            ) from None
        if not -self.count <= position < self.count:
            raise IndexError(f"{axis} {position} is outside its {self.count} places")
        position %= self.count
        if self.index is not None:
            return Selection(int(self.index[position]), 1, 1)
        return Selection(self.start + self.step * position, 1, 1)

    def _slice(self, key: slice, axis: str) -> Selection:
        try:
            chosen = range(*key.indices(self.count))
        except (TypeError, ValueError) as problem:
            raise InvalidArgument(f"{axis} {key}: {problem}") from None
        if self.index is not None:
            stop = chosen.stop if chosen.stop >= 0 else None
            return Selection.listed(self.index[chosen.start : stop : chosen.step])
        if len(chosen) == 0:
            return Selection(0, 1, 0)
        return Selection(self.start + self.step * chosen.start, self.step * chosen.step, len(chosen))

    def _listed(self, key: NDArray[Any], axis: str) -> Selection:
        if key.dtype == np.bool_:
            if key.shape != (self.count,):
                raise IndexError(f"{axis}: a mask of shape {key.shape} on {self.count} places")
            key = np.flatnonzero(key)
        if key.size == 0:
            return Selection(0, 1, 0)
        if key.dtype.kind not in "iu" or key.ndim != 1:
            raise InvalidArgument(f"{axis} wants a one-dimensional array of whole numbers")
        return Selection.listed(self.positions[wrap(key, self.count, axis)])

    def _fields(self) -> tuple[int, int, int, int]:
        """Give the fields of the C form, the address of `index` as the last."""
        return self.start, self.step, self.count, 0 if self.index is None else self.index.ctypes.data


def wrap(positions: NDArray[Any], size: int, axis: str) -> NDArray[np.int64]:
    """Turn negative positions into those from the start.

    Raises
    ------
    IndexError
        A position is outside the axis.
    """
    out = positions.astype(np.int64)
    out[out < 0] += size
    if out.size and (int(out.min()) < 0 or int(out.max()) >= size):
        worst = positions[(out < 0) | (out >= size)].flat[0]
        raise IndexError(f"{axis} {worst} is outside its {size} places")
    return out


def _unpickled(start: int, step: int, count: int, index: bytes | None) -> Selection:
    """Make a selection of what no version of numpy needs to have written."""
    return Selection(start, step, count, None if index is None else np.frombuffer(index, "<i8").astype(np.int64))


@dataclass(frozen=True, slots=True)
class Window:
    """Four selections, in the order of `AXES`.

    Attributes
    ----------
    axes : tuple of Selection
    pointwise : bool
        One cell per position (all counts equal) instead of the outer product.
    """

    axes: tuple[Selection, Selection, Selection, Selection]
    pointwise: bool = False

    @classmethod
    def whole(cls, shape: tuple[int, int, int, int]) -> Window:
        """Select everything."""
        band, time, rows, cols = map(Selection.all, shape)
        return cls((band, time, rows, cols))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what is read: four axes, or one of points."""
        if self.pointwise:
            return (self.axes[0].count,)
        band, time, rows, cols = self.axes
        return band.count, time.count, rows.count, cols.count

    def take(self, keys: tuple[object, ...]) -> Window:
        """Select among the selected, one key per axis; axes without a key stay whole."""
        if len(keys) > len(AXES):
            raise IndexError(f"{len(keys)} indices for the four axes {', '.join(AXES)}")
        padded = (*keys, *[slice(None)] * (len(AXES) - len(keys)))
        band, time, rows, cols = (axis.take(key, name) for axis, key, name in zip(self.axes, padded, AXES, strict=True))
        return Window((band, time, rows, cols))

    def native(self) -> _ffi.Window:
        """Give the C form. It borrows the arrays of the selections; the library copies."""
        band, time, rows, cols = self.axes
        # Packed at once: field by field, ctypes takes longer than the library does with it.
        packed = _NATIVE.pack(
            _NATIVE.size,
            self.pointwise,
            0,
            *band._fields(),
            *time._fields(),
            *rows._fields(),
            *cols._fields(),
        )
        return _ffi.Window.from_buffer_copy(packed)
