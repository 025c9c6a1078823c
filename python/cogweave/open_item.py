"""open_item: one item, or one GeoTIFF, becomes a lazy array on its own grid."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import _arguments, _lib, _signing
from . import _storage as stores
from ._arrays import DIMS, Chunks, chunked, data_array, dataset
from ._plan_request import plan_request
from ._ports import Request
from ._redact import redact
from ._stac import as_json, dicts
from ._steps import Steps, aside, ask, awaiting, blocking
from .errors import InvalidArgument
from .grid import Grid, as_grid
from .plan import Plan, make
from .progress import Progress, tracker
from .search import take_handle
from .tables import Headers, Items

if TYPE_CHECKING:
    import ctypes

    import xarray as xr

_GEOTIFF: Final = "image/tiff; application=geotiff"
_FILE: Final = "file"  # key of the one asset of an item that is made for a file
_ALPHA: Final = (1, 2)  # values of TIFF's ExtraSamples


@dataclass(frozen=True, slots=True)
class _Thing:
    """What is opened: a STAC item, or a file with the bands that its header tells of.

    Attributes
    ----------
    label : str
        In words, without secrets.
    item : dict
        The item; for a file, one that was made for it.
    path : str or None
        The file; None for an item.
    """

    label: str
    item: dict[str, Any]
    path: str | None


@_arguments.names_replacements
def _open_item(
    item_or_href: object,
    *,
    grid: object = "native",
    bands: str | int | Iterable[str | int] | None = None,
    resampling: str | Mapping[str, str] = "nearest",
    overview_level: int | None = None,
    overviews: bool = True,
    nodata: float | None = None,
    dtype: object = None,
    as_dataset: bool = False,
    chunks: Chunks | None = None,
    sign: _signing.Signer | None = None,
    storage: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
) -> Steps[xr.DataArray | xr.Dataset]:
    """Open one STAC item, or one GeoTIFF, as a lazy ``(band, y, x)`` array.

    On its own grid, which is the default, pixels are copied as they are stored: nothing is
    resampled, at whatever overview level. Pixels that the file declares invalid (nodata, NaN, an
    internal mask, alpha 0) hold the array's nodata value. To have validity apart from the pixels,
    ask for floats: with ``dtype="float64", nodata=float("nan")`` the mask is ``da.isnull()``.

    Parameters
    ----------
    item_or_href
        A path or URL of a GeoTIFF, a path of an item's JSON, a `pystac.Item`, or an item as a dict.
    grid : "native", Grid, GeoBox or xarray object, optional
        ``"native"``: the grid of the pixels themselves, which the bands must share. A file that
        does not say where it lies, or does so by ground control points only, has its pixels'
        numbers for coordinates and no CRS. Another grid: the pixels are resampled onto it.
    bands : str, int or iterable of them, optional
        Of an item: asset keys, ``"asset.N"`` (from 1) or common names; None: every COG asset. Of a
        file: numbers from 1 or descriptions; None: all bands but an alpha band. In the order
        wanted; the coordinate ``band`` has them as texts.
    resampling : str or dict, optional
        GDAL's name, or one per band with ``"*"`` for the others; used where ``grid`` is another.
    overview_level : int, optional
        Read this overview, 0 for the first, as rasterio counts them. None: full resolution on the
        native grid, else the level that suits the grid.
    overviews : bool, optional
        False: read full resolution whatever the grid.
    nodata : float, optional
        Value of invalid pixels; None: the file's, else NaN for floats and 0 for integers.
    dtype : numpy dtype, optional
        Type of the pixels; None: what holds all bands.
    as_dataset : bool, optional
        Give a `xarray.Dataset`, one variable ``(y, x)`` per band, each with its own dtype and
        nodata.
    chunks : int, tuple, dict, "auto" or {}, optional
        None: lazy without dask; else as `xarray.open_dataset` takes them.
    sign : callable, optional
        Makes hrefs readable when files are read: ``href -> href`` or ``hrefs -> hrefs`` (told apart by
        the annotation of the parameter, else by its name), sync or async; see `cogweave.sign`.
    storage : dict, optional
        Options of stores, by URL prefix, in obstore's names.
    progress : bool or callable, optional
        True: a bar; a callable is given a `ProgressEvent` now and then, of all that runs for the array.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        Dimensions ``(band, y, x)``; raw pixel values; ``spatial_ref`` with the CRS, and the transform
        where x and y do not tell it; for an item, its datetime as the scalar coordinate ``time``.

    Raises
    ------
    InvalidArgument
        No such band or overview level (the error tells what there is), bands without a common
        grid or dtype, an object that is neither item nor href.
    AssetError
        A file that cannot be read; `DecodeError` if it is no GeoTIFF, or lies nowhere and another
        grid is asked for.
    """
    request = plan_request(
        bands=None,
        time_period=None,
        resampling=resampling,
        mosaic_method="first",
        overviews=overviews,
        nodata=nodata,
        dtype=dtype,
        errors="raise",
        per_band=as_dataset,
    )
    if overview_level is not None:
        request["overview_level"] = _arguments.count(overview_level, "overview_level")
    signer = _signing.checked(sign)
    thing = yield from aside(_recognise, item_or_href)
    if thing.path is None:
        request["bands"] = _arguments.bands(bands)  # type: ignore[arg-type]
    else:
        thing, request["bands"] = yield from _with_bands(thing, thing.path, bands, storage, signer)
    items = yield from aside(_table, thing.item)
    if isinstance(grid, str) and grid == "native":
        request["native"] = True
        where = yield from native_grid(items, request, storage, signer)
    else:
        where = yield from aside(as_grid, grid)
    plan = yield from make(items, None, where, request, storage, signer, tracker(progress))
    return (yield from aside(_array, plan, thing, chunks, as_dataset))


def _recognise(given: object) -> _Thing:
    """Tell items and hrefs apart; nothing but an item's JSON is read."""
    if isinstance(given, (str, os.PathLike)):
        href = os.fspath(given)
        if not isinstance(href, str) or not href:
            raise InvalidArgument(f"item_or_href wants a path or a URL, and was given {given!r}")
        if "://" not in href and href.lower().endswith((".json", ".geojson")):
            return _item_at(Path(href).expanduser())
        return _file_item(href)
    found = dicts(given)
    if found is None or len(found) != 1 or not isinstance(found[0].get("assets"), Mapping):
        raise InvalidArgument(
            "item_or_href wants a path, a URL, or one STAC item as pystac or dict, and was given "
            + (type(given).__name__ if found is None else f"{len(found)} items, or one without assets")
        )
    return _Thing(f"item {found[0].get('id')}", found[0], None)


