"""Arguments of the public functions: checked once, and put into the form the engine takes.

Every function gives the value to use or raises `InvalidArgument` naming the argument. What only
the engine can judge (band names, methods, filters) is passed on as it is.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import numbers
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, ParamSpec, TypeVar, cast

import numpy as np

from .errors import InvalidArgument

P = ParamSpec("P")
T = TypeVar("T")

BBox = tuple[float, float, float, float]

DTYPES: Final = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64",
)  # fmt: skip
RESAMPLING: Final = (
    "nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "average", "mode", "max", "min",
    "med", "q1", "q3", "sum", "rms",
)  # fmt: skip

# What lazycogs has and cogweave replaces.
_REPLACED: Final[Mapping[str, str]] = {
    "href": "source, the first argument",
    "store": "storage=",
    "duckdb_client": "source: a path, a URL or an Arrow table; cogweave runs its own DuckDB",
    "path_from_href": "sign= (href -> href)",
    "max_concurrent_reads": "cogweave.configure(max_requests=)",
}


def names_replacements(function: Callable[P, T], replaced: Mapping[str, str] = _REPLACED) -> Callable[P, T]:
    """Decorate a function so that another library's own arguments, lazycogs' here, raise a TypeError naming ours."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        for name in replaced.keys() & kwargs.keys():
            raise TypeError(f"{function.__name__.lstrip('_')}() has no argument {name!r}: use {replaced[name]}")
        return function(*args, **kwargs)

    return call


def numbers_of(value: object, count: int, argument: str, meaning: str) -> tuple[float, ...]:
    """Give ``count`` finite floats."""
    items = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else []
    if len(items) != count or not all(isinstance(item, numbers.Real) and not isinstance(item, bool) for item in items):
        raise InvalidArgument(f"{argument} wants {meaning}, and was given {value!r}")
    out = tuple(float(item) for item in items)
    if not all(map(math.isfinite, out)):
        raise InvalidArgument(f"{argument} is not finite: {out}")
    return out


def bbox(value: object, argument: str = "bbox", *, degrees: Callable[[], bool] = lambda: False) -> BBox:
    """Give ``(minx, miny, maxx, maxy)``, neither reversed nor empty.

    Where degrees says that it is in longitude and latitude, west may lie east of east, across the antimeridian
    (RFC 7946, section 5.2): east then goes on beyond 180.
    """
    box = numbers_of(value, 4, argument, "(minx, miny, maxx, maxy)")
    minx, miny, maxx, maxy = box
    if 180 >= minx > 0 > maxx >= -180 and degrees():
        maxx += 360
    if not (minx < maxx and miny < maxy):
        raise InvalidArgument(f"{argument} {box} is reversed or empty: it wants (minx, miny, maxx, maxy)")
    return minx, miny, maxx, maxy


def lonlat_bbox(value: object) -> BBox:
    """Give a bbox in degrees; west of it may lie east of it, across the antimeridian."""
    west, south, east, north = box = numbers_of(value, 4, "bbox", "(west, south, east, north)")
    if not (-90 <= south <= north <= 90):
        raise InvalidArgument(f"bbox {box}: latitudes run from south to north within ±90 degrees")
    if not (-180 <= west <= 180 and -180 <= east <= 180):
        if not (-360 <= west <= east <= 360):
            raise InvalidArgument(f"bbox {box}: longitudes lie within ±180 degrees")
    elif west > east and not (west > 0 > east):
        raise InvalidArgument(
            f"bbox {box} is reversed: it wants (west, south, east, north), and west lies east of "
            "east only across the antimeridian"
        )
    return west, south, east, north


def resolution(value: object) -> tuple[float, float]:
    """Give x and y pixel sizes, positive."""
    pair = (value, value) if isinstance(value, numbers.Real) else value
    xres, yres = numbers_of(pair, 2, "resolution", "a number or (xres, yres)")
    if xres <= 0 or yres <= 0:
        raise InvalidArgument(f"resolution is not positive: {value!r}")
    return xres, yres


