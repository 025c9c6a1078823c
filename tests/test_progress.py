"""Progress is told while operations run: by events, by bars, over all chunks of an array; and costs nothing unasked."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
import time
from typing import Any

import cogweave as cw
import numpy as np
import pytest

from tests import scripts
from tests.conftest import Archive

BANDS = ["B02", "B03", "B04"]


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    size = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    cw.configure(tile_cache=size)


def opened(arc: Archive, progress: Any, **arguments: Any) -> Any:
    return cw.open(arc.remote, grid=arc.utm_grid((300, 300), 10), bands=BANDS, progress=progress, **arguments)


def consistent(events: list[cw.ProgressEvent]) -> cw.ProgressEvent:
    """Counters never go back, totals are never below what is done; the last event says that it is the last."""
    for name in ("requests_done", "reads_done", "bytes_done", "bytes_received", "operations_done"):
        values = [getattr(event, name) for event in events]
        assert values == sorted(values), name
    for event in events:
        for name in ("requests", "reads", "bytes", "operations"):
            assert getattr(event, f"{name}_done") <= getattr(event, f"{name}_total"), event
    last = events[-1]
    assert last.finished and last.operations_done == last.operations_total
    assert last.reads_done == last.reads_total > 0 and last.bytes_done == last.bytes_total > 0
    return last


@pytest.mark.parametrize("awaited", [False, True], ids=["called", "awaited"])
def test_a_read_tells_of_requests_reads_and_bytes(arc: Archive, awaited: bool) -> None:
    events: list[cw.ProgressEvent] = []
    da = opened(arc, events.append)
    events.clear()
    arc.server.reset(latency="250ms")
    before = cw.stats()
    if awaited:
        asyncio.run(da.load_async())
    else:
        da.load()
    last = consistent(events)
    spent = {name: cw.stats()[name] - before[name] for name in ("requests", "bytes")}
    assert last.requests_done >= spent["requests"] > 0
    assert last.bytes_received >= spent["bytes"] > 0
    assert any(not event.finished and event.reads_done < event.reads_total for event in events), "only told at the end"


def test_at_most_ten_events_a_second(arc: Archive) -> None:
    at: list[float] = []
    da = opened(arc, lambda _: at.append(time.monotonic()))
    arc.server.reset(latency="60ms")
    for band in range(3):
        da.isel(band=[band]).copy().load()
    running = [b - a for a, b in itertools.pairwise(at)]
    # The final event of an operation may follow the one before at once.
    assert sum(gap < 0.09 for gap in running) <= 4 + 2


def test_chunks_are_summed_under_dask(arc: Archive) -> None:
    events: list[cw.ProgressEvent] = []
    lock, threads = threading.Lock(), set()

    def tell(event: cw.ProgressEvent) -> None:
        assert lock.acquire(blocking=False), "two calls at a time"
        threads.add(threading.get_ident())
        events.append(event)
        time.sleep(0.002)
        lock.release()

    da = opened(arc, tell, chunks={"x": 100, "y": 100, "time": 1})
    arc.server.reset(latency="20ms")
    done = da.compute(scheduler="threads", num_workers=4)
    np.testing.assert_array_equal(done.values, opened(arc, None).values)
    last = consistent(events)
    assert last.operations_total >= 36
    assert last.bytes_done > 0


def test_every_stage_tells(arc: Archive) -> None:
    events: list[cw.ProgressEvent] = []
    items = cw.search(arc.remote, progress=events.append)
    assert events[-1].finished and events[-1].operations_done == 1
    events.clear()
    headers = cw.headers(items, BANDS, progress=events.append)
    assert consistent_headers(events) == len(BANDS) * len(items)
    events.clear()
    plan = cw.plan(items, arc.utm_grid((200, 200), 10), bands=BANDS, headers=headers, progress=events.append)
    assert events[-1].finished
    for call in (cw.read, cw.fetch, lambda plan, progress: list(cw.stream(plan, progress=progress))):
        events.clear()
        call(plan, progress=events.append)
        assert consistent(events).operations_total == 1
    events.clear()
    cw.read(plan)  # the plan's own
    consistent(events)


def consistent_headers(events: list[cw.ProgressEvent]) -> int:
    assert events[-1].finished and events[-1].reads_done == events[-1].reads_total
    return events[-1].reads_done


def test_a_failing_callable_fails_the_read(arc: Archive) -> None:
    def fails(event: cw.ProgressEvent) -> None:
        raise ZeroDivisionError

    plan = cw.plan(cw.search(arc.remote), arc.utm_grid((100, 100), 10), bands=["B04"])
    with pytest.raises(ZeroDivisionError):
        cw.read(plan, progress=fails)
    for wrong in ("yes", 7):
        with pytest.raises(cw.InvalidArgument, match="progress"):
            cw.read(plan, progress=wrong)  # type: ignore[arg-type]


def test_an_operation_that_fails_ends_its_progress(arc: Archive) -> None:
    events: list[cw.ProgressEvent] = []
    item = arc.items[0]
    broken = {**item, "assets": {"B04": {**item["assets"]["B04"], "href": arc.server.href("gone.tif")}}}
    da = cw.open([broken], grid=arc.utm_grid((50, 50), 10), bands=["B04"], progress=events.append)
    with pytest.raises(cw.AssetNotFound):
        da.load()
    assert events[-1].finished


BAR = """
    import sys
    for name in sys.argv[2].split():
        sys.modules[name] = None
    import cogweave as cw
    grid = cw.Grid(*eval(sys.argv[3]))
    plan = cw.plan(cw.search(sys.argv[1]), grid, bands=["B04"])
    cw.read(plan, progress=True)
"""


@pytest.mark.parametrize(
    ("hidden", "shows"), [("", "reads"), ("tqdm tqdm.auto", "cogweave"), ("tqdm tqdm.auto rich rich.progress", "MB")]
)
def test_bars(arc: Archive, hidden: str, shows: str) -> None:
    """tqdm, rich, and text on standard error where neither is installed."""
    if not hidden:
        pytest.importorskip("tqdm")
    grid = arc.utm_grid((100, 100), 10)
    done = scripts.run(BAR, arc.remote, hidden, (grid.crs, tuple(grid.transform), grid.shape))
    assert done.returncode == 0, done.stderr
    assert shows in done.stderr
    assert not done.stdout


def test_nothing_is_watched_unasked(arc: Archive) -> None:
    """Without progress= no event comes and no counter is read."""
    calls: list[str] = []
    da = cw.open(arc.remote, grid=arc.utm_grid((100, 100), 10), bands=["B04"])

    def profile(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.endswith("progress.py"):
            calls.append(frame.f_code.co_name)

    sys.setprofile(profile)
    try:
        da.load()
    finally:
        sys.setprofile(None)
    assert set(calls) == {"followed"}
