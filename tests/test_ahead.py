"""Chunks that a dask graph will read soon are fetched ahead: those that it computes, once, and no others."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cogweave as cw
import dask
import numpy as np
import pyarrow as pa
import pytest
from cogweave import _chunks
from cogweave._chunks import ChunkLayer, ChunkReader

from tests.conftest import Archive

SIZES = ((1,), (1,), (64,) * 8, (512,))
TILE_PIXELS = 128 * 128
BLOCKS = [(0, 0, row, 0) for row in range(8)]


@pytest.fixture(autouse=True)
def fresh(arc: Archive) -> Iterator[None]:
    size = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    cw.configure(tile_cache=size)
    arc.server.reset()
    yield
    cw.configure(tile_cache=size)


@pytest.fixture
def plan(arc: Archive) -> cw.Plan:
    """A window of one item and band, whose header is known."""
    found = cw.search(arc.remote, ids=[item_of(arc)])
    grid = arc.utm_grid((512, 512), 10)
    return cw.plan(found, grid, bands=["B04"], headers=cw.headers(found, ["B04"]))


def item_of(arc: Archive) -> str:
    """An item whose file needs a tile of its own in every row of chunks."""
    grid = arc.utm_grid((512, 512), 10)
    plan = cw.plan(cw.search(arc.remote), grid, bands=["B04"])
    reads = pa.table(plan[:, :1].reads).to_pylist()
    return str(max((read["item_id"] for read in reads), key=[read["item_id"] for read in reads].count))


def requests_of(read: Callable[[], Any]) -> int:
    with cw.measure() as counted:
        read()
    return int(counted["requests"])


def settled() -> None:
    """Wait until what goes on in the background has come to its end."""
    before, quiet = -1, 0
    end = time.monotonic() + 10
    while quiet < 10 and time.monotonic() < end:
        now = cw.stats()
        same = now["in_flight"] == 0 and now["requests"] == before
        quiet, before = quiet + 1 if same else 0, now["requests"]
        time.sleep(0.01)
    assert quiet == 10


@pytest.mark.parametrize("order", [BLOCKS, BLOCKS[::-1]], ids=["upwards", "downwards"])
def test_the_next_chunks_need_no_request(plan: cw.Plan, order: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chunks, "_AHEAD_AT_ONCE", len(BLOCKS))  # so that what a later read starts is not counted
    reader = ChunkReader(plan, SIZES, BLOCKS)
    want = cw.read(plan)
    fresh_tiles()
    read = {block: reader.read(block) for block in order[:1]}  # the first one, at an end, tells the direction
    settled()
    for block in order[1:]:
        assert requests_of(lambda block=block: read.update({block: reader.read(block)})) == 0
    for (_, _, row, _), pixels in read.items():
        np.testing.assert_array_equal(pixels, want[:, :, 64 * row : 64 * row + 64])


def test_in_the_middle_the_second_read_tells_the_direction(plan: cw.Plan) -> None:
    reader = ChunkReader(plan, SIZES, BLOCKS)
    assert reader._next(BLOCKS[4]) == []
    assert reader._next(BLOCKS[3]) == [2, 1, 0]


@pytest.mark.parametrize("workers", [1, 2])
def test_chunks_decode_a_tile_once(arc: Archive, workers: int) -> None:
    grid = arc.utm_grid((512, 512), 10)
    whole = cw.open(arc.remote, grid=grid, bands=["B04"])
    chunked = cw.open(arc.remote, grid=grid, bands=["B04"], chunks={"time": 1, "y": 32, "x": 512})
    before = cw.stats()["decoded_pixels"]
    got = chunked.compute(scheduler="threads", num_workers=workers)
    decoded = cw.stats()["decoded_pixels"] - before
    np.testing.assert_array_equal(got, whole.to_numpy())
    tiles = len({(r["href"], r["offset"]) for r in pa.table(whole.cogweave.plan.reads).to_pylist()})
    assert decoded <= tiles * TILE_PIXELS


def fresh_tiles() -> None:
    size = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    cw.configure(tile_cache=size)


def test_nothing_is_fetched_that_is_not_computed(arc: Archive, plan: cw.Plan) -> None:
    part = plan[:, :, 128:256]
    fresh_tiles()
    arc.server.reset()
    cw.read(part)
    want = arc.server.stats().bytes
    fresh_tiles()
    arc.server.reset()
    reader = ChunkReader(plan, SIZES, BLOCKS[2:4])
    for block in BLOCKS[2:4]:
        reader.read(block)
        settled()
    assert arc.server.stats().bytes <= want


def test_a_graph_learns_what_it_computes(arc: Archive) -> None:
    da = cw.open(arc.remote, grid=arc.utm_grid((512, 512), 10), bands=["B04"], chunks={"y": 64, "x": 512})
    part = da.isel(time=0, y=slice(0, 200))
    (graph,) = dask.optimize(part.data)
    told = [getattr(task, "value", task) for task in dict(graph.dask).values()]  # dask wraps what is no task, or not
    readers = [value for value in told if isinstance(value, ChunkReader)]
    assert [reader.blocks for reader in readers] == [[(0, 0, row, 0) for row in range(4)]]


def test_readers_on_other_machines_look_at_nothing_ahead(plan: cw.Plan) -> None:
    copy = pickle.loads(pickle.dumps(ChunkReader(plan, SIZES, BLOCKS)))
    assert copy.blocks == []
    layer = pickle.loads(pickle.dumps(ChunkLayer("pixels", plan, SIZES)))
    assert len(layer) == 1 + len(BLOCKS)


def test_signed_files_are_not_looked_ahead_at(arc: Archive) -> None:
    found = cw.search(arc.remote)
    calls: list[str] = []

    def sign(href: str) -> str:
        calls.append(href)
        return href

    grid = arc.utm_grid((512, 512), 10)
    plan = cw.plan(found, grid, bands=["B04"], headers=cw.headers(found, ["B04"]), sign=sign)[:, :1]
    reader = ChunkReader(plan, SIZES, BLOCKS)
    for block in BLOCKS[:2]:
        reader.read(block)
    settled()
    assert calls
    assert requests_of(lambda: cw.read(plan)) > 0, "tiles were there that nobody had read"


def test_cancel_all_ends_it(arc: Archive, plan: cw.Plan) -> None:
    reader = ChunkReader(plan, SIZES, BLOCKS)
    own = requests_of(lambda: cw.read(plan[:, :, :64]))
    fresh_tiles()
    arc.server.reset("30s")
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(reader.read, BLOCKS[0])
        end = time.monotonic() + 10
        while arc.server.stats().in_flight <= own and time.monotonic() < end:
            time.sleep(0.01)
        assert arc.server.stats().in_flight > own, "nothing is looked ahead at"
        cw.cancel_all()
        with pytest.raises(cw.Cancelled):
            reading.result()
    settled()
    sent = arc.server.stats()
    assert sent.aborted == sent.requests, "what was looked ahead at went on"
    arc.server.reset(latency="0s")
    np.testing.assert_array_equal(reader.read(BLOCKS[3]), cw.read(plan)[:, :, 192:256])
