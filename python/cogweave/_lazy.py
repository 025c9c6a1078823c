"""Lazy arrays: a plan's window as an array that xarray reads piece by piece.

`PlanArray` declares vectorized indexing and looks at the indexer's type itself: xarray's adapters
would turn scattered points into the product of their rows and columns. Whatever the indexer, one
piece is one read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from ._steps import Steps, awaiting, blocking
from ._window import AXES, Selection, Window, wrap
from .read import read_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .plan import Plan

Key = tuple[Any, ...]
_CHUNK: Final = 1024  # rows and columns of a preferred chunk where the files' tiles are unknown


class PlanArray(BackendArray):
    """A plan as a backend array. Thread-safe; pickles as the plan does.

    Parameters
    ----------
    plan : Plan
    drop_band : bool
        Leave out the band axis, of a plan with one band: ``(time, y, x)``.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    """

    __slots__ = ("_drop_band", "dtype", "plan", "shape")

    def __init__(self, plan: Plan, *, drop_band: bool = False) -> None:
        self.plan = plan
        self.shape = plan.shape[1:] if drop_band else plan.shape
        self.dtype = plan.dtype
        self._drop_band = drop_band

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        """Read what an indexer selects, and wait."""
        return _get_blocking(self, key)

    async def async_getitem(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        """Read what an indexer selects, and await it."""
        return await _get_awaiting(self, key)

    def _read(self, key: indexing.ExplicitIndexer) -> Steps[NDArray[Any]]:
        keys: Key = key.tuple
        if self._drop_band:
            keys = (0, *keys)
        if isinstance(key, indexing.VectorizedIndexer):
            return (yield from self._vectorized(keys))
        return (yield from self._outer(keys))

    def _outer(self, keys: Key) -> Steps[NDArray[Any]]:
        """Read the product of positions, slices and 1-D arrays; positions drop their axis."""
        window = self.plan._window.take(keys)
        pixels = yield from self._window(window)
        kept = tuple(count for count, key in zip(window.shape, keys, strict=True) if not _is_position(key))
        return pixels.reshape(kept)

    def _vectorized(self, keys: Key) -> Steps[NDArray[Any]]:
        """Read cells named by arrays that are broadcast together, slices to the end."""
        arrays = _spelled_out(keys, self.plan.shape)
        result_shape = np.broadcast_shapes(*(array.shape for array in arrays))
        axes = _orthogonal(arrays)
        if axes is not None:
            # A transposed or reshaped product (da.transpose() arrives so): read it as a product.
            selections = tuple(
                axis.take(array.ravel(), name)
                for axis, array, name in zip(self.plan._window.axes, arrays, AXES, strict=True)
            )
            pixels = yield from self._window(Window(cast("Any", selections)))
            return _unravel(pixels, arrays, axes)
        points = tuple(
            _listed(axis, wrap(np.broadcast_to(array, result_shape).ravel(), axis.count, name))
            for axis, array, name in zip(self.plan._window.axes, arrays, AXES, strict=True)
        )
        pixels = yield from self._window(Window(cast("Any", points), pointwise=True))
        return pixels.reshape(result_shape)

    def _window(self, window: Window) -> Steps[NDArray[Any]]:
        if 0 in window.shape:
            return np.empty(window.shape, self.dtype)
        return (yield from read_window(self.plan._base, window, self.dtype))

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        """Name the array for dask by its plan."""
        return "cogweave.PlanArray", self.plan.__dask_tokenize__(), self._drop_band

    def __deepcopy__(self, memo: object) -> PlanArray:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _array, (self.plan, self._drop_band)

    def __repr__(self) -> str:
        return f"PlanArray({self.plan!r})"


def _array(plan: Plan, drop_band: bool) -> PlanArray:
    return PlanArray(plan, drop_band=drop_band)


_get_blocking = blocking(PlanArray._read)
_get_awaiting = awaiting(PlanArray._read)


def _is_position(key: object) -> bool:
    return not isinstance(key, slice) and np.ndim(cast("Any", key)) == 0


def _spelled_out(keys: Key, shape: tuple[int, ...]) -> list[NDArray[np.int64]]:
    """Turn slices into arrays whose own dimension comes after those of the arrays."""
    rank = max((np.ndim(key) for key in keys if not isinstance(key, slice)), default=0)
    slices = sum(isinstance(key, slice) for key in keys)
    out = []
    at = rank
    for key, size in zip(keys, shape, strict=True):
        if isinstance(key, slice):
            positions = np.arange(*key.indices(size), dtype=np.int64)
            out.append(positions.reshape((1,) * at + (-1,) + (1,) * (rank + slices - at - 1)))
            at += 1
        else:
            array = np.asarray(key, dtype=np.int64)
            out.append(array.reshape((1,) * (rank - array.ndim) + array.shape + (1,) * slices))
    return out


def _orthogonal(arrays: list[NDArray[np.int64]]) -> list[tuple[int, ...]] | None:
    """Tell which result dimensions each array runs along, if no two share one; else None."""
    runs = [tuple(d for d, size in enumerate(array.shape) if size != 1) for array in arrays]
    taken = [d for dims in runs for d in dims]
    return runs if len(taken) == len(set(taken)) else None


def _unravel(pixels: NDArray[Any], arrays: list[NDArray[np.int64]], runs: list[tuple[int, ...]]) -> NDArray[Any]:
    """Give each axis of a product back its dimensions, in the result's order."""
    spread = pixels.reshape([array.shape[d] for array, dims in zip(arrays, runs, strict=True) for d in dims])
    order = [d for dims in runs for d in dims]
    ordered = spread.transpose(np.argsort(order))
    return ordered.reshape(np.broadcast_shapes(*(array.shape for array in arrays)))


def _listed(axis: Selection, positions: NDArray[np.int64]) -> Selection:
    return Selection.listed(axis.positions[positions])


def variable(
    plan: Plan,
    dims: tuple[str, ...],
    attrs: dict[str, Any],
    encoding: dict[str, Any],
) -> xr.Variable:
    """Make the lazy variable of a plan, indexed lazily; with or without the band dimension."""
    array = PlanArray(plan, drop_band="band" not in dims)
    return xr.Variable(dims, indexing.LazilyIndexedArray(array), attrs, encoding, fastpath=True)


def preferred_chunks(plan: Plan, dims: tuple[str, ...]) -> dict[str, int]:
    """Give the chunk sizes that follow the files' tiles: one step, all bands, a tile or so."""
    rows, cols = plan._base.description.chunk or (_CHUNK, _CHUNK)
    bands, _, height, width = plan.shape
    sizes = {"band": bands, "time": 1, "y": min(rows, height), "x": min(cols, width)}
    return {dim: max(1, sizes[dim]) for dim in dims}
