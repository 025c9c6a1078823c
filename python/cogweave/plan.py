"""plan: items on a grid become reads. `Plan`, the value, and the stage that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _arguments, _grouping, _signing
from . import _storage as stores
from . import mask as masks
from ._plan_base import Base
from ._plan_request import plan_request
from ._ports import Request
from ._steps import Steps, aside, ask, awaiting, blocking, drive
from ._warn import warn
from ._window import AXES, Window
from .errors import InvalidArgument
from .explain import Explanation, explain
from .grid import Grid, as_grid
from .progress import Progress, Tracker, tracker
from .search import take_handle
from .tables import Headers, Items, Reads

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ._grouping import TimePeriod
    from ._methods import MosaicMethod
    from ._plan_description import Band
    from .mask import Mask


class Plan:
    """A plan: which pixels of which files make which array. Immutable; made by `plan`.

    ``plan[band, time, y, x]`` gives the plan of a window: each index is a position, a slice or an
    array of positions (for the band also a name or a list of names); a single position keeps its
    axis. No search and no request is made for it. A plan pickles, as items, headers and request.
    """

    __slots__ = ("__weakref__", "_base", "_window")

    _base: Base
    _window: Window

    def __init__(self, base: Base, window: Window | None = None) -> None:
        told = base.description
        whole = (len(told.bands), len(told.times), *base.grid.shape)
        object.__setattr__(self, "_base", base)
        object.__setattr__(self, "_window", window or Window.whole(whole))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a plan is immutable")

    @property
    def grid(self) -> Grid:
        """Grid of the window.

        Raises
        ------
        InvalidArgument
            The window's rows or columns are not evenly spaced.
        """
        rows, cols = self._window.axes[2:]
        if rows.index is not None or cols.index is not None:
            raise InvalidArgument("rows or columns picked unevenly form no grid")
        return self._base.grid._window(rows.start, rows.step, rows.count, cols.start, cols.step, cols.count)

    @property
    def times(self) -> NDArray[np.datetime64]:
        """Start of each time step, datetime64[ns], UTC."""
        return self._base.description.times[self._window.axes[1].positions]

    @property
    def groups(self) -> NDArray[np.str_] | None:
        """Key of each time step, where ``time_period`` names a property; else None."""
        groups = self._base.description.groups
        return None if groups is None else groups[self._window.axes[1].positions]

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands, as they were asked for."""
        return tuple(band.name for band in self.band_details)

    @property
    def band_details(self) -> tuple[Band, ...]:
        """What is known of each band: asset, dtype, nodata, resampling, ..."""
        bands = self._base.description.bands
        return tuple(bands[i] for i in self._window.axes[0].positions.tolist())

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        if not self._base.request.get("per_band"):
            return self._base.description.dtype
        dtypes = {band.dtype for band in self.band_details}
        if len(dtypes) > 1:
            raise InvalidArgument(
                "bands of one array that keep their own dtypes: "
                + ", ".join(f"{band.name} {band.dtype}" for band in self.band_details)
            )
        return dtypes.pop() if dtypes else self._base.description.dtype

    @property
    def nodata(self) -> float | int | None:
        """Value of the cells that nothing covers; None where there is no such value."""
        if self._base.request.get("per_band") and self.band_details:
            return self.band_details[0].nodata
        return self._base.description.nodata

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Sizes of the axes ``(band, time, y, x)``."""
        band, time, rows, cols = self._window.axes
        return band.count, time.count, rows.count, cols.count

    @property
    def items(self) -> Items:
        """The items that were planned, those outside the window included."""
        return self._base.items

    @property
    def headers(self) -> Headers | None:
        """The headers that the plan was given, if it was."""
        return self._base.headers

    @property
    def reads(self) -> Reads:
        """The reads of the window, one row per tile: the very ones that `fetch` makes."""
        return drive(reads_of(self))

    def explain(self) -> Explanation:
        """Tell what reading the window would take, without reading any tile.

        Returns
        -------
        Explanation
            Prints as text, shows as HTML in a notebook.

        Raises
        ------
        AssetError
            A header that cannot be read.
        """
        return explain(self)

    def __getitem__(self, key: Any) -> Plan:
        keys = list(key) if isinstance(key, tuple) else [key]
        dots = [i for i, k in enumerate(keys) if k is Ellipsis]
        if len(dots) > 1:
            raise IndexError("an index can only have a single ellipsis")
        for at in dots:
            keys[at : at + 1] = [slice(None)] * (len(AXES) - len(keys) + 1)
        if keys:
            keys[0] = self._named(keys[0])
        return self._sliced(self._window.take(tuple(keys)))

    def _named(self, key: object) -> object:
        """Turn band names into positions."""
        if isinstance(key, str):
            return self._position(key)
        if isinstance(key, list) and key and all(isinstance(name, str) for name in key):
            return [self._position(name) for name in key]
        return key

    def _position(self, name: str) -> int:
        if name not in self.bands:
            raise InvalidArgument(f"no band {name!r}: there are {', '.join(self.bands)}")
        return self.bands.index(name)

    def _sliced(self, window: Window) -> Plan:
        return Plan(self._base, window)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Plan):
            return NotImplemented
        return self is other or self.__dask_tokenize__() == other.__dask_tokenize__()

    def __hash__(self) -> int:
        return hash((self._base.digest, self.shape))

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        """Name the plan for dask: by what it is made of, not by where it lies."""
        axes = tuple(
            (axis.start, axis.step, axis.count, None if axis.index is None else axis.index.tobytes())
            for axis in self._window.axes
        )
        return "cogweave.Plan", self._base.digest, axes

    def __copy__(self) -> Plan:
        return self

    def __deepcopy__(self, memo: object) -> Plan:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Plan, (self._base, self._window)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}: {size}" for name, size in zip(AXES, self.shape, strict=True))
        return f"<cogweave.Plan ({sizes}) {self.dtype}, {self._base.description.item_count} items>"

    def _repr_html_(self) -> str:
        return self.explain()._repr_html_()


def reads_of(plan: Plan) -> Steps[Reads]:
    """Give the reads of a plan's window."""
    base = yield from plan._base.ready()
    window = plan._window.native()

    def submit(lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        status: int = lib.cw_reads(queue, base, window, op, error)
        return status

    answerers = plan._base.answerers
    return (yield from ask(Request(submit, lambda op: Reads._owning(take_handle(op)), answerers=answerers)))


def as_plan(value: object) -> Plan:
    """Check that an argument is a plan."""
    if isinstance(value, Plan):
        return value
    raise InvalidArgument(f"a plan is wanted, as cogweave.plan makes it: {type(value).__name__}")


@_arguments.names_replacements
def _plan(
    items: object,
    grid: object,
    *,
    bands: str | Iterable[str] | None = None,
    headers: object = None,
    time_period: TimePeriod = "P1D",
    resampling: str | Mapping[str, str] = "nearest",
    mosaic_method: MosaicMethod = "first",
    mask: Mask | None = None,
    mask_dilate: int = 0,
    min_valid: float | None = None,
    consistent: bool = False,
    overviews: bool = True,
    nodata: float | None = None,
    dtype: object = None,
    scale: bool = False,
    errors: str = "raise",
    base: str | None = None,
    sign: _signing.Signer | None = None,
    storage: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
) -> Steps[Plan]:
    """Plan a mosaic: which pixels of which files make which array.

    CPU-bound and without any request where ``headers`` is given; otherwise the headers that are
    needed are read first.

    Parameters
    ----------
    items : Items or Arrow table
        As `search` gives them, or of your own making.
    grid : Grid, GeoBox or xarray object
        Where.
    bands : str or iterable of str, optional
        Asset keys, ``"asset.N"`` (from 1) or common names, in the order wanted; None: every COG
        asset.
    headers : Headers or Arrow table, optional
        As `headers` gives them.
    time_period : str, optional
        None: a time step per instant; ISO 8601 (``"P1D"``, ``"P1M"``, ...), ``"solar_day"``,
        ``"id"``, a property's name, or a callable that gives a key for an item (a mapping of its
        columns).
    resampling : str or dict, optional
        GDAL's name, or one per band with ``"*"`` for the others.
    mosaic_method : str or callable, optional
        How items of a step combine, as in `open`.
    mask, mask_dilate, min_valid, consistent, scale
        As in `open`. With ``headers``, those of the mask's assets are wanted too.
    overviews : bool, optional
        False: read full resolution whatever the grid.
    nodata : float, optional
        Value of cells that nothing covers; None: the sources', else NaN or 0.
    dtype : numpy dtype, optional
        Type of the pixels; None: what holds all bands.
    errors : {"raise", "ignore"}, optional
        ``"ignore"``: an item that cannot be read counts as absent.
    base : str, optional
        Catalog that relative hrefs are relative to; None: where the items come from.
    sign : callable, optional
        Makes hrefs readable when files are read: ``href -> href`` or ``hrefs -> hrefs`` (told apart by
        the annotation of the parameter, else by its name), sync or async; see `cogweave.sign`.
    storage : dict, optional
        Options of stores, by URL prefix, in obstore's names.
    progress : bool or callable, optional
        True: a bar; a callable is given a `ProgressEvent` now and then, of all that runs for the plan.

    Returns
    -------
    Plan

    Raises
    ------
    InvalidArgument
        An argument that cannot be used: no such band (the error lists those there are), method,
        resampling or CRS; items or headers that are none.
    AssetError
        A header that cannot be read.
    """
    request = plan_request(
        bands=bands,
        time_period=time_period,
        resampling=resampling,
        mosaic_method=mosaic_method,
        overviews=overviews,
        nodata=nodata,
        dtype=dtype,
        errors=errors,
        mask=mask,
        mask_dilate=mask_dilate,
        min_valid=min_valid,
        consistent=consistent,
        scale=scale,
    )
    table = yield from aside(Items._of, items, "items")
    known = None if headers is None else (yield from aside(Headers._of, headers, "headers"))
    where = yield from aside(as_grid, grid)
    origin = _arguments.text(base, "base") or table.origin
    request["base"] = origin
    return (yield from make(table, known, where, request, storage, _signing.checked(sign), tracker(progress)))


def make(
    items: Items,
    headers: Headers | None,
    grid: Grid,
    request: dict[str, Any],
    storage: Mapping[str, Mapping[str, Any]] | None,
    sign: _signing.Sign | None = None,
    progress: Tracker | None = None,
) -> Steps[Plan]:
    """Plan, and give the plan of the whole grid."""
    tabulated = yield from aside(masks.tabulated, request)
    complete = yield from aside(_grouping.grouped, items, tabulated)
    base = Base(items, headers, grid, complete, stores.checked(storage), sign, progress)
    yield from base.ready()
    for band in base.description.bands:
        _arguments.nodata_kept(request["nodata"], band.nodata, band.dtype)
    for text in base.description.warnings:
        warn(text)
    return Plan(base)


plan = blocking(_plan)
plan_async = awaiting(_plan)
