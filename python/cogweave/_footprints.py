"""Footprints: the outlines of a plan's items, as geopandas has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _properties
from .errors import InvalidArgument

if TYPE_CHECKING:
    from .plan import Plan


def footprints(plan: Plan) -> Any:
    """Give the items of a plan's time steps with their footprints.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    geopandas.GeoDataFrame
        One row per item, in the order in which they combine: ``id``, ``time`` (start of the item's
        step, datetime64[ns]), the properties that are numbers or texts, ``geometry`` in EPSG:4326.

    Raises
    ------
    InvalidArgument
        The items have no geometry.
    ImportError
        geopandas is not installed.
    """
    try:
        import geopandas
        import shapely
    except ImportError as problem:
        raise ImportError("footprints want geopandas: pip install '.[geo]' in a checkout of cogweave") from problem
    items = _properties.with_columns(plan.items, ["geometry"])
    if "geometry" not in items.columns:
        raise InvalidArgument(
            "there are no footprints: the items have no column geometry, as a GeoTIFF opened by itself has none; "
            f"its outline is da.cogweave.plan.grid.bbox. There are {', '.join(items.columns)}"
        )
    steps = plan._base.membership.steps
    chosen = np.flatnonzero(np.isin(steps, plan._window.axes[1].positions))
    told = {"id": _properties.columns(items, ["id"])["id"], **_properties.columns(items, None)}
    shapes = _properties.columns(items, ["geometry"])["geometry"]
    frame = geopandas.GeoDataFrame(
        {name: [values[i] for i in chosen] for name, values in told.items()},
        geometry=[_shape(shapely, shapes[i]) for i in chosen],
        crs="EPSG:4326",
    )
    frame.insert(1, "time", plan._base.description.times[steps[chosen]])
    return frame


def _shape(shapely: Any, told: object) -> Any:
    """Give the shape of WKB or of GeoJSON; None stays None."""
    if told is None:
        return None
    if isinstance(told, (bytes, bytearray, memoryview)):
        return shapely.from_wkb(bytes(told))
    return shapely.geometry.shape(told)


def plot_footprints(plan: Plan, axes: Any = None, **style: Any) -> Any:
    """Draw the items' footprints, coloured by time, and the plan's own outline over them.

    Parameters
    ----------
    plan : Plan
    axes : matplotlib.axes.Axes, optional
        Where to draw; None: a figure of its own.
    **style
        Of `geopandas.GeoDataFrame.plot`.

    Returns
    -------
    matplotlib.axes.Axes
        In EPSG:4326.
    """
    import geopandas
    from shapely.geometry import box

    frame = footprints(plan)
    frame["time"] = frame["time"].dt.strftime("%Y-%m-%d %H:%M")
    many = frame["time"].nunique() > 12
    outline = geopandas.GeoSeries(
        [box(*plan.grid.bbox).segmentize(max(plan.grid.bbox[2] - plan.grid.bbox[0], 1e-9) / 32)], crs=plan.grid.crs
    )
    drawn = outline.to_crs("EPSG:4326").boundary.plot(ax=axes, color="crimson", linewidth=2, zorder=3)
    if len(frame):
        frame.plot(**{"column": "time", "legend": not many, "alpha": 0.3, "edgecolor": "black", "ax": drawn, **style})
    drawn.set_xlabel("longitude")
    drawn.set_ylabel("latitude")
    return drawn
