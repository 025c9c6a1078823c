"""plan: items on a grid become reads."""

from __future__ import annotations

import collections
import dataclasses
import functools
import hashlib
import json
import pickle
import threading
import warnings
import weakref
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from . import _arguments, _lib, _recipe, _signing, config, grouping, methods
from . import mask as masks
from . import storage as stores
from ._arrow import Headers, Items, Reads
from ._loop import Request, Steps, aside, ask, awaiting, blocking, drive
from ._recipe import Found
from ._source import Source
from ._window import AXES, Window
from .errors import InvalidArgument
from .explain import Explanation, explain
from .grid import Grid, as_grid
from .progress import Progress, Tracker, followed, tracker
from .report import Gathered
from .search import find, take_handle

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from ._answers import Answerers
    from .grouping import TimePeriod
    from .mask import Mask
    from .methods import MosaicMethod

_LARGE: Final = 16 << 20  # bytes of items' rows that are not kept beside a plan
_KEPT: Final = 4  # unpickled plans that stay at hand although nothing holds them


@dataclass(frozen=True, slots=True)
class Band:
    """A band of a plan.

    Attributes
    ----------
    name : str
        As it was asked for.
    asset : str
        Key of its asset.
    common_name : str
        STAC's common name, or "".
    index : int
        Band within the asset, from 1.
    dtype : numpy.dtype
    nodata : float, int or None
    resampling : str
    scale, offset : float
        Physical value = scale * pixel + offset; 1 and 0 where nothing is known, where pixels are
        physical already (``scale=True``), and where the mosaic method leaves no such pair.
    mixed_scale : bool
        The catalog gives some items another scale or offset than that.
    wavelength : float
        Of the band's centre, micrometres; NaN where nothing is known.
    """

    name: str
    asset: str
    common_name: str
    index: int
    dtype: np.dtype[Any]
    nodata: float | int | None
    resampling: str
    scale: float = 1.0
    offset: float = 0.0
    wavelength: float = float("nan")
    mixed_scale: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """What the engine says of a plan; enough to lay out arrays without the engine.

    Attributes
    ----------
    times : numpy.ndarray
        Start of each time step, datetime64[ns].
    groups : numpy.ndarray of str or None
        Key of each step, where steps are not instants or periods.
    bands : tuple of Band
    dtype, nodata
        Common to all bands.
    item_count : int
    step_items : numpy.ndarray of int64
        Items of each step.
    chunk : (int, int) or None
        Rows and columns of a window that fits the files' tiles.
    warnings : tuple of str
        What the user should know, a sentence each.
    """

    times: NDArray[np.datetime64]
    groups: NDArray[np.str_] | None
    bands: tuple[Band, ...]
    dtype: np.dtype[Any]
    nodata: float | int | None
    item_count: int
    step_items: NDArray[np.int64]
    chunk: tuple[int, int] | None
    warnings: tuple[str, ...]

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Description:
        """Make one of the engine's JSON."""
        dtype = np.dtype(told["dtype"])
        groups, chunk = told.get("groups"), told.get("chunk")
        return cls(
            times=_nanoseconds(np.asarray(told["times"], dtype="int64")),
            groups=None if groups is None else np.asarray(groups, dtype="U"),
            bands=tuple(_band(band) for band in told["bands"]),
            dtype=dtype,
            nodata=_arguments.nodata_of(told.get("nodata"), dtype),
            item_count=int(told.get("item_count", 0)),
            step_items=np.asarray(told.get("step_items") or [], dtype="int64"),
            chunk=None if not chunk else (int(chunk[0]), int(chunk[1])),
            warnings=tuple(told.get("warnings") or ()),
        )


def _band(told: Mapping[str, Any]) -> Band:
    dtype = np.dtype(told["dtype"])
    return Band(
        name=told["name"],
        asset=told["asset"],
        common_name=told.get("common_name") or "",
        index=int(told.get("index", 1)),
        dtype=dtype,
        nodata=_arguments.nodata_of(told.get("nodata"), dtype),
        resampling=told.get("resampling") or "",
        scale=float(told.get("scale") or 1.0),
        offset=float(told.get("offset") or 0.0),
        mixed_scale=bool(told.get("mixed_scale")),
        wavelength=float(told.get("wavelength") or "nan"),
    )


