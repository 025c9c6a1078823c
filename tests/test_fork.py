"""A forked child gets a clear error at once; spawn and forkserver work."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import cogweave as cw
import pytest

from tests import scripts
from tests.conftest import Archive

FORKS = """
    import os, sys, time
    import cogweave as cw
    items = cw.search(sys.argv[1])
    cw.stats()
    for call in (cw.stats, lambda: cw.search(sys.argv[1]), lambda: cw.configure(threads=1), lambda: cw.headers(items)):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            began = time.monotonic()
            try:
                call()
                text = "no error"
            except cw.ForkedProcess as e:
                text = str(e) if time.monotonic() - began < 0.5 else "slow"
            except BaseException as e:
                text = repr(e)
            os.write(write, text.encode())
            os._exit(0)
        os.close(write)
        print(os.read(read, 4096).decode())
        os.waitpid(child, 0)
"""


def test_a_forked_child(arc: Archive) -> None:
    for line in scripts.succeed(FORKS, arc.local).splitlines():
        assert "multiprocessing_context" in line and "spawn" in line, line


INHERITED = """
    import os, sys, gc
    import cogweave as cw
    items = cw.search(sys.argv[1])
    grid = cw.Grid.from_bbox(tuple(map(float, sys.argv[2:6])), "EPSG:32632", 100)
    array = cw.read(cw.plan(items, grid, bands=["B02"]))
    child = os.fork()
    if child == 0:
        total = int(array.sum())
        del array, items
        gc.collect()
        os._exit(0 if total >= 0 else 1)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_what_a_child_inherits_can_be_dropped(arc: Archive) -> None:
    scripts.succeed(INHERITED, arc.local, *arc.utm_grid((64, 64), 40).bbox)


def count(path: str) -> int:
    return len(cw.search(path))


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_start_methods(arc: Archive, method: str) -> None:
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(count, [str(arc.local)] * 4) == [len(arc.items)] * 4


def test_fork_before_first_use(arc: Archive) -> None:
    script = """
        import os, sys
        import cogweave as cw
        child = os.fork()
        n = len(cw.search(sys.argv[1]))
        if child == 0:
            os._exit(0 if n == int(sys.argv[2]) else 1)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    scripts.succeed(script, Path(arc.local), len(arc.items))
