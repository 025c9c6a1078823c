"""The accessors ``da.cogweave`` and ``ds.cogweave``: what lies behind what cogweave opened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import numpy as np
import xarray as xr

from . import _geozarr
from ._arrays import PLAN
from ._footprints import footprints, plot_footprints
from ._lazy import PlanArray, preferred_chunks
from ._sample import sample, sample_async
from ._window import AXES, Selection, Window
from .errors import InvalidArgument
from .explain import explain
from .plan import Plan
from .report import report_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from .explain import Explanation
    from .report import Report
    from .tables import Items

D = TypeVar("D", xr.DataArray, xr.Dataset)

_OFF_CENTRE: Final = 0.01  # fraction of a pixel by which a coordinate may miss its pixel's centre
_NO_VARIABLE: Final = "no variable of this dataset was opened by cogweave, or all were computed since"
_DECODING: Final = ("_FillValue", "scale_factor", "add_offset", "dtype")


class _Accessor(Generic[D]):
    """What both accessors have.

    Parameters
    ----------
    data : xarray.DataArray or xarray.Dataset
    """

    def __init__(self, data: D) -> None:
        self._data: D = data

    @property
    def plan(self) -> Plan:
        """Plan of the window that the present coordinates tell.

        Raises
        ------
        InvalidArgument
            The array was computed, not opened, or its coordinates are not those of its plan.
        """
        raise NotImplementedError

    @property
    def _opened(self) -> Plan:
        """Plan of what was opened, whatever part of it is left."""
        raise NotImplementedError

    @property
    def items(self) -> Items:
        """The items that were planned, those outside the window included."""
        return self._opened.items

    def explain(self) -> Explanation:
        """Tell what reading the array would take, without reading any tile.

        Headers that are not known yet are read.

        Returns
        -------
        Explanation
            Prints as text, shows as HTML in a notebook; ``to_dataframe()`` has a row per file.

        Raises
        ------
        InvalidArgument
            As of `plan`.
        AssetError
            A header that cannot be read.
        """
        return explain(self.plan, self._chunks())

    def report(self) -> Report:
        """Tell what became of each item, band and time step in the reads so far, in this process.

        Returns
        -------
        Report
            What failed, was tried again, came from a cache; ``to_dataframe()`` has a row for each.

        Raises
        ------
        InvalidArgument
            As of `plan`.
        """
        return report_of(self.plan)

    def footprints(self) -> Any:
        """Give the items of the present time steps with their footprints.

        Returns
        -------
        geopandas.GeoDataFrame
            One row per item: ``id``, ``time``, properties, ``geometry`` in EPSG:4326.

        Raises
        ------
        InvalidArgument
            As of `plan`.
        ImportError
            The ``geo`` extra is missing.
        """
        return footprints(self.plan)

    def plot_footprints(self, axes: Any = None, **style: Any) -> Any:
        """Draw the items' footprints, coloured by time, and the array's outline over them.

        Parameters
        ----------
        axes : matplotlib.axes.Axes, optional
        **style
            Of `geopandas.GeoDataFrame.plot`.

        Returns
        -------
        matplotlib.axes.Axes
        """
        return plot_footprints(self.plan, axes, **style)

    def geozarr(self) -> D:
        """Give a copy whose attributes follow GeoZarr's ``spatial`` and ``proj`` conventions.

        They hold for the present coordinates, as of the call: for `to_zarr` right after.
        """
        return self._data.assign_attrs(_geozarr.attributes(self.plan.grid))

    def raster_index(self) -> D:
        """Give a copy whose x and y are a `rasterix.RasterIndex` (rasterix is optional).

        Its coordinates are computed from the transform, exactly, and slices carry it along.
        """
        import rasterix

        a, b, c, d, e, f = self.plan.grid.transform
        marked = self._data.drop_vars(["x", "y"]).assign_coords(
            spatial_ref=self._data.spatial_ref.assign_attrs(
                GeoTransform=" ".join(repr(float(term)) for term in (c, a, b, f, d, e))
            )
        )
        return rasterix.assign_index(marked, x_dim="x", y_dim="y")  # type: ignore[no-any-return]

    def _chunks(self) -> dict[str, int]:
        """Give the largest chunk along each dimension: dask's, or those that suit the files."""
        preferred = preferred_chunks(self.plan, ("band", "time", "y", "x"))
        return {**preferred, **{str(dim): max(sizes) for dim, sizes in self._data.chunksizes.items() if sizes}}


