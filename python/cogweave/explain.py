"""explain: what a plan would read, before it reads."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from . import _html
from ._window import AXES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from numpy.typing import NDArray

    from ._plan_base import Base
    from ._plan_description import Band
    from ._window import Window
    from .tables import Reads

# How `fetch` merges ranges of a file into requests (fetch/config.go).
_GAP: Final = 64 << 10
_WASTE: Final = 0.01
_LEADER: Final = 16
_LARGEST: Final = 8 << 20

# The model behind `seconds`: requests of an ordinary object store, and this engine's own speed.
_LATENCY: Final = 0.05  # seconds until the first byte
_CONCURRENT: Final = 32  # requests in flight
_BANDWIDTH: Final = 50e6  # bytes per second
_DECODING: Final = 150e6  # pixels per second, decoded and resampled

_MOST_CHUNKS: Final = 4096  # pieces of the grid that are looked at for being empty


@dataclass(frozen=True, slots=True)
class Explanation:
    """What reading a plan's window would take.

    Attributes
    ----------
    shape : tuple of int
        ``(band, time, y, x)``.
    dtype : str
        Types of the pixels, each once.
    pixel_bytes : int
        Memory of the result.
    bands : tuple of str
    steps : int
        Time steps.
    items : int
        Items with a part in the window.
    assets : int
        Files read.
    tiles : int
        Compressed tiles read, before any early exit.
    tile_bytes : int
        Their bytes.
    requests : int
        Range requests that these tiles take: neighbours in a file are merged, as the defaults of
        ``configure(coalesce_*=)`` have it. Headers that were not known are read already.
    decoded_bytes : int
        Memory of the tiles' pixels, decoded; a read needs a part of it at a time.
    levels : tuple of int
        Overview levels read; 0 is full resolution.
    chunks : int
        Pieces in which the array is read.
    empty_chunks : int or None
        Those of them that no file touches; None where there are too many to look at.
    seconds : float
        Estimate for a cold read from an object store: 32 requests at a time, of 50 ms each, over
        50 MB/s, and 150 million pixels decoded per second, side by side.
    files : tuple of dict
        A row for each file: ``item_id, band, time, href, level, tiles, bytes, requests``.
    """

    shape: tuple[int, int, int, int]
    dtype: str
    pixel_bytes: int
    bands: tuple[str, ...]
    steps: int
    items: int
    assets: int
    tiles: int
    tile_bytes: int
    requests: int
    decoded_bytes: int
    levels: tuple[int, ...]
    chunks: int
    empty_chunks: int | None
    seconds: float
    files: tuple[dict[str, Any], ...] = field(repr=False)

    def to_dataframe(self) -> Any:
        """Give the files as a `pandas.DataFrame`, one row each, in the order of the reads."""
        import pandas as pd

        columns = ["item_id", "band", "time", "href", "level", "tiles", "bytes", "requests"]
        return pd.DataFrame(list(self.files), columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Give everything but the files, as JSON can hold it."""
        names = (name for name in self.__slots__ if name != "files")
        return {name: list(v) if isinstance(v := getattr(self, name), tuple) else v for name in names}

    def _lines(self) -> list[tuple[str, str]]:
        sizes = zip(AXES, self.shape, strict=True)
        empty = "" if self.empty_chunks is None else f", {self.empty_chunks:,} of them empty"
        return [
            ("array", ", ".join(f"{name} {size:,}" for name, size in sizes)),
            ("pixels", f"{self.dtype}, {_html.size(self.pixel_bytes)}"),
            ("bands", ", ".join(self.bands)),
            ("items", f"{self.items:,} in {self.steps:,} time steps"),
            ("files", f"{self.assets:,}"),
            ("tiles", f"{self.tiles:,}, {_html.size(self.tile_bytes)} compressed, at most"),
            ("requests", f"{self.requests:,}"),
            (
                "memory",
                f"{_html.size(self.pixel_bytes)} of result, {_html.size(self.decoded_bytes)} of tiles in passing",
            ),
            ("levels", ", ".join(map(str, self.levels)) or "none"),
            ("chunks", f"{self.chunks:,}{empty}"),
            ("time", f"about {self.seconds:.2g} s from an object store"),
        ]

    def __str__(self) -> str:
        return "\n".join(f"{name:<10}{text}" for name, text in self._lines())

    def _repr_html_(self) -> str:
        columns = ("time", "item_id", "band", "level", "tiles", "bytes", "requests")
        rows = [
            (str(row["time"])[:16], *(row[name] for name in columns[1:5]), _html.size(row["bytes"]), row["requests"])
            for row in self.files
        ]
        return _html.card("cogweave plan", self._lines(), (f"{len(rows):,} files", columns, rows))


