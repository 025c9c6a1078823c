"""Ctrl-C ends a blocking call at once, its requests stop, and the next call works."""

from __future__ import annotations

from tests import scripts
from tests.conftest import Archive

SCRIPT = """
    import os, signal, sys, threading, time
    import cogweave as cw
    items = cw.search(sys.argv[1])
    grid = cw.Grid.from_bbox(tuple(map(float, sys.argv[2:6])), "EPSG:32632", 10)
    plan = cw.plan(items, grid, bands=["B02"])
    cw.configure(tile_cache=0)
    sent = []
    def press():
        time.sleep(0.2)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=press).start()
    try:
        cw.read(plan)
        print("finished")
    except KeyboardInterrupt:
        print("late" if time.monotonic() - sent[0] > 0.5 else "interrupted")
    end = time.monotonic() + 5
    while cw.stats()["in_flight"] and time.monotonic() < end:
        time.sleep(0.01)
    print(cw.stats()["in_flight"])
    print(cw.read(plan[:, 0]).shape)
"""


def test_ctrl_c(arc: Archive) -> None:
    arc.server.reset(latency="700ms")
    printed = scripts.succeed(SCRIPT, arc.remote, *arc.utm_grid((128, 128), 10).bbox)
    assert printed.splitlines() == ["interrupted", "0", "(1, 1, 128, 128)"]
    assert arc.server.stats().aborted > 0, "the requests of the read that was interrupted went on"


HANDLER = """
    import signal, sys
    import cogweave as cw
    items = cw.search(sys.argv[1])
    grid = cw.Grid.from_bbox(tuple(map(float, sys.argv[2:6])), "EPSG:32632", 10)
    plan = cw.plan(items, grid, bands=["B02"])
    cw.configure(tile_cache=0)
    found = []
    signal.signal(signal.SIGALRM, lambda *_: found.append((len(cw.search(sys.argv[1])), cw.read(plan[:, 1]).shape)))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    print(cw.read(plan[:, 0]).shape)
    print(*found)
"""


def test_a_signal_handler_may_read_while_a_read_waits(arc: Archive) -> None:
    """Both reads end: the handler takes no completion that the read which it interrupted sleeps for."""
    arc.server.reset(latency="300ms")
    printed = scripts.succeed(HANDLER, arc.remote, *arc.utm_grid((128, 128), 10).bbox)
    assert printed.splitlines() == ["(1, 1, 128, 128)", f"({len(arc.items)}, (1, 1, 128, 128))"]