def anchor(value: object) -> tuple[float, float]:
    """Give the fraction of a pixel (x, y) by which edges lie off the multiples."""
    if value == "edge":
        return 0.0, 0.0
    if value in ("center", "centre"):
        return 0.5, 0.5
    xoff, yoff = numbers_of(value, 2, "anchor", '"edge", "center" or two fractions of a pixel')
    if not (0 <= xoff < 1 and 0 <= yoff < 1):
        raise InvalidArgument(f"anchor lies in [0, 1): {value!r}")
    return xoff, yoff


def names(value: str | Iterable[str] | None, argument: str) -> list[str] | None:
    """Give a list of distinct texts; one text stands for a list of it, None for all."""
    if value is None:
        return None
    listed = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    if not all(isinstance(name, str) and name for name in listed):
        raise InvalidArgument(f"{argument} wants names, and was given {value!r}")
    if len(set(listed)) != len(listed):
        raise InvalidArgument(f"{argument} names something twice: {listed}")
    return listed


def bands(value: str | Iterable[str] | None) -> list[str] | None:
    """Give the bands asked for, at least one; None means every COG asset."""
    listed = names(value, "bands")
    if listed is not None and not listed:
        raise InvalidArgument("bands is empty: leave it out for every band")
    return listed


# A year, month or day, or an instant; fractions and offsets as RFC 3339 has them.
_INSTANT: Final = re.compile(r"\d{4}(-\d{2}(-\d{2}([Tt ]\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?([Zz]|[+-]\d{2}:?\d{2})?)?)?)?")


def datetime(value: object) -> str | None:
    """Give a time query as text: an instant, a partial date, or an interval ``start/end``.

    Takes text, `datetime`, `date` and numpy values, and pairs or slices of them; None or ``".."``
    leaves an end open. Values without a zone are UTC.
    """
    if value is None:
        return None
    if isinstance(value, slice):
        value = (value.start, value.stop)
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise InvalidArgument(f"datetime wants one time or a (start, end) pair: {value!r}")
        start, end = map(_time_text, value)
        if start == end == "..":
            return None
        return f"{start}/{end}"
    text = _time_text(value)
    if text == "..":
        raise InvalidArgument('datetime ".." names no time: leave it out for every time')
    start, slash, end = text.partition("/")
    if not slash:
        return text
    try:
        return f"{_time_text(start.strip() or None)}/{_time_text(end.strip() or None)}"
    except InvalidArgument as problem:
        raise InvalidArgument(f"datetime {value!r}: {problem.message}") from None


def _time_text(value: object) -> str:
    if value is None or value == "..":
        return ".."
    if isinstance(value, str):
        text = value.strip()
        if "/" not in text and not _INSTANT.fullmatch(text):
            raise InvalidArgument(f"datetime {value!r} is no RFC 3339 time or part of a date")
        return text
    if isinstance(value, dt.datetime):
        if value != value:  # pandas.NaT is a datetime
            raise InvalidArgument("datetime is NaT")
        moment = value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
        return moment.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, np.datetime64):
        if np.isnat(value):
            raise InvalidArgument("datetime is NaT")
        text = str(value)
        return f"{text}Z" if "T" in text else text
    raise InvalidArgument(f"datetime wants text, datetime or numpy values: {value!r}")


def sortby(value: object) -> list[dict[str, str]] | None:
    """Give STAC's sort objects: of ``"p"``, ``"-p"``, ``"+p"``, such an object, or a list."""
    if value is None:
        return None
    listed = [value] if isinstance(value, (str, Mapping)) else value
    if not isinstance(listed, Iterable):
        raise InvalidArgument(f"sortby wants names or STAC sort objects: {value!r}")
    return [_sort_key(key) for key in listed]


