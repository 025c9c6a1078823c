"""explain: what a plan would read, before it reads."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from ._window import AXES

if TYPE_CHECKING:
    from .plan import Plan


@dataclass(frozen=True, slots=True)
class Explanation:
    """What reading a plan's window would take.

    Attributes
    ----------
    shape : tuple of int
        ``(band, time, y, x)``.
    dtype : str
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
    levels : tuple of int
        Overview levels read; 0 is full resolution.
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
    levels: tuple[int, ...]

    def _lines(self) -> list[tuple[str, str]]:
        sizes = zip(AXES, self.shape, strict=True)
        return [
            ("array", ", ".join(f"{name} {size:,}" for name, size in sizes)),
            ("pixels", f"{self.dtype}, {_bytes(self.pixel_bytes)}"),
            ("bands", ", ".join(self.bands)),
            ("items", f"{self.items:,} in {self.steps:,} time steps"),
            ("files", f"{self.assets:,}"),
            ("tiles", f"{self.tiles:,}, {_bytes(self.tile_bytes)} compressed, at most"),
            ("levels", ", ".join(map(str, self.levels)) or "none"),
        ]

    def __str__(self) -> str:
        return "\n".join(f"{name:<8}{text}" for name, text in self._lines())

    def _repr_html_(self) -> str:
        body = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in self._lines())
        return f"<table><caption>cogweave plan</caption>{body}</table>"


def explain(plan: Plan) -> Explanation:
    """Sum up the reads of a plan's window."""
    import math

    import nanoarrow
    import numpy as np

    reads = plan.reads
    stream = nanoarrow.ArrayStream(reads)
    positions = {field.name: i for i, field in enumerate(stream.schema.fields)}
    items: set[str] = set()
    assets: set[str] = set()
    for chunk in stream.iter_chunks():
        items.update(chunk.child(positions["item_id"]).to_pylist())
        assets.update(chunk.child(positions["href"]).to_pylist())
    return Explanation(
        shape=plan.shape,
        dtype=str(plan.dtype),
        pixel_bytes=math.prod(plan.shape) * plan.dtype.itemsize,
        bands=plan.bands,
        steps=plan.shape[1],
        items=len(items),
        assets=len(assets),
        tiles=len(reads),
        tile_bytes=int(reads.column("length").sum()),
        levels=tuple(np.unique(reads.column("level")).tolist()),
    )


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB"
