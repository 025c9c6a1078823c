"""The accessor ``da.cogweave``: what lies behind an array that cogweave opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr

from ._window import Selection, Window
from .arrays import PLAN
from .errors import InvalidArgument
from .plan import Plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._arrow import Items
    from .explain import Explanation

_OFF_CENTRE: Final = 0.01  # fraction of a pixel by which a coordinate may miss its pixel's centre


@xr.register_dataarray_accessor("cogweave")  # type: ignore[no-untyped-call]
class CogweaveAccessor:
    """The plan behind an array that cogweave opened, for the window that its coordinates tell.

    Parameters
    ----------
    data : xarray.DataArray
    """

    def __init__(self, data: xr.DataArray) -> None:
        self._data = data

    @property
    def plan(self) -> Plan:
        """Plan of the array's window.

        Raises
        ------
        InvalidArgument
            The array was computed, not opened, or its coordinates are not those of its plan.
        """
        plan = self._data.encoding.get(PLAN)
        if not isinstance(plan, Plan):
            raise InvalidArgument(
                "this array has no plan: it was not opened by cogweave, or was computed from such "
                "an array (arithmetic leaves the plan behind)"
            )
        data = self._data
        rows, cols = plan.grid.shape
        _, _, c, _, _, f = plan.grid.transform
        a, e = plan.grid.transform[0], plan.grid.transform[4]
        return plan._sliced(
            Window(
                (
                    _chosen(plan, 0, _names(data, plan)),
                    _chosen(plan, 1, _steps(data, plan)),
                    _chosen(plan, 2, _cells(data, "y", f, e, rows)),
                    _chosen(plan, 3, _cells(data, "x", c, a, cols)),
                )
            )
        )

    @property
    def items(self) -> Items:
        """The items that were planned, those outside the window included."""
        return self.plan.items

    def explain(self) -> Explanation:
        """Tell what reading the array would take, without reading any tile."""
        return self.plan.explain()


def _chosen(plan: Plan, axis: int, positions: NDArray[np.int64] | None) -> Selection:
    whole = plan._window.axes[axis]
    return whole if positions is None else Selection.listed(whole.positions[positions])


def _values(data: xr.DataArray, name: str) -> NDArray[Any] | None:
    return np.atleast_1d(data.coords[name].values) if name in data.coords else None


def _names(data: xr.DataArray, plan: Plan) -> NDArray[np.int64] | None:
    names = _values(data, "band")
    return None if names is None else _found(names, np.asarray(plan.bands), "band")


def _steps(data: xr.DataArray, plan: Plan) -> NDArray[np.int64] | None:
    times = _values(data, "time")
    return None if times is None else _found(times, plan.times, "time")


def _found(values: NDArray[Any], among: NDArray[Any], name: str) -> NDArray[np.int64]:
    order = np.argsort(among, kind="stable")
    places = np.searchsorted(among, values, sorter=order)
    positions = order[np.minimum(places, len(among) - 1)] if len(among) else places
    if not len(among) or not np.array_equal(among[positions], values):
        raise InvalidArgument(f"coordinate {name} has values that the array's plan has not")
    return positions.astype(np.int64)


def _cells(data: xr.DataArray, name: str, origin: float, size: float, count: int) -> NDArray[np.int64] | None:
    centres = _values(data, name)
    if centres is None:
        return None
    exact = (centres - origin) / size - 0.5
    positions = np.rint(exact)
    outside = (positions < 0) | (positions >= count) | (np.abs(exact - positions) > _OFF_CENTRE)
    if outside.any():
        raise InvalidArgument(f"coordinate {name} has values that are no centres of the plan's grid")
    return positions.astype(np.int64)