class Planned(Protocol):
    """What is asked of a plan, so that plans can explain themselves."""

    _base: Base
    _window: Window

    @property
    def shape(self) -> tuple[int, int, int, int]: ...  # noqa: D102

    @property
    def bands(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def band_details(self) -> tuple[Band, ...]: ...  # noqa: D102

    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102

    @property
    def reads(self) -> Reads: ...  # noqa: D102

    def __getitem__(self, key: Any) -> Self: ...


def explain(plan: Planned, chunks: Mapping[str, int] | None = None) -> Explanation:
    """Sum up the reads of a plan's window.

    Parameters
    ----------
    plan : Plan
    chunks : mapping, optional
        Size of the pieces in which the array is read, by dimension; None: in one.
    """
    files, decoded = _files(plan)
    tiles = sum(row["tiles"] for row in files)
    requests = sum(row["requests"] for row in files)
    size = sum(row["bytes"] for row in files)
    count, empty = _empty(plan, chunks) if chunks else (1, int(not tiles))
    cells = math.prod(plan.shape[1:])
    dtypes = [band.dtype for band in plan.band_details] if plan._base.request.get("per_band") else [plan.dtype]
    pixel_bytes = sum(cells * band.dtype.itemsize for band in plan.band_details)
    return Explanation(
        shape=plan.shape,
        dtype=", ".join(dict.fromkeys(map(str, dtypes))),
        pixel_bytes=pixel_bytes,
        bands=plan.bands,
        steps=plan.shape[1],
        items=len({row["item_id"] for row in files}),
        assets=len({row["href"] for row in files}),
        tiles=tiles,
        tile_bytes=size,
        requests=requests,
        decoded_bytes=decoded,
        levels=tuple(sorted({row["level"] for row in files})),
        chunks=count,
        empty_chunks=empty,
        seconds=_seconds(requests, size, decoded, plan),
        files=tuple(files),
    )


def _seconds(requests: int, size: int, decoded: int, plan: Planned) -> float:
    network = math.ceil(requests / _CONCURRENT) * _LATENCY + size / _BANDWIDTH
    itemsize = max((band.dtype.itemsize for band in plan.band_details), default=1)
    return max(network, decoded / itemsize / _DECODING)


def _alike(plan: Planned) -> list[Planned]:
    """Give the parts of a plan that are read together: variables of a dataset are read one by one."""
    if not plan._base.request.get("per_band"):
        return [plan]
    return [plan[position] for position in range(plan.shape[0])]


def _files(plan: Planned) -> tuple[list[dict[str, Any]], int]:
    """Give a row for each file and band, and the bytes of all tiles decoded."""
    import nanoarrow

    itemsize = {band.name: band.dtype.itemsize for band in plan.band_details}
    times = plan._base.description.times
    wanted = ("item_id", "band", "time_index", "href", "level", "offset", "length", "height", "width")
    groups: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    decoded = 0
    for part in _alike(plan):
        stream = nanoarrow.ArrayStream(part.reads)
        names = [f.name for f in stream.schema.fields]
        for chunk in stream.iter_chunks():
            columns = [chunk.child(names.index(name)).to_pylist() for name in wanted]
            for item, band, time, href, level, offset, length, height, width in zip(*columns, strict=True):
                groups.setdefault((item, band, time, href, level), []).append((offset, length))
                decoded += height * width * itemsize.get(band, 1)
    return [_row(key, sorted(ranges), times) for key, ranges in groups.items()], decoded


def _row(key: tuple[Any, ...], ranges: list[tuple[int, int]], times: NDArray[np.datetime64]) -> dict[str, Any]:
    item, band, time, href, level = key
    return {
        "item_id": item,
        "band": band,
        "time": times[time] if 0 <= time < len(times) else np.datetime64("NaT", "ns"),
        "href": href,
        "level": int(level),
        "tiles": len(ranges),
        "bytes": sum(length for _, length in ranges),
        "requests": _requests(ranges),
    }


def _requests(ranges: list[tuple[int, int]]) -> int:
    """Count the requests that sorted ranges of one file are merged into."""
    count, end, useful, wasted = 0, -1, 0, 0
    for offset, length in ranges:
        gap = offset - end
        total = useful + wasted + gap + length
        cheap = gap <= _LEADER or wasted + gap <= _WASTE * (useful + length)
        if count and 0 <= gap <= _GAP and cheap and total <= _LARGEST:
            useful, wasted = useful + length, wasted + gap
        else:
            count, useful, wasted = count + 1, length, 0
        end = offset + length
    return count


def _empty(plan: Planned, chunks: Mapping[str, int]) -> tuple[int, int | None]:
    """Count the pieces of a plan's window, and those that nothing is read for."""
    pieces = [
        [range(at, min(at + chunks[name], size)) for at in range(0, size, chunks[name])]
        for name, size in zip(AXES, plan.shape, strict=True)
    ]
    count = math.prod(map(len, pieces))
    bands, steps, rows, cols = pieces
    if len(rows) * len(cols) * len(bands) > _MOST_CHUNKS:
        return count, None
    full = 0
    for band in bands:
        for row in rows:
            for col in cols:
                full += _steps_read(plan, (band, row, col), steps)
    return count, count - full


def _steps_read(plan: Planned, piece: tuple[range, range, range], steps: list[range]) -> int:
    """Count the pieces along time that read something in a piece of the other axes."""
    band, row, col = (slice(part.start, part.stop) for part in piece)
    parts = _alike(plan[band, :, row, col])
    read = np.concatenate([part.reads.column("time_index") for part in parts])
    own = plan._window.axes[1].positions
    return sum(bool(np.isin(own[step.start : step.stop], read).any()) for step in steps)
