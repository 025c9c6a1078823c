"""A plan's window in dask's chunks: a graph that is written down only when it runs.

The graph is a layer of its own because dask tells a layer which of its chunks a computation wants
(`cull`). So while a chunk is read, tiles of chunks that will be can be fetched: a graph's few
threads, each waiting for its own chunk, would else wait for the network once for each chunk. Nothing
is fetched that nobody computes.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from dask.highlevelgraph import Layer

from ._steps import drive
from .read import read_window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ._window import Window
    from .plan import Plan

Block = tuple[int, ...]

_AHEAD_BYTES: Final = 32 << 20  # of pixels looked ahead at
_AHEAD_MOST: Final = 24  # chunks looked ahead at and not read yet
_AHEAD_AT_ONCE: Final = 4  # of them, those that one read looks ahead at


class ChunkLayer(Layer):
    """The tasks that read a plan's window chunk by chunk, in row-major order.

    Parameters
    ----------
    name : str
        Of the dask array: its keys are ``(name, band, time, y, x)``.
    plan : Plan
    sizes : tuple of tuple of int
        Chunk sizes along each axis.
    wanted : frozenset of tuple of int or None
        The chunks that are computed; None: all.
    """

    has_legacy_tasks = True  # tasks are plain tuples, as every dask takes them; asked, dask would write all down

    def __init__(
        self,
        name: str,
        plan: Plan,
        sizes: tuple[tuple[int, ...], ...],
        wanted: frozenset[Block] | None = None,
    ) -> None:
        super().__init__()
        self.name, self.plan, self.sizes, self.wanted = name, plan, sizes, wanted
        self._root = f"{name}-reader"
        self._tasks: dict[Any, Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return ChunkLayer, (self.name, self.plan, self.sizes, self.wanted)

    def is_materialized(self) -> bool:
        """Tell whether the tasks have been written down."""
        return self._tasks is not None

    def get_output_keys(self) -> set[Any]:
        """Give the keys of the chunks."""
        return {(self.name, *block) for block in self._blocks()}

    def cull(self, keys: set[Any], all_hlg_keys: Any) -> tuple[ChunkLayer, Mapping[Any, set[Any]]]:
        """Keep the chunks that are computed, and learn which those are."""
        blocks = frozenset(key[1:] for key in keys if isinstance(key, tuple) and key[0] == self.name)
        layer = ChunkLayer(self.name, self.plan, self.sizes, blocks)
        root = {self._root}
        return layer, {self._root: set(), **{(self.name, *block): root for block in blocks}}

    def _blocks(self) -> list[Block]:
        every = itertools.product(*(range(len(axis)) for axis in self.sizes))
        if self.wanted is None:
            return list(every)
        return sorted(self.wanted)

    def _graph(self) -> dict[Any, Any]:
        if self._tasks is None:
            reader = ChunkReader(self.plan, self.sizes, self._blocks() if self.wanted is not None else [])
            reads = {(self.name, *block): (read_chunk, self._root, block) for block in self._blocks()}
            self._tasks = {self._root: reader, **reads}
        return self._tasks

    def __getitem__(self, key: Any) -> Any:
        return self._graph()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._graph())

    def __len__(self) -> int:
        return 1 + (len(self.wanted) if self.wanted is not None else int(np.prod([len(a) for a in self.sizes])))

    def __repr__(self) -> str:
        return f"ChunkLayer({self.name!r}, {len(self) - 1} chunks)"


def _slices(sizes: tuple[int, ...]) -> list[slice]:
    ends = list(itertools.accumulate(sizes))
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]


class ChunkReader:
    """Reads the chunks of one computation, and knows which are still to come.

    Schedulers go through independent tasks from either end, so it looks ahead in the direction in
    which they came so far.

    Parameters
    ----------
    plan : Plan
    sizes : tuple of tuple of int
        Chunk sizes along each axis.
    blocks : list of tuple of int
        The chunks that are computed, in order; empty where that is not known.
    """

    def __init__(self, plan: Plan, sizes: tuple[tuple[int, ...], ...], blocks: list[Block]) -> None:
        self.plan, self.sizes, self.blocks = plan, sizes, blocks
        self._parts = [_slices(axis) for axis in sizes]
        pixels = int(np.prod([max(axis, default=0) for axis in sizes]))
        self._most = min(_AHEAD_MOST, _AHEAD_BYTES // max(1, pixels * plan.dtype.itemsize))
        self._lock = threading.Lock()
        self._places = {block: at for at, block in enumerate(blocks)}
        self._seen = bytearray(len(blocks))  # read, or looked ahead at
        self._waiting: set[int] = set()  # looked ahead at, not read yet
        self._edges = (len(blocks), -1)  # lowest and highest place seen
        self._down = False

    def __reduce__(self) -> tuple[Any, ...]:
        # On a worker of a cluster nothing is looked ahead at: another worker may read what comes next.
        return ChunkReader, (self.plan, self.sizes, [])

    def read(self, block: Block) -> NDArray[Any]:
        """Read one chunk, and have tiles of later ones fetched."""
        window = self._window(block)
        if 0 in window.shape:
            return np.empty(window.shape, self.plan.dtype)
        later = [self._window(self.blocks[at]) for at in self._next(block)]
        return drive(read_window(self.plan._base, window, self.plan.dtype, ahead=later, ahead_of=self._most))

    def _window(self, block: Block) -> Window:
        return self.plan._window.take(tuple(map(list.__getitem__, self._parts, block)))

    def _next(self, block: Block) -> list[int]:
        """Choose the places to look ahead at while a chunk is read."""
        with self._lock:
            at = self._places.get(block)
            if at is None:
                return []
            low, high = self._edges
            self._down = at < low <= high or (self._down and at <= high)
            self._edges = min(low, at), max(high, at)
            self._seen[at] = True
            self._waiting.discard(at)
            if low > high:  # the first one tells a direction only at an end
                if 0 < at < len(self.blocks) - 1:
                    return []
                self._down = at > 0
            room = min(_AHEAD_AT_ONCE, self._most - len(self._waiting))
            step = -1 if self._down else 1
            chosen: list[int] = []
            place = at + step
            while len(chosen) < room and 0 <= place < len(self.blocks) and abs(place - at) <= 2 * _AHEAD_MOST:
                if not self._seen[place]:
                    self._seen[place] = True
                    chosen.append(place)
                place += step
            self._waiting.update(chosen)
            return chosen


def read_chunk(reader: ChunkReader, block: Block) -> NDArray[Any]:
    """Read one chunk: the task of a graph."""
    return reader.read(block)