@xr.register_dataarray_accessor("cogweave")  # type: ignore[no-untyped-call]
class CogweaveAccessor(_Accessor[xr.DataArray]):
    """The plan behind an array that cogweave opened, for the window that its coordinates tell.

    Parameters
    ----------
    data : xarray.DataArray
    """

    @property
    def plan(self) -> Plan:
        """Plan of the array's window.

        Raises
        ------
        InvalidArgument
            The array was computed, not opened, or its coordinates are not those of its plan.
        """
        return _windowed(self._data, self._opened)

    @property
    def _opened(self) -> Plan:
        plan = self._data.encoding.get(PLAN)
        if not isinstance(plan, Plan):
            raise InvalidArgument(
                "this array has no plan: it was not opened by cogweave, or was computed from such "
                "an array (arithmetic leaves the plan behind)"
            )
        return plan

    @property
    def _array(self) -> PlanArray:
        return PlanArray(self.plan, drop_band="band" not in self._data.dims)

    def sample(
        self, points: object, *, crs: object = None, method: str | None = "nearest", tolerance: float | None = None
    ) -> xr.DataArray:
        """Read the array's values at points: thousands of points and many dates are one read.

        Parameters
        ----------
        points : GeoDataFrame, GeoSeries or a pair of arrays
            Points with their CRS; or x and y, in ``crs``.
        crs : optional
            CRS of x and y; None: the array's.
        method : {"nearest", None}
            ``"nearest"``: the value of the cell that a point lies in. None: points must be centres
            of cells.
        tolerance : float, optional
            Largest distance between a point and its cell's centre, in units of the array's CRS.

        Returns
        -------
        xarray.DataArray
            The array's dimensions with ``point`` instead of ``y`` and ``x``, loaded. Points outside
            the array, farther off than the tolerance, NaN or empty have the nodata value (NaN
            where the array is masked, 0 where there is none).

        Raises
        ------
        InvalidArgument
            Points that are none.
        AssetError
            A file that is needed and cannot be read.
        """
        return self._finished(sample(self.plan, points, crs=crs, method=method, tolerance=tolerance))

    async def sample_async(
        self, points: object, *, crs: object = None, method: str | None = "nearest", tolerance: float | None = None
    ) -> xr.DataArray:
        """Await what `sample` gives."""
        return self._finished(await sample_async(self.plan, points, crs=crs, method=method, tolerance=tolerance))

    def _finished(self, values: xr.DataArray) -> xr.DataArray:
        """Give sampled values the array's own dimensions, coordinates, dtype and masking."""
        data = self._data
        for name in ("band", "time"):
            if name not in data.dims:
                values = values.isel({name: 0}, drop=name not in data.coords)
        kept = {
            name: coord
            for name, coord in data.coords.items()
            if name not in values.coords and set(coord.dims) <= {"band", "time"}
        }
        values = values.assign_coords(kept)
        values.name = data.name
        if "_FillValue" not in data.attrs and any(name in data.encoding for name in _DECODING[:3]):
            raw = values.variable.copy()
            raw.attrs = {name: data.encoding[name] for name in _DECODING[:3] if name in data.encoding}
            decoded = xr.conventions.decode_cf_variable(data.name, raw, decode_times=False)
            values = values.copy(data=np.asarray(decoded.values, data.dtype))
        values.attrs = dict(data.attrs)
        return values