def _item_at(path: Path) -> _Thing:
    try:
        item = json.loads(path.read_bytes())
    except (OSError, ValueError) as problem:
        raise InvalidArgument(f"{path} cannot be read as a STAC item: {problem}") from None
    if not isinstance(item, dict) or item.get("type") != "Feature" or not isinstance(item.get("assets"), dict):
        raise InvalidArgument(f"{path} is no STAC item")
    # Relative hrefs start where the file lies.
    links = [link for link in item.get("links") or () if link.get("rel") != "self"]
    item["links"] = [{"rel": "self", "href": str(path.absolute())}, *links]
    return _Thing(str(path), item, None)


def _file_item(href: str) -> _Thing:
    if "://" not in href:
        href = str(Path(href).expanduser().absolute())
    label = redact(href)
    item = {
        "id": label,
        "properties": {"datetime": "1970-01-01T00:00:00Z"},
        "assets": {_FILE: {"href": href, "type": _GEOTIFF}},
    }
    return _Thing(label, item, href)


def _table(item: Mapping[str, Any]) -> Items:
    """Make the engine's table of one item: its members as JSON texts."""
    import nanoarrow as na

    texts = {
        "id": str(item.get("id") or ""),
        "collection": str(item.get("collection") or ""),
        **{name: _written(item.get(name) or {}) for name in ("properties", "assets")},
        "links": _written(item.get("links") or []),
    }
    columns = [na.c_array([text], na.string()) for text in texts.values()]
    row = na.c_array_from_buffers(na.struct(dict.fromkeys(texts, na.string())), 1, [None], children=columns)
    return Items(na.c_array_stream(row))


def _written(member: object) -> str:
    """Write a member of an item as JSON; what JSON does not know in whatever words it has."""
    try:
        text = as_json(member)
        text.encode()  # half a surrogate pair has no UTF-8, and can be escaped
    except (TypeError, UnicodeEncodeError):
        return json.dumps(member, default=str)
    return text