def _sort_key(key: object) -> dict[str, str]:
    if isinstance(key, str) and key.strip("+-"):
        return {"field": key.lstrip("+-"), "direction": "desc" if key.startswith("-") else "asc"}
    if isinstance(key, Mapping) and isinstance(key.get("field"), str):
        direction = str(key.get("direction", "asc")).lower()
        if direction in ("asc", "desc"):
            return {"field": key["field"], "direction": direction}
    raise InvalidArgument(f"sortby wants names or STAC sort objects, not {key!r}")


def cql2(value: object) -> str | dict[str, Any] | None:
    """Give a CQL2 filter, text or JSON, unchanged."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return dict(value)
    raise InvalidArgument(f"filter wants CQL2 text or CQL2 JSON: {value!r}")


def geometry(value: object) -> dict[str, Any] | None:
    """Give a GeoJSON geometry: of a geometry, a feature, or an object with ``__geo_interface__``."""
    if value is None:
        return None
    found: Any = getattr(value, "__geo_interface__", value)
    if isinstance(found, Mapping) and found.get("type") == "Feature":
        found = found.get("geometry")
    if not isinstance(found, Mapping) or not isinstance(found.get("type"), str):
        raise InvalidArgument(f"intersects wants a GeoJSON geometry: {value!r}")
    extent(found)
    return dict(found)


def extent(geojson: Mapping[str, Any]) -> BBox:
    """Give the bbox of a GeoJSON geometry, in its own coordinates."""
    xs: list[float] = []
    ys: list[float] = []
    _collect(geojson, xs, ys)
    if not xs or not all(map(math.isfinite, (*xs, *ys))):
        raise InvalidArgument("intersects has no coordinates, or some that are not finite")
    return min(xs), min(ys), max(xs), max(ys)


def extent_around(geojson: Mapping[str, Any]) -> BBox:
    """Give the bbox of a GeoJSON geometry in degrees, across the antimeridian where it is split there.

    Longitudes of such a one lie beyond 180: parts of 178 to 180 and -180 to -178 have a bbox from 178 to 182. One
    that would be wider than 180 degrees so is left as it is.
    """
    west, south, east, north = extent(geojson)
    if west > -180 or east < 180:
        return west, south, east, north
    spans = sorted((box[0], box[2]) for box in map(extent, _parts(geojson)))
    reach, widest, start = spans[0][1], 0.0, west
    for low, high in spans:
        if low - reach > widest:
            widest, start = low - reach, low
        reach = max(reach, high)
    if widest <= 180:
        return west, south, east, north
    return start, south, max(high for low, high in spans if low < start) + 360, north


def _parts(geojson: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the points, lines and polygons of a geometry, one by one."""
    kind = str(geojson["type"])
    if kind == "GeometryCollection":
        return [part for member in geojson.get("geometries") or () for part in _parts(member)]
    if not kind.startswith("Multi"):
        return [geojson]
    return [{"type": kind.removeprefix("Multi"), "coordinates": part} for part in geojson["coordinates"] if part]


def _collect(geojson: Mapping[str, Any], xs: list[float], ys: list[float]) -> None:
    if geojson.get("type") == "GeometryCollection":
        for part in geojson.get("geometries") or ():
            _collect(part, xs, ys)
        return
    rest = [geojson.get("coordinates")]
    while rest:
        part = rest.pop()
        if not isinstance(part, (list, tuple)):
            raise InvalidArgument(f"intersects is no GeoJSON: {part!r} where coordinates belong")
        if part and all(isinstance(number, numbers.Real) for number in part):
            if len(part) < 2:
                raise InvalidArgument(f"intersects has a position of one number: {part!r}")
            xs.append(float(part[0]))
            ys.append(float(part[1]))
        else:
            rest.extend(part)


# The greatest integers of 64 bits: no floats, but the engine takes the next float for them.
_GREATEST: Final = (2**63 - 1, 2**64 - 1)


