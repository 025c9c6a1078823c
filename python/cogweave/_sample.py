"""sample: an array's values at points, thousands of them on many dates, as one read."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import xarray as xr

from . import _crs
from ._steps import Steps, aside, awaiting, blocking
from ._warn import warn
from ._window import Selection, Window, wrap
from .errors import InvalidArgument
from .read import read_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .grid import Grid
    from .plan import Plan

_EXACT: Final = 1e-6  # fraction of a cell by which a point may miss a cell's centre where it must not


def points_in(grid: Grid, points: object, crs: object) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """Give points in a grid's CRS: their labels, x and y.

    Parameters
    ----------
    points : GeoDataFrame, GeoSeries or a pair of arrays
        With their own CRS; or x and y, in ``crs``.
    crs : optional
        CRS of a pair; None: the grid's.

    Raises
    ------
    InvalidArgument
        Something else, geometries that are no points, a frame without a CRS.
    """
    geometry: Any = getattr(points, "geometry", None)
    if geometry is not None:
        labels, own = np.asarray(geometry.index), geometry.crs
        if not (geometry.geom_type.dropna() == "Point").all():
            kinds = sorted(set(geometry.geom_type.dropna()) - {"Point"})
            raise InvalidArgument(f"points has geometries that are no points: {', '.join(kinds)}")
        if own is None and crs is None:
            raise InvalidArgument("points has no CRS: set it with set_crs(), or say crs=")
        present = ~np.asarray(geometry.is_empty | geometry.isna())
        x, y = np.full(len(labels), np.nan), np.full(len(labels), np.nan)
        x[present], y[present] = geometry[present].x, geometry[present].y
        return labels, *_transformed(x, y, own if crs is None else crs, grid.crs)
    try:
        pair: Any = points
        x, y = (np.asarray(values, "float64") for values in pair)
    except (TypeError, ValueError):
        raise InvalidArgument("points wants a GeoDataFrame, a GeoSeries, or a pair of arrays (x, y)") from None
    if x.shape != y.shape or x.ndim > 1:
        raise InvalidArgument(f"points wants x and y of one length, and was given {x.shape} and {y.shape}")
    x, y = np.atleast_1d(x), np.atleast_1d(y)
    return np.arange(len(x)), *_transformed(x, y, crs, grid.crs)


def _transformed(
    x: NDArray[np.float64], y: NDArray[np.float64], crs: object, target: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    source = target if crs is None else _crs.normalize(crs)
    if source == target:
        return x, y
    from pyproj import Transformer

    there = Transformer.from_crs(_crs.parsed(source), _crs.parsed(target), always_xy=True).transform(x, y)
    return np.asarray(there[0]), np.asarray(there[1])


def cells_of(
    grid: Grid, x: NDArray[np.float64], y: NDArray[np.float64], method: str | None, tolerance: float | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Give the row and column of each point, and whether it has a cell at all.

    Raises
    ------
    InvalidArgument
        ``method=None`` and a point that is no cell's centre; a tolerance that is negative.
    """
    if method not in (None, "nearest"):
        raise InvalidArgument(f'method {method!r} is neither "nearest" nor None')
    if tolerance is not None:
        _check_distance(tolerance)
    a, b, c, d, e, f = grid.transform
    det = a * e - b * d
    with np.errstate(invalid="ignore"):
        cols, rows = (e * (x - c) - b * (y - f)) / det, (a * (y - f) - d * (x - c)) / det
        col, row = np.floor(cols), np.floor(rows)
        inside = (row >= 0) & (row < grid.shape[0]) & (col >= 0) & (col < grid.shape[1])
        off_x, off_y = cols - col - 0.5, rows - row - 0.5
        if method is None and (np.maximum(np.abs(off_x), np.abs(off_y))[inside] > _EXACT).any():
            raise InvalidArgument('points that are no cell\'s centre: method="nearest" takes the cell they lie in')
        if tolerance is not None:
            inside &= np.hypot(a * off_x + b * off_y, d * off_x + e * off_y) <= tolerance
    return np.where(inside, row, 0).astype("int64"), np.where(inside, col, 0).astype("int64"), inside


def _check_distance(tolerance: object) -> None:
    if not isinstance(tolerance, Real) or not float(tolerance) >= 0:
        raise InvalidArgument(f"tolerance is no distance: {tolerance!r}")