def _with_bands(
    thing: _Thing,
    path: str,
    bands: object,
    storage: Mapping[str, Mapping[str, Any]] | None,
    sign: _signing.Sign | None,
) -> Steps[tuple[_Thing, list[str]]]:
    """Read a file's header, and name its bands as they are asked for."""
    items = yield from aside(_table, thing.item)
    request = _lib.encode(
        {
            "bands": [_FILE],
            "storage": stores.request(storage),
            "sign": _signing.name(sign),
        }
    )

    def submit(lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        status: int = lib.cw_headers(queue, request, items.native, op, error)
        return status

    answerers = {**stores.answerers(storage), **_signing.answerers(sign)}
    headers = yield from ask(Request(submit, lambda op: Headers._owning(take_handle(op)), answerers=answerers))
    names = yield from aside(_described, headers)
    chosen = _chosen(names, bands, thing.label)
    key = _FILE
    while key in chosen:
        key += "_"
    # A band is found by its common name, which is what it was asked for as.
    told: list[dict[str, Any]] = [{"name": str(n)} for n in range(1, len(names) + 1)]
    for label, number in chosen.items():
        told[number - 1].setdefault("eo:common_name", label)
    if len({*chosen.values()}) < len(chosen):
        raise InvalidArgument(f"bands names a band of {thing.label} twice: {list(chosen)}")
    asset = {"href": path, "type": _GEOTIFF, "bands": told}
    return _Thing(thing.label, {**thing.item, "assets": {key: asset}}, path), list(chosen)


def _described(headers: Headers) -> list[str | None]:
    """Give the description of each band of a file, "" where it has none, None for an alpha band."""
    import nanoarrow as na

    stream = na.ArrayStream(headers)
    names = [field.name for field in stream.schema.fields]
    table = stream.read_all()
    level = table.child(names.index("levels")).to_pylist()[0][0]
    descriptions = table.child(names.index("descriptions")).to_pylist()[0] or []
    count = level["samples"]
    extra = level["extra_samples"] or []
    kinds = [0] * (count - len(extra)) + extra
    alpha = next((n for n, kind in enumerate(kinds) if kind in _ALPHA), None) if count > 1 else None
    return [
        None if n == alpha else descriptions[n] if n < len(descriptions) else ""
        for n in range(count)
    ]  # fmt: skip


def _chosen(names: list[str | None], bands: object, label: str) -> dict[str, int]:
    """Give the number, from 1, of each band asked for, under the name it was asked for as."""
    if bands is None:
        return {str(n): n for n, name in enumerate(names, 1) if name is not None}
    listed = [bands] if isinstance(bands, (str, int)) else bands
    if not isinstance(listed, Iterable):
        raise InvalidArgument(f"bands wants numbers or descriptions of bands, and was given {bands!r}")
    out: dict[str, int] = {}
    for band in listed:
        text = str(band)
        found = [n for n, name in enumerate(names, 1) if name == text]
        if text.isdecimal() and 1 <= int(text) <= len(names):
            found = [int(text)]
        if isinstance(band, bool) or len(found) != 1 or text in out:
            known = ", ".join(f"{n} {name}".strip() if name else str(n) for n, name in enumerate(names, 1))
            raise InvalidArgument(f"band {band!r} is not one of {label}, or is named twice; there are: {known}")
        out[text] = found[0]
    if not out:
        raise InvalidArgument("bands is empty: leave it out for every band")
    return out


def native_grid(
    items: Items,
    request: Mapping[str, Any],
    storage: Mapping[str, Mapping[str, Any]] | None,
    sign: _signing.Sign | None,
) -> Steps[Grid]:
    """Ask the engine what grid the bands' own pixels have."""
    wanted = _lib.encode(
        {
            **request,
            "storage": stores.request(storage),
            "sign": _signing.name(sign),
        }
    )

    def submit(lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        status: int = lib.cw_plan(queue, wanted, items.native, 0, op, error)
        return status

    answerers = {**stores.answerers(storage), **_signing.answerers(sign)}
    handle = yield from ask(Request(submit, take_handle, answerers=answerers))
    try:
        told = (yield from aside(_lib.ask, "cw_plan_describe", handle))["grid"]
    finally:
        _lib.release(handle)
    a, b, c, d, e, f = told["transform"]
    return Grid._exact(told["crs"], (a, b, c, d, e, f), (told["shape"][0], told["shape"][1]))


def _array(plan: Plan, thing: _Thing, chunks: Chunks | None, as_dataset: bool) -> xr.DataArray | xr.Dataset:
    """Lay out the array, without a time axis; a file has no time at all."""
    # Beside its own name, a band of a file has those that were made up to find it.
    made_up = [] if thing.path is None else ["time", "asset", "common_name"]
    if as_dataset:
        if chunks is not None:
            raise InvalidArgument("chunks goes with an array; a dataset takes chunks by its method chunk")
        variables = dataset(plan, thing.label, mask_and_scale=False).isel(time=0)
        for name in variables.data_vars:
            for attr in made_up[1:]:
                variables[name].attrs.pop(attr, None)
        return variables.drop_vars(made_up, errors="ignore")
    data = data_array(plan, thing.label)
    encoding = dict(data.encoding)
    if chunks is not None:
        data = chunked(data, plan, _four(chunks))
    data = data.isel(time=0).drop_vars(made_up, errors="ignore")
    preferred = {dim: size for dim, size in encoding["preferred_chunks"].items() if dim != "time"}
    data.encoding = {**encoding, "preferred_chunks": preferred}
    return data


def _four(chunks: Chunks) -> Chunks:
    """Give chunks of ``(band, y, x)`` as chunks of ``(band, time, y, x)``."""
    if isinstance(chunks, tuple):
        if len(chunks) != len(DIMS) - 1:
            raise InvalidArgument(f"chunks {chunks!r} do not fit the dimensions (band, y, x)")
        return (chunks[0], 1, *chunks[1:])
    if isinstance(chunks, Mapping) and "time" in chunks:
        raise InvalidArgument("chunks names time; there are ('band', 'y', 'x')")
    return chunks


open_item = blocking(_open_item)
open_item_async = awaiting(_open_item)