@xr.register_dataset_accessor("cogweave")  # type: ignore[no-untyped-call]
class CogweaveDatasetAccessor(_Accessor[xr.Dataset]):
    """The plan behind a dataset that cogweave opened: all its variables as bands.

    Parameters
    ----------
    data : xarray.Dataset
    """

    @property
    def plan(self) -> Plan:
        """Plan of the dataset's window, its variables as bands.

        Raises
        ------
        InvalidArgument
            No variable was opened by cogweave, or they come from different opens.
        """
        return _windowed(self._data, self._opened)

    @property
    def _opened(self) -> Plan:
        plans = [
            _of_variable(variable, plan)
            for variable in self._data.data_vars.values()
            if isinstance(plan := variable.encoding.get(PLAN), Plan)
        ]
        if not plans:
            raise InvalidArgument(_NO_VARIABLE)
        if len({plan._base.digest for plan in plans}) > 1:
            raise InvalidArgument("the variables of this dataset come from different opens: ask one variable")
        windows = [plan._window.axes for plan in plans]
        bands = np.concatenate([axes[0].positions for axes in windows])
        return plans[0]._sliced(Window((Selection.listed(bands), *windows[0][1:])))

    def sample(
        self, points: object, *, crs: object = None, method: str | None = "nearest", tolerance: float | None = None
    ) -> xr.Dataset:
        """Read the variables' values at points; as `CogweaveAccessor.sample`, variable by variable."""
        return xr.Dataset(
            {
                name: of.sample(points, crs=crs, method=method, tolerance=tolerance)
                for name, of in self._variables().items()
            }
        )

    async def sample_async(
        self, points: object, *, crs: object = None, method: str | None = "nearest", tolerance: float | None = None
    ) -> xr.Dataset:
        """Await what `sample` gives; the variables are read side by side."""
        variables = self._variables()
        reads = [
            asyncio.ensure_future(of.sample_async(points, crs=crs, method=method, tolerance=tolerance))
            for of in variables.values()
        ]
        try:
            return xr.Dataset(dict(zip(variables, await asyncio.gather(*reads), strict=True)))
        finally:
            for read in reads:  # one that failed leaves the others without anybody who waits for them
                read.cancel()

    def _variables(self) -> dict[Hashable, CogweaveAccessor]:
        """Give the accessors of the variables that cogweave opened."""
        opened = {name: v.cogweave for name, v in self._data.data_vars.items() if PLAN in v.encoding}
        if not opened:
            raise InvalidArgument(_NO_VARIABLE)
        return opened


def _of_variable(data: xr.DataArray, plan: Plan) -> Plan:
    """Give the part of a plan of several bands that a variable without the band axis is, by its name.

    `to_dataset("band")` makes such variables.
    """
    if "band" in data.coords or "band" in data.dims or len(plan.bands) == 1:
        return plan
    if data.name not in plan.bands:
        raise InvalidArgument(
            f"variable {data.name!r} is none of the bands {', '.join(plan.bands)} and has no coordinate 'band' to tell "
            "which of them it is: ask before it is renamed"
        )
    bands, *others = plan._window.axes
    at = Selection.listed(bands.positions[[plan.bands.index(str(data.name))]])
    return plan._sliced(Window((at, others[0], others[1], others[2])))


def _windowed(data: xr.DataArray | xr.Dataset, plan: Plan) -> Plan:
    """Give the part of a plan that an object's coordinates tell."""
    if isinstance(data, xr.DataArray):
        plan = _of_variable(data, plan)
    _check_axes(data, plan)
    grid = plan._base.grid
    bands, times, rows, cols = plan._window.axes
    a, _, c, _, e, f = grid.transform
    named = isinstance(data, xr.DataArray)  # a dataset's variables are its bands
    names = _values(data, "band") if named else None
    return plan._sliced(
        Window(
            (
                _chosen(bands, None if names is None else _found(names, np.asarray(plan.bands), "band")),
                _chosen(times, _steps(data, plan)),
                _cells(data, "y", f, e, rows) if grid.rectilinear else rows,
                _cells(data, "x", c, a, cols) if grid.rectilinear else cols,
            )
        )
    )