def _sample(
    plan: Plan,
    points: object,
    *,
    crs: object = None,
    method: str | None = "nearest",
    tolerance: float | None = None,
) -> Steps[xr.DataArray]:
    """Read the values of a plan's window at points.

    All points, dates and bands are one read, which fetches every tile that a point lies in once.

    Parameters
    ----------
    plan : Plan
    points : GeoDataFrame, GeoSeries or a pair of arrays
        Points with their CRS; or x and y, in ``crs``.
    crs : optional
        CRS of x and y; None: the array's.
    method : {"nearest", None}
        ``"nearest"``: the value of the cell that a point lies in. None: points must be centres of
        cells.
    tolerance : float, optional
        Largest distance between a point and the centre of its cell, in units of the array's CRS.

    Returns
    -------
    xarray.DataArray
        Dimensions ``(band, time, point)``, loaded. Points outside the array, farther off than the
        tolerance, NaN or empty have the nodata value (0 where there is none). Coordinates on
        ``point``: the frame's index, and ``x`` and ``y`` in the array's CRS.

    Raises
    ------
    InvalidArgument
        Points that are none, rows or columns that are not evenly spaced.
    AssetError
        A file that is needed and cannot be read.
    """
    asked = yield from aside(_asked, plan, points, crs, method, tolerance)
    if asked.degrees:
        warn(
            f"no point lies in the array: the points look like degrees, and are taken to be in its CRS, "
            f'{_crs.describe(plan.grid.crs)}, unless crs="EPSG:4326" says so'
        )
    values = None
    if asked.window is not None:
        values = yield from read_window(plan._base, asked.window, plan.dtype)
    return (yield from aside(_answer, plan, asked, values))


class _Asked(NamedTuple):
    """Points as a read has them."""

    labels: NDArray[Any]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    chosen: NDArray[np.int64]  # positions of the points that have a cell
    window: Window | None  # bands x times x chosen points; None: nothing to read
    degrees: bool  # they look like degrees by mistake


def _asked(plan: Plan, points: object, crs: object, method: str | None, tolerance: float | None) -> _Asked:
    labels, x, y = points_in(plan.grid, points, crs)
    rows, cols, inside = cells_of(plan.grid, x, y, method, tolerance)
    degrees = crs is None and not hasattr(points, "geometry") and _look_like_degrees(plan.grid, x, y)
    chosen = np.flatnonzero(inside)
    band, time, row, col = plan._window.axes
    shape = (band.count, time.count, len(chosen))
    if not math.prod(shape):
        return _Asked(labels, x, y, chosen, None, degrees)
    bands, times, at = (index.ravel() for index in np.indices(shape, "int64"))
    picked = (
        Selection.listed(band.positions[bands]),
        Selection.listed(time.positions[times]),
        Selection.listed(row.positions[wrap(rows[chosen], row.count, "y")][at]),
        Selection.listed(col.positions[wrap(cols[chosen], col.count, "x")][at]),
    )
    return _Asked(labels, x, y, chosen, Window(picked, pointwise=True), degrees)


def _answer(plan: Plan, asked: _Asked, values: NDArray[Any] | None) -> xr.DataArray:
    band, time = plan._window.axes[:2]
    out = np.full((band.count, time.count, len(asked.labels)), _fill(plan), plan.dtype)
    if values is not None:
        out[:, :, asked.chosen] = values.reshape(band.count, time.count, -1)
    coords: dict[str, Any] = {
        "band": list(plan.bands),
        "time": plan.times,
        "point": asked.labels,
        "x": ("point", asked.x),
        "y": ("point", asked.y),
    }
    attrs = {} if plan.nodata is None else {"_FillValue": plan.dtype.type(plan.nodata)}
    return xr.DataArray(out, dims=("band", "time", "point"), coords=coords, attrs=attrs)


def _look_like_degrees(grid: Grid, x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    """Tell where points without a CRS look like degrees, and lie nowhere near a grid in metres."""
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any() or (np.abs(x[known]) > 360).any() or (np.abs(y[known]) > 90).any():
        return False
    west, south, east, north = grid.bbox
    near = ((x >= west) & (x <= east) & (y >= south) & (y <= north)).any()
    return not near and not _crs.parsed(grid.crs).is_geographic


def _fill(plan: Plan) -> float:
    if plan.nodata is not None:
        return plan.nodata
    return math.nan if plan.dtype.kind == "f" else 0


sample = blocking(_sample)
sample_async = awaiting(_sample)
