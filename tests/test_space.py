"""Items are kept or dropped in space and time as a plain computation over every footprint says."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pyproj
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Box = tuple[float, float, float, float]
TURNS = (-360.0, 0.0, 360.0)

longitudes = st.floats(-180, 180, allow_nan=False).map(lambda v: round(v, 3))
latitudes = st.floats(-90, 90, allow_nan=False).map(lambda v: round(v, 3))
sizes = st.floats(0.01, 40).map(lambda v: round(v, 3))


@st.composite
def rings(draw: st.DrawFn) -> shapely.Polygon:
    """A slanted quadrilateral; it may reach beyond 180 degrees."""
    x, y, width, height = draw(longitudes), draw(latitudes), draw(sizes), draw(sizes)
    tilt = draw(st.floats(0, 0.3)) * min(width, height)
    corners = [(x, y), (x + width, y + tilt), (x + width - tilt, y + height), (x - tilt, y + height - tilt)]
    return shapely.Polygon([(lon, min(90.0, max(-90.0, lat))) for lon, lat in corners])


@st.composite
def footprints(draw: st.DrawFn) -> shapely.Geometry | None:
    kind = draw(st.sampled_from(["one", "one", "one", "several", "none"]))
    if kind == "none":
        return None
    parts = [draw(rings()) for _ in range(1 if kind == "one" else 2)]
    if any(not part.is_valid or part.area == 0 for part in parts):
        return shapely.box(0, 0, 1, 1)
    return parts[0] if len(parts) == 1 else shapely.unary_union(parts)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    west, south = draw(longitudes), draw(latitudes)
    width, height = draw(sizes), draw(sizes)
    east = west + width
    east = round(east - 360, 3) if east > 180 else round(east, 3)
    return west, south, east, min(90.0, round(south + height, 3))


def split(geometry: shapely.Geometry) -> shapely.Geometry:
    """What of a geometry lies within 180 degrees, with what lies beyond moved a turn."""
    world = shapely.box(-180, -90, 180, 90)
    moved = [shapely.transform(geometry, lambda xy, turn=turn: xy + np.array([turn, 0])) for turn in TURNS]
    return shapely.unary_union([shapely.intersection(part, world) for part in moved])


def on_the_globe(box: Box) -> shapely.Geometry:
    west, south, east, north = box
    if west <= east:
        return shapely.box(west, south, east, north)
    return shapely.unary_union([shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)])


def written(geometry: shapely.Geometry | None, way: str) -> dict[str, Any]:
    """The footprint and bbox of an item that crosses 180 degrees, as catalogs write them."""
    if geometry is None:
        return {"geometry": None, "bbox": None}
    if way == "beyond":
        return {"geometry": shapely.geometry.mapping(geometry), "bbox": list(geometry.bounds)}
    parts = split(geometry)
    west, south, east, north = geometry.bounds
    if east > 180 or west < -180:
        if way == "wrapped" and east - west < 180:
            box = [west - 360 if west > 180 else west, south, east - 360 if east > 180 else east, north]
            box = [b + 360 if i == 0 and b < -180 else b for i, b in enumerate(box)]
        else:
            box = list(parts.bounds)
    else:
        box = [west, south, east, north]
    return {"geometry": shapely.geometry.mapping(parts), "bbox": box}


def feature(name: str, place: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "properties": {"datetime": "2025-01-01T00:00:00Z", **properties},
        "assets": {"a": {"href": "https://example.com/a.tif"}},
        "links": [],
        **place,
    }


def ids(items: Any) -> list[str]:
    return list(pa.table(items)["id"].to_pylist())


def doubtful(a: shapely.Geometry, b: shapely.Geometry) -> bool:
    """Geometries that touch within rounding may be told either way."""
    return bool(shapely.distance(a, b) < 1e-7 and not shapely.intersects(shapely.buffer(a, -1e-7), b))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(footprints(), st.sampled_from(["split", "beyond", "wrapped"])), min_size=1, max_size=12),
    st.lists(boxes(), min_size=1, max_size=4),
)
def test_boxes_against_brute_force(shapes: list[tuple[Any, str]], asked: list[Box]) -> None:
    items = [feature(f"{n}", written(shape, way)) for n, (shape, way) in enumerate(shapes)]
    for box in asked:
        if box[1] >= box[3]:
            continue
        region = on_the_globe(box)
        found = ids(cw.search(items, bbox=box))
        for n, (shape, way) in enumerate(shapes):
            if shape is None:
                assert str(n) in found, "an item without footprint is kept: its rasters' outlines decide"
                continue
            lies = split(shape)
            if doubtful(lies, region):
                continue
            assert (str(n) in found) == bool(shapely.intersects(lies, region)), (box, way, shape.wkt)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["EPSG:32601", "EPSG:32660", "EPSG:32633", "EPSG:3031", "EPSG:3995", "EPSG:3857", "EPSG:3577"]),
    st.floats(-0.9, 0.9),
    st.floats(-0.9, 0.9),
    st.floats(2e4, 4e5),
    st.randoms(use_true_random=False),
)
def test_projected_boxes_against_brute_force(crs: str, fx: float, fy: float, size: float, random: Any) -> None:
    """Items along the edge of a box of another CRS, its edges curved in degrees; at the poles and 180 degrees too."""
    to_degrees = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
    centre = {"EPSG:3031": (0, 0), "EPSG:3995": (0, 0), "EPSG:3857": (0, 0), "EPSG:3577": (0, -3.5e6)}
    x0, y0 = centre.get(crs, (500_000, 5_000_000))
    reach = 3e5 if crs.startswith("EPSG:326") else 1e6
    x, y = x0 + fx * reach, y0 + fy * reach
    box = (x, y, x + size, y + size)
    items, inside = [], []
    for n in range(30):
        # Points all around: some well inside, some well outside.
        px, py = x + size * (random.random() * 2 - 0.5), y + size * (random.random() * 2 - 0.5)
        lon, lat = to_degrees.transform(px, py)
        if not math.isfinite(lon) or abs(lat) > 89.9:
            continue
        margin = max(abs(px - x - size / 2), abs(py - y - size / 2)) - size / 2
        if abs(margin) < size * 0.01:
            continue
        items.append(
            feature(f"{n}", {"geometry": {"type": "Point", "coordinates": [lon, lat]}, "bbox": [lon, lat, lon, lat]})
        )
        inside.append(margin < 0)
    if not items:
        return
    from cogweave._steps import drive
    from cogweave.search import find, resolve

    found = ids(drive(find(resolve(items), {"region": {"crs": crs, "bbox": list(box)}})))
    assert found == [item["id"] for item, kept in zip(items, inside, strict=True) if kept]


instants = st.datetimes(datetime(2024, 12, 30), datetime(2025, 1, 3)).map(lambda t: t.replace(tzinfo=UTC))
edges = st.sampled_from(
    [datetime(2025, 1, d, tzinfo=UTC) + timedelta(microseconds=m) for d in (1, 2) for m in (-1, 0, 1)]
)
moments = st.one_of(instants, edges)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.one_of(moments, st.tuples(moments, moments)), min_size=1, max_size=15),
    st.tuples(st.one_of(st.none(), moments), st.one_of(st.none(), moments)),
)
def test_times_against_brute_force(stamps: list[Any], asked: tuple[datetime | None, datetime | None]) -> None:
    items, spans = [], []
    for n, stamp in enumerate(stamps):
        if isinstance(stamp, tuple):
            start, end = sorted(stamp)
            told = {"datetime": None, "start_datetime": start.isoformat(), "end_datetime": end.isoformat()}
        else:
            start = end = stamp
            told = {"datetime": stamp.isoformat()}
        items.append(feature(f"{n}", {"geometry": None, "bbox": None}, **told))
        spans.append((start, end))
    low, high = asked
    if low is not None and high is not None and low > high:
        low, high = high, low
    want = [
        f"{n}"
        for n, (start, end) in enumerate(spans)
        if (low is None or end >= low) and (high is None or start <= high)
    ]
    assert ids(cw.search(items, datetime=(low, high))) == want


def test_an_item_at_the_last_half_second_belongs_to_its_day() -> None:
    place = {"geometry": None, "bbox": None}
    items = [
        feature("late", place, datetime="2025-06-01T23:59:59.5Z"),
        feature("next", place, datetime="2025-06-02T00:00:00Z"),
    ]
    assert ids(cw.search(items, datetime="2025-06-01")) == ["late"]
    assert ids(cw.search(items, datetime="2025-06-01T00:00:00Z/2025-06-01T23:59:59Z")) == []
    assert ids(cw.search(items, datetime=np.datetime64("2025-06-02"))) == ["next"]