def _nanoseconds(micros: NDArray[np.int64]) -> NDArray[np.datetime64]:
    limit = np.iinfo(np.int64).max // 1000
    if micros.size and int(np.abs(micros).max()) > limit:
        raise InvalidArgument("a time step outside the years 1678 to 2261, which xarray's time holds")
    return micros.astype("datetime64[us]").astype("datetime64[ns]")


@dataclass(frozen=True, slots=True)
class Membership:
    """What a plan made of its items.

    Attributes
    ----------
    steps : numpy.ndarray of int32
        Time step of each item, by its position in `Plan.times` of the whole plan.
    digest : str
        The same for the same items, in whatever process.
    """

    steps: NDArray[np.int32]
    digest: str


class Base:
    """What the windows of one plan share: the items, the request, and the engine's plan.

    It pickles as a recipe, without secrets (`_recipe`), and is planned anew where it is first used
    after that.

    Parameters
    ----------
    items : Items or Found
        The items, or how to find them.
    """

    def __init__(
        self,
        items: Items | Found,
        headers: Headers | None,
        grid: Grid,
        request: dict[str, Any],
        storage: dict[str, dict[str, Any]] | None,
        sign: _signing.Sign | None = None,
        progress: Tracker | None = None,
    ) -> None:
        self._items: Items | None = None if isinstance(items, Found) else items
        self._found: Found | None = items if isinstance(items, Found) else None
        self.headers, self.grid = headers, grid
        self.request, self.storage, self.sign = request, storage, sign
        self.progress, self.gathered = progress, Gathered()
        self.described: Description | None = None
        self._handle = 0
        self._lock = threading.Lock()
        self._digest: str | None = None
        self._identity = None if self._items is None else self._items.identity
        self._membership: Membership | None = None

    @property
    def items(self) -> Items:
        """The items that were planned; found again where they came by reference."""
        if self._items is None:
            drive(self.ready())
        return drive(self._reread()) if self._items is None else self._items

    def ready(self) -> Steps[int]:
        """Give the engine's handle, planning first where there is none yet."""
        if (handle := self._handle) != 0:
            return handle
        if self.headers is not None:
            yield from aside(getattr, self.headers, "native")
        items = self._items or (yield from self._find())
        yield from aside(getattr, items, "native")
        request = Request(functools.partial(self._submit, items), take_handle, answerers=self.answerers)
        handle = yield from ask(followed(request, self.progress))
        if self._found is not None:
            self._found.check((yield from aside(_membership, handle)).digest)
        with self._lock:
            self._items = self._items or items
            spare, self._handle = (handle, self._handle) if self._handle else (0, handle)
        _lib.release(spare)  # another thread or task was quicker
        yield from aside(self._describe)
        return self._handle

    def _find(self) -> Steps[Items]:
        """Search the catalog that the items were found in."""
        found = cast("Found", self._found)
        source = Source(list(found.paths), None)
        return (yield from find(source, json.loads(found.query), self.storage, self.sign, self.progress))

    def let_go(self) -> None:
        """Forget the rows of many items of local files: the engine's plan knows what it needs of them.

        They are read again when they are asked for.
        """
        items = self._items
        if items is None or items.found is None or items.identity is None or items.nbytes < _LARGE:
            return
        with self._lock:
            if self._handle:
                self._found, self._items = self._found or items.found, None

    def _reread(self) -> Steps[Items]:
        """Read rows that were let go of; the files must be those that were planned."""
        items = yield from self._find()
        if items.identity != self._identity:
            raise cast("Found", self._found).changed()
        self._items = items
        return items

    @property
    def answerers(self) -> Answerers:
        """Who answers what the engine asks while it reads this plan's files."""
        return {**stores.answerers(self.storage), **_signing.answerers(self.sign), **methods.answerers(self.request)}

    def _submit(self, items: Items, lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        request = _lib.encode(
            {
                "grid": self.grid._request(),
                **self.request,
                "storage": stores.request(self.storage),
                "sign": _signing.name(self.sign),
            }
        )
        headers = 0 if self.headers is None else self.headers.native
        status: int = lib.cw_plan(queue, request, items.native, headers, op, error)
        return status

    def _describe(self) -> None:
        if self.described is None:
            self.described = Description.read(_lib.ask("cw_plan_describe", self._handle))

    @property
    def description(self) -> Description:
        """What the engine says of the plan."""
        if self.described is None:
            drive(self.ready())
            self._describe()
        return cast("Description", self.described)

    @property
    def membership(self) -> Membership:
        """What the plan made of its items."""
        if self._membership is None:
            self._membership = _membership(drive(self.ready()))
        return self._membership

    @property
    def digest(self) -> str:
        """Hash of the recipe: the same for the same items, headers and request, in whatever process."""
        if self._digest is None:
            mark = hashlib.blake2b(digest_size=16)
            mark.update((self._identity or self.membership.digest).encode())
            if self.headers is not None:
                mark.update(self.headers._pack())
            recipe = [self.grid._request(), self.request, _recipe.storage(self.storage)]
            mark.update(json.dumps(recipe, sort_keys=True, default=_named).encode())
            self._digest = mark.hexdigest()
        return self._digest

    def __del__(self) -> None:
        handle, self._handle = getattr(self, "_handle", 0), 0
        if handle and _lib is not None:  # None while the interpreter shuts down
            _lib.release(handle)

    def __reduce__(self) -> tuple[Any, ...]:
        # The parts are pickled apart, so that a process that has this plan need not read them.
        items: Items | Found = self._found or self.items
        found = _recipe.reference(items) if isinstance(items, Items) else items
        if found is not None:
            items = found if found.digest else dataclasses.replace(found, digest=self.membership.digest)
        parts = (items, self.headers, self.grid, self.request, _recipe.storage(self.storage), self.sign)
        packed = pickle.dumps((*parts, self.described), protocol=5)
        return _unpickled, (self.digest, zlib.compress(packed), config.portable())


def _membership(handle: int) -> Membership:
    told = _lib.ask("cw_plan_membership", handle)
    return Membership(np.asarray(told["steps"], "int32"), told["digest"])


def _named(value: object) -> str:
    """Name what JSON cannot hold, for a digest."""
    return _recipe.import_path(value, "an option") if callable(value) else str(value)


_known: weakref.WeakValueDictionary[str, Base] = weakref.WeakValueDictionary()
_recent: collections.deque[Base] = collections.deque(maxlen=_KEPT)


def _unpickled(digest: str, packed: bytes, settings: dict[str, Any]) -> Base:
    """Give the plan that this process has under a digest, or make it of its recipe.

    A task graph carries the same plan many times; it is planned once. The settings are those of the
    process that it comes from.
    """
    base = _known.get(digest)
    if base is None:
        config.inherit(settings)
        *recipe, described = pickle.loads(zlib.decompress(packed))
        base = Base(*recipe)
        base.described, base._digest = described, digest
        base = _known.setdefault(digest, base)
        _recent.append(base)
    return base


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


def plan_request(
    *,
    bands: object,
    time_period: object,
    resampling: object,
    mosaic_method: object,
    overviews: object,
    nodata: object,
    dtype: object,
    errors: object,
    mask: object = None,
    mask_dilate: object = 0,
    min_valid: object = None,
    consistent: object = False,
    scale: object = False,
    per_band: bool = False,
) -> dict[str, Any]:
    """Check how items are to be combined, and write it as the engine's request has it."""
    return {
        "bands": _arguments.bands(bands),  # type: ignore[arg-type]
        "time_period": grouping.check(time_period),
        "resampling": _arguments.resampling(resampling),
        "mosaic_method": methods.method(mosaic_method),
        "overviews": bool(overviews),
        "nodata": _arguments.nodata(nodata),
        "dtype": _arguments.dtype(dtype),
        "errors": _arguments.one_of(errors, "errors", ("raise", "ignore")),
        "mask": masks.masks(mask),
        "mask_dilate": _arguments.count(mask_dilate, "mask_dilate"),
        "min_valid": masks.fraction(min_valid, "min_valid"),
        "consistent": masks.flag(consistent, "consistent"),
        "scale": masks.flag(scale, "scale"),
        "per_band": per_band,
    }


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
    complete = yield from aside(grouping.grouped, items, tabulated)
    base = Base(items, headers, grid, complete, stores.checked(storage), sign, progress)
    yield from base.ready()
    for text in base.description.warnings:
        warnings.warn(text, UserWarning, stacklevel=2)
    return Plan(base)


plan = blocking(_plan)
plan_async = awaiting(_plan)