def _check_axes(data: xr.DataArray | xr.Dataset, plan: Plan) -> None:
    """Refuse an object that does not tell which part of the plan it is.

    An axis without a coordinate must be there as a whole; rows and columns must not run along one dimension.
    """
    coords = data.coords
    if "y" in coords and "x" in coords and set(coords["y"].dims) & set(coords["x"].dims):
        raise InvalidArgument(
            "y and x of this array run along one dimension: it is points, or stacked. Ask the array it was taken from"
        )
    for name, axis in zip(AXES, plan._window.axes, strict=True):
        told = name in coords and (plan._base.grid.rectilinear or name in ("band", "time"))
        if told or (name == "band" and isinstance(data, xr.Dataset)):
            continue
        if data.sizes.get(name, 1) != axis.count:
            raise InvalidArgument(
                f"this array has no coordinate {name!r} to tell which part of its plan it is: ask for it before "
                f"{name} is dropped, renamed or, without coordinates, sliced"
            )


def _chosen(whole: Selection, positions: NDArray[np.int64] | None) -> Selection:
    return whole if positions is None else Selection.listed(whole.positions[positions])


def _values(data: xr.DataArray | xr.Dataset, name: str) -> NDArray[Any] | None:
    return np.atleast_1d(data.coords[name].values) if name in data.coords else None


def _steps(data: xr.DataArray | xr.Dataset, plan: Plan) -> NDArray[np.int64] | None:
    """Give the places of an object's time steps; the coordinate group tells steps of one instant apart."""
    moments = _values(data, "time")
    if moments is None:
        return None
    groups = plan.groups
    told = _values(data, "group")
    if groups is None or told is None or told.shape != moments.shape or moments.dtype.kind != "M":
        return _found(moments, plan.times, "time")
    return _found(_pairs(moments, told), _pairs(plan.times, groups), "time")


def _pairs(times: NDArray[Any], groups: NDArray[Any]) -> NDArray[np.str_]:
    """Write time steps with their groups as texts."""
    instants = times.astype("datetime64[ns]").astype("int64").tolist()
    texts = [f"{time} {group}" for time, group in zip(instants, groups.tolist(), strict=True)]
    return np.asarray(texts, "U")


def _found(values: NDArray[Any], among: NDArray[Any], name: str) -> NDArray[np.int64]:
    if np.array_equal(values, among):
        return np.arange(len(among), dtype=np.int64)
    order = np.argsort(among, kind="stable")
    places = np.searchsorted(among, values, sorter=order)
    positions = order[np.minimum(places, len(among) - 1)] if len(among) else places
    if len(values) and (not len(among) or not np.array_equal(among[positions], values)):
        raise InvalidArgument(f"coordinate {name} has values that the array's plan has not")
    ends = np.searchsorted(among, values, side="right", sorter=order)
    if (ends - places > 1).any():
        raise InvalidArgument(
            f"coordinate {name} does not tell which part of its plan this array is: several {name} steps are alike. "
            "Ask the array it was taken from"
        )
    return positions.astype(np.int64)


def _cells(data: xr.DataArray | xr.Dataset, name: str, origin: float, size: float, among: Selection) -> Selection:
    centres = _values(data, name)
    if centres is None:
        return among
    exact = (centres - origin) / size - 0.5
    positions = np.rint(exact)
    outside = (positions < 0) | (np.abs(exact - positions) > _OFF_CENTRE)
    if outside.any() or not np.isin(positions, among.positions).all():
        raise InvalidArgument(f"coordinate {name} has values that are no centres of the plan's grid")
    return Selection.listed(positions.astype(np.int64))
