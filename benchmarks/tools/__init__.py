"""How each library does what the workloads of `benchmarks.reads` ask for.

A module for each tool, a function for each kind of request, called in the tool's own environment:

- ``window``: a box on a grid, as an array (band, time, y, x); ``pixel`` and ``overview`` are windows
- ``chunks``: a large window as dask chunks, computed by 16 threads
- ``points``: values at points, as (time, point)
- ``median``: masked median over all dates, as (band, y, x)
- ``awaits``: several windows, read at the same time from a running event loop
- ``opened``: a lazy array of a large catalog

Each takes a request (the fields of `Request`) and gives a function that reads; what it does before
that is opening. A kind that a library has no way of is not there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

THREADS = 16  # of dask and of thread pools, where a library leaves their number to us

ALL = "*"  # in place of ids: every item

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Request:
    """What to read. box: (minx, miny, maxx, maxy) in crs; days: first and last date, YYYY-MM-DD.

    catalog: stac-geoparquet; features: the same items as a FeatureCollection; server: base URL.
    ids: what a search for the box and the days gives, for libraries that begin with items.
    """

    catalog: str
    features: str
    server: str
    epsg: int
    resolution: float
    box: Box
    bands: list[str]
    days: tuple[str, str]
    ids: list[str]
    resampling: str = "nearest"
    chunk: int = 0  # cells along a side of a dask chunk
    points: list[tuple[float, float]] = field(default_factory=list)
    masked: dict[str, list[int]] = field(default_factory=dict)
    boxes: list[Box] = field(default_factory=list)

    @classmethod
    def of(cls, told: dict[str, Any]) -> Request:
        """Makes one of JSON, which has no tuples."""
        boxes = {"box": tuple(told["box"]), "boxes": [tuple(box) for box in told["boxes"]]}
        return cls(**{**told, **boxes, "days": tuple(told["days"])})

    @property
    def crs(self) -> str:
        return f"EPSG:{self.epsg}"

    @property
    def interval(self) -> str:
        return f"{self.days[0]}T00:00:00Z/{self.days[1]}T23:59:59Z"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        minx, miny, maxx, maxy = self.box
        return round((maxy - miny) / self.resolution), round((maxx - minx) / self.resolution)

    def items(self) -> list[dict[str, Any]]:
        """The items as dicts, in the order of their time."""
        features: list[dict[str, Any]] = json.loads(Path(self.features).read_text())["features"]
        wanted = set(self.ids)
        return features if wanted == {ALL} else [item for item in features if item["id"] in wanted]


def masked_median(pixels: Any, classes: Any, dropped: list[int]) -> Any:
    """Median over time of (band, time, y, x), float32, without the pixels whose class (time, y, x) is dropped."""
    import warnings

    import numpy as np

    clear = ~np.isin(classes, dropped)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cells without any clear date stay NaN
        return np.nanmedian(np.where(clear, pixels, np.float32("nan")), axis=1)
