"""Coordinate reference systems: what pyproj understands, as text for the engine and as CF metadata.

pyproj is imported on first use; only `normalize`'s answers travel to the engine.
"""

from __future__ import annotations

import functools
import math
import re
from typing import TYPE_CHECKING, Any, Final

from .errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyproj import CRS

LONLAT: Final = "EPSG:4326"
# How the engine calls the plane of a raster that says neither where it lies nor in which CRS.
_PIXELS: Final = 'ENGCRS["pixels",EDATUM["a raster of its own"]'
# Codes of most grids: what pyproj says of them is known, and its first CRS takes 2 ms.
_KNOWN: Final = re.compile("EPSG:(?:4326|3857|32[67](?:0[1-9]|[1-5][0-9]|60))")
_EDGE_POINTS: Final = 21  # along each edge of a bbox that is transformed


def normalize(crs: object) -> str:
    """Give a CRS as ``"EPSG:n"``, or as WKT2 where it has no EPSG code.

    Parameters
    ----------
    crs
        Anything `pyproj.CRS.from_user_input` takes: an EPSG number, an authority string, WKT,
        PROJ4 or PROJJSON, or an object with ``to_wkt``.

    Raises
    ------
    InvalidArgument
        pyproj does not know the CRS, or it is neither projected nor geographic.
    """
    if isinstance(crs, str):
        return _normalize_text(crs)
    return _text_of(_parse(crs), crs)


@functools.lru_cache(maxsize=64)
def _normalize_text(crs: str) -> str:
    if _KNOWN.fullmatch(crs):
        return crs
    return _text_of(_parse(crs), crs)


def _parse(crs: object) -> CRS:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if crs is None or isinstance(crs, bool):
        raise InvalidArgument(f"crs wants what pyproj.CRS takes, and was given {crs!r}")
    try:
        return CRS.from_user_input(crs)
    except (CRSError, TypeError, ValueError, AttributeError) as problem:
        raise InvalidArgument(f"unknown crs {crs!r}", cause=str(problem)) from None


def _text_of(parsed: CRS, given: object) -> str:
    if not (parsed.is_projected or parsed.is_geographic):
        raise InvalidArgument(f"crs {given!r} is a {parsed.type_name}: cogweave works in projected and geographic ones")
    code = parsed.to_epsg(min_confidence=100)
    return f"EPSG:{code}" if code else parsed.to_wkt("WKT2_2019")


@functools.lru_cache(maxsize=64)
def parsed(crs: str) -> CRS:
    """Give the pyproj object of a normalised CRS."""
    return _parse(crs)


def describe(crs: str) -> str:
    """Name a normalised CRS in a few words."""
    return crs if crs.startswith("EPSG:") else parsed(crs).name


@functools.lru_cache(maxsize=64)
def _grid_mapping(crs: str) -> dict[str, Any]:
    if crs.startswith(_PIXELS):
        return {}
    attrs = parsed(crs).to_cf()
    # rioxarray and GDAL look for the WKT under this name too.
    attrs["spatial_ref"] = attrs["crs_wkt"]
    return {name: value for name, value in attrs.items() if value is not None}


def grid_mapping(crs: str, transform: Sequence[float] | None) -> dict[str, Any]:
    """Give the attributes of a CF ``spatial_ref`` variable.

    Parameters
    ----------
    crs : str
        Normalised CRS.
    transform : sequence of six floats, optional
        ``a, b, c, d, e, f``; written in GDAL's order as ``GeoTransform``.
    """
    if transform is None:
        return dict(_grid_mapping(crs))
    a, b, c, d, e, f = transform
    return {
        **_grid_mapping(crs),
        "GeoTransform": " ".join(repr(float(term)) for term in (c, a, b, f, d, e)),
    }


@functools.lru_cache(maxsize=64)
def _axes(crs: str) -> dict[str, dict[str, str]]:
    if crs.startswith(_PIXELS):
        return {}
    # The engine's x is easting or longitude whatever the authority's order of axes.
    return {axis["axis"].lower(): axis for axis in parsed(crs).cs_to_cf() if axis.get("axis") in ("X", "Y")}


def axis_attrs(crs: str, axis: str) -> dict[str, str]:
    """Give the CF attributes of the coordinate ``"x"`` or ``"y"``."""
    return dict(_axes(crs).get(axis, {}))


def transform_bbox(
    bbox: tuple[float, float, float, float], source: str, target: str, *, around: bool = False
) -> tuple[float, float, float, float]:
    """Transform a bbox, its edges densified, into another CRS.

    Parameters
    ----------
    bbox : tuple of four floats
        ``(minx, miny, maxx, maxy)`` in ``source``.
    source, target : str
        Normalised CRSs.
    around : bool, optional
        Let a bbox across the antimeridian go on beyond 180 degrees.

    Raises
    ------
    InvalidArgument
        The target does not cover the bbox.
    """
    if source == target:
        return bbox
    from pyproj import Transformer
    from pyproj.exceptions import ProjError

    try:
        transformer = Transformer.from_crs(parsed(source), parsed(target), always_xy=True)
        out = transformer.transform_bounds(*bbox, densify_pts=_EDGE_POINTS, errcheck=True)
    except ProjError as problem:
        raise InvalidArgument(
            f"bbox {bbox} in {describe(source)} has no image in {describe(target)}",
            cause=str(problem),
        ) from None
    if around and out[0] > out[2] and all(axis.unit_name == "degree" for axis in parsed(target).axis_info[:2]):
        out = (out[0], out[1], out[2] + 360, out[3])  # across the antimeridian
    if not all(map(math.isfinite, out)) or out[0] > out[2]:
        raise InvalidArgument(f"bbox {bbox} in {describe(source)} is not in {describe(target)}")
    return (out[0], out[1], out[2], out[3])


def utm(lon: float, lat: float) -> str:
    """Give the UTM zone of a point in degrees, by the plain rule of six degrees a zone."""
    zone = int((lon + 180) // 6) % 60 + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def lonlat_bounds(bbox: Sequence[float], crs: str) -> tuple[float, float, float, float] | None:
    """Give a bbox in degrees that holds another, or None where its CRS has no such box.

    Its west lies east of its east where it crosses the antimeridian; a box round a pole has all
    longitudes.
    """
    from pyproj import Transformer
    from pyproj.exceptions import ProjError

    try:
        transformer = Transformer.from_crs(parsed(crs), parsed(LONLAT), always_xy=True)
        west, south, east, north = bbox
        out = transformer.transform_bounds(west, south, east, north, densify_pts=_EDGE_POINTS)
    except ProjError:
        return None
    return (out[0], out[1], out[2], out[3]) if all(map(math.isfinite, out)) else None
