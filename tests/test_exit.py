"""The interpreter ends cleanly and quickly, whatever is under way."""

from __future__ import annotations

import time

import pytest

from tests import scripts
from tests.conftest import Archive

BUSY = """
    import asyncio, sys, threading
    import cogweave as cw
    items = cw.search(sys.argv[1])
    grid = cw.Grid.from_bbox(tuple(map(float, sys.argv[3:7])), "EPSG:32632", 10)
    plan = cw.plan(items, grid, bands=["B02", "B03", "B04"])
    cw.configure(tile_cache=0)
    how = sys.argv[2]
    if how == "thread":
        threading.Thread(target=cw.read, args=(plan,), daemon=True).start()
    elif how == "loop":
        async def main():
            asyncio.ensure_future(cw.read_async(plan))
            await asyncio.sleep(0.02)
        asyncio.run(main())
    elif how == "open loop":
        loop = asyncio.new_event_loop()
        task = loop.create_task(cw.read_async(plan))
        loop.run_until_complete(asyncio.sleep(0.02))
        sys.exit(0)
    elif how == "result":
        array = cw.read(plan)
        sys.modules["keeps"] = array
    elif how == "exception":
        threading.Thread(target=cw.read, args=(plan,), daemon=True).start()
        sys.exit(0)
"""


@pytest.mark.parametrize("how", ["thread", "loop", "result", "exception"])
def test_exit_in_the_middle(arc: Archive, how: str) -> None:
    arc.server.reset(latency="200ms")
    for _ in range(3):
        began = time.monotonic()
        scripts.succeed(BUSY, arc.remote, how, *arc.utm_grid((512, 512), 10).bbox)
        assert time.monotonic() - began < 20


def test_exit_with_an_open_loop(arc: Archive) -> None:
    """asyncio itself warns of a task that was destroyed while pending; the process still ends well."""
    arc.server.reset(latency="200ms")
    done = scripts.run(BUSY, arc.remote, "open loop", *arc.utm_grid((512, 512), 10).bbox)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "fatal" not in done.stderr.lower()


def test_nothing_starts_at_import() -> None:
    script = """
        import os, threading
        before = len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))
        import cogweave
        assert (len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))) == before
        assert "libcogweave" not in open("/proc/self/maps").read()
    """
    # numpy's own threads come with numpy, which xarray has imported by then in any case.
    scripts.succeed("import numpy, xarray\n" + __import__("textwrap").dedent(script))
