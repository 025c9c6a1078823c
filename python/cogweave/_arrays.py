"""Plans as xarray objects: coordinates, attributes, encoding."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr
from xarray.core import indexing

from . import _arguments, _crs
from . import _properties as stac_properties
from ._coordinate import along, beside
from ._lazy import preferred_chunks, variable
from ._warn import warn
from ._window import AXES
from .errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._plan_description import Band
    from .grid import Grid
    from .plan import Plan

DIMS: Final = AXES
PLAN: Final = "cogweave"  # where an array's encoding keeps its plan, for the accessor

Chunks = int | str | tuple[Any, ...] | Mapping[Any, Any]


@functools.cache
def _prepare_names() -> None:
    along("band", np.asarray([""], "U"))


def prepare(grid: Grid) -> None:
    """Do ahead what makes the first array slow: an index of names by pandas, attributes of a CRS by pyproj."""
    _prepare_names()
    for axis in "yx":
        _crs.axis_attrs(grid.crs, axis)
    _crs.grid_mapping(grid.crs, None)


def data_array(plan: Plan, source: str, *, properties: list[str] | None = None) -> xr.DataArray:
    """Make the lazy ``(band, time, y, x)`` array of a plan.

    Parameters
    ----------
    plan : Plan
    source : str
        The catalog in words, without secrets; kept in ``encoding["source"]``.
    properties : list of str, optional
        Properties of the items that become coordinates on ``time``; empty for all.
    """
    attrs = _pixel_attrs(plan.nodata, plan.dtype)
    lazy = variable(plan, DIMS, attrs, _encoding(plan, DIMS, source))
    # As xarray wraps what its own backends open: read once, never written through.
    lazy = xr.Variable(
        lazy.dims,
        indexing.MemoryCachedArray(indexing.CopyOnWriteArray(lazy._data)),  # type: ignore[no-untyped-call]
        lazy.attrs,
        lazy.encoding,
        fastpath=True,
    )
    coords = {**_band_coords(plan.band_details), **_coords(plan, properties)}
    out = xr.DataArray(lazy, coords=coords)
    out.encoding = lazy.encoding  # which the constructor leaves behind
    return out


def dataset(
    plan: Plan,
    source: str,
    *,
    drop: str | Iterable[str] | None = None,
    mask_and_scale: bool | Mapping[str, bool] = True,
    properties: list[str] | None = None,
) -> xr.Dataset:
    """Make the lazy dataset of a plan: one variable ``(time, y, x)`` per band.

    Parameters
    ----------
    plan : Plan
        Made with ``per_band``: each band keeps its dtype and nodata.
    source : str
        The catalog in words, without secrets.
    drop : str or iterable of str, optional
        Bands and coordinates to leave out.
    mask_and_scale : bool or dict
        Give floats, NaN where there is nodata, scaled where the scale is known.
    properties : list of str, optional
        Properties of the items that become coordinates on ``time``; empty for all.
    """
    dropped = set(_arguments.names(drop, "drop_variables") or ())
    variables: dict[Hashable, xr.Variable] = {}
    for position, band in enumerate(plan.band_details):
        if band.name in dropped:
            continue
        one = plan[position]
        attrs = _pixel_attrs(band.nodata, band.dtype)
        if band.mixed_scale and mask_and_scale:
            warn(
                f"the catalog gives items different scales and offsets of band {band.name!r}, and mask_and_scale knows "
                "the first item's only: mask_and_scale=False, scale=True scales each item by its own"
            )
        if (band.scale, band.offset) != (1.0, 0.0):
            number = band.dtype.type if band.dtype.kind == "f" else float  # CF: values get the type of the factor
            attrs |= {"scale_factor": number(band.scale), "add_offset": number(band.offset)}
        attrs |= {"long_name": band.name, "asset": band.asset}
        if band.common_name:
            attrs["common_name"] = band.common_name
        if not np.isnan(band.wavelength):
            attrs["wavelength"] = band.wavelength
        dims = DIMS[1:]
        variables[band.name] = variable(one, dims, attrs, _encoding(one, dims, source))
    coords = {name: value for name, value in _coords(plan, properties).items() if name not in dropped}
    raw = xr.Dataset(variables, coords=coords)
    out: xr.Dataset = xr.decode_cf(
        raw,
        concat_characters=False,
        mask_and_scale=mask_and_scale,  # type: ignore[arg-type]
        decode_times=False,
        decode_coords=False,
    )
    out.encoding["source"] = source
    return out


def chunked(data: xr.DataArray, plan: Plan, chunks: Chunks) -> xr.DataArray:
    """Give a lazy array as a dask array, with names that follow from its plan.

    Parameters
    ----------
    chunks : int, tuple, dict, "auto" or {}
        As `xarray.open_dataset` takes them: ``{}`` follows the files' tiles, ``"auto"`` lets dask
        choose in multiples of that, -1 is the whole axis.
    """
    try:
        from dask.array.core import Array, normalize_chunks
        from dask.base import tokenize
        from dask.highlevelgraph import HighLevelGraph

        from ._chunks import ChunkLayer
    except ImportError as problem:
        raise ImportError("chunks= wants dask: pip install '.[dask]' in a checkout of cogweave") from problem

    preferred = preferred_chunks(plan, DIMS)
    if isinstance(chunks, Mapping):
        unknown = set(chunks) - set(DIMS)
        if unknown:
            raise InvalidArgument(f"chunks names {sorted(map(str, unknown))}; there are {DIMS}")
        wanted: Any = tuple(chunks.get(dim, preferred[dim]) for dim in DIMS)
    elif chunks == "auto":
        wanted = (preferred["band"], preferred["time"], "auto", "auto")
    else:
        wanted = chunks
    try:
        sizes = normalize_chunks(  # type: ignore[no-untyped-call]
            wanted,
            shape=data.shape,
            dtype=data.dtype,
            previous_chunks=tuple((preferred[dim],) for dim in DIMS),
        )
    except (ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError) as problem:
        told = "a chunk of no cells" if isinstance(problem, ZeroDivisionError) else problem
        raise InvalidArgument(f"chunks {chunks!r} do not fit {dict(data.sizes)}: {told}") from None
    name = f"cogweave-{tokenize(plan, sizes)}"
    graph = HighLevelGraph({name: ChunkLayer(name, plan, sizes)}, {name: set()})
    meta = np.empty((0,) * len(DIMS), data.dtype)
    out = data.copy(deep=False, data=Array(graph, name, sizes, meta=meta, dtype=data.dtype))  # type: ignore[no-untyped-call]
    out.encoding = data.encoding
    return out


def _pixel_attrs(nodata: float | None, dtype: np.dtype[Any]) -> dict[str, Any]:
    return {} if nodata is None else {"_FillValue": dtype.type(nodata)}


def _encoding(plan: Plan, dims: tuple[str, ...], source: str) -> dict[str, Any]:
    return {
        "source": source,
        "grid_mapping": "spatial_ref",
        "preferred_chunks": preferred_chunks(plan, dims),
        PLAN: plan,
    }


def _band_coords(bands: tuple[Band, ...]) -> dict[str, xr.Variable]:
    columns = {
        "band": [band.name for band in bands],
        "asset": [band.asset for band in bands],
        "common_name": [band.common_name for band in bands],
    }
    if not any(columns["common_name"]):
        del columns["common_name"]
    names = {name: np.asarray(values, "U") for name, values in columns.items()}
    out = {"band": along("band", names.pop("band"))} | {name: beside(("band",), v) for name, v in names.items()}
    wavelengths = np.asarray([band.wavelength for band in bands])
    if not np.isnan(wavelengths).all():
        out["wavelength"] = beside(("band",), wavelengths, {"units": "um"})
    return out


def _coords(plan: Plan, properties: list[str] | None) -> dict[str, xr.Variable]:
    time_attrs = {"standard_name": "time", "axis": "T"}
    out = {"time": along("time", plan.times, time_attrs)}
    groups = plan.groups
    if groups is not None:
        out["group"] = beside(("time",), groups)
    told = {} if properties is None else stac_properties.coordinates(plan, properties)
    return {**out, **told, **plan.grid.coords()}