def nodata(value: object) -> float | int | str | None:
    """Give a nodata value as JSON can hold it: NaN becomes ``"nan"``."""
    if value is None:
        return None
    if isinstance(value, str) and value.lower() == "nan":
        return "nan"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise InvalidArgument(f"nodata wants a number: {value!r}")
    if isinstance(value, numbers.Integral):
        whole = int(value)
        if abs(whole) < 2**64 and whole not in _GREATEST and int(float(whole)) != whole:
            raise InvalidArgument(f"nodata {whole} is kept as a float, and the nearest one is {int(float(whole))}")
        return whole
    number = float(value)
    if math.isinf(number):
        raise InvalidArgument("nodata is infinite")
    return "nan" if math.isnan(number) else number


def nodata_kept(given: object, kept: float | None, dtype: np.dtype[Any]) -> None:
    """Refuse an integer that is another one among the pixels of a band; fractions may be rounded."""
    if isinstance(given, int) and kept is not None and (held := int(dtype.type(kept))) != given:
        raise InvalidArgument(f"nodata {given} would be {held} among pixels of {dtype}")


def nodata_of(told: object, dtype: np.dtype[Any]) -> float | int | None:
    """Give the engine's nodata, which may be ``"nan"`` or ``"inf"``, as a number of the dtype's kind."""
    if told is None:
        return None
    # The engine's JSON has the shortest digits that tell a float: of -2**63, an integer that is another one.
    number = float(cast("float | str", told))
    if dtype.kind == "f":
        return number
    if dtype.kind not in "iu":
        return int(number)
    # The greatest 64-bit integers are no floats: they come rounded up.
    return min(int(number), int(np.iinfo(dtype).max))


def dtype(value: object) -> str | None:
    """Give a pixel type by numpy's name."""
    if value is None:
        return None
    try:
        name = str(np.dtype(cast("Any", value)).name)
    except TypeError:
        name = str(value)
    if name not in DTYPES:
        raise InvalidArgument(f"dtype {value!r} is none of {', '.join(DTYPES)}")
    return name


def resampling(value: object) -> str | dict[str, str]:
    """Give a resampling by GDAL's name, or one per band with ``"*"`` for the others."""
    if isinstance(value, Mapping):
        return {str(band): _kernel(name) for band, name in value.items()}
    return _kernel(value)


def _kernel(name: object) -> str:
    text = str(getattr(name, "name", name))  # rasterio.enums.Resampling has names
    if text not in RESAMPLING:
        raise InvalidArgument(f"resampling {name!r} is none of {', '.join(RESAMPLING)}")
    return text


def text(value: object, argument: str) -> str | None:
    """Give a text, or None."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    raise InvalidArgument(f"{argument} wants text: {value!r}")


def one_of(value: object, argument: str, choices: tuple[str, ...]) -> str:
    """Give one of a few words."""
    if value not in choices:
        raise InvalidArgument(f"{argument} {value!r} is none of {', '.join(choices)}")
    return str(value)


def count(value: object, argument: str, least: int = 0) -> int:
    """Give a whole number, at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise InvalidArgument(f"{argument} wants a whole number, at least {least}: {value!r}")
    return int(value)


_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)[bB]?\s*")


def size(value: object, argument: str) -> int:
    """Give a number of bytes: a whole number, or text such as ``"2 GB"`` or ``"512 MiB"``."""
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match is None:
            raise InvalidArgument(f'{argument} wants bytes, or text as "2 GB": {value!r}')
        power = " KMGT".index(match[2].upper() or " ")
        return int(float(match[1]) * (1024 if match[3] else 1000) ** power)
    return count(value, argument)


def paths(value: object) -> list[str] | None:
    """Give the paths and URLs of a source that is made of them, else None."""
    if isinstance(value, (str, os.PathLike)):
        value = [value]
    if not isinstance(value, (list, tuple)) or not value:
        return None
    if not all(isinstance(path, (str, os.PathLike)) for path in value):
        return None
    listed = [os.fspath(path) for path in value]
    if not all(isinstance(path, str) and path for path in listed):
        raise InvalidArgument(f"source has an empty path, or one that is no text: {value!r}")
    return listed
