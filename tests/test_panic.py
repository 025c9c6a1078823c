"""A Go panic, in an export or in any goroutine, becomes an exception, and the process goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import scripts
from tests.conftest import Archive

SCRIPT = """
    import faulthandler, sys
    when, catalog = sys.argv[1:]
    if when == "before":
        faulthandler.enable()
    import ctypes
    from ctypes import byref
    import cogweave as cw
    from cogweave import _ffi, _lib, _loop, _ports
    lib = _lib.library()
    if when == "after":
        cw.stats()
        faulthandler.enable()

    def submitted(name):
        def submit(lib, queue, op, error):
            return getattr(lib, name)(ctypes.c_uint64(queue), op, error)
        return _ports.Request(submit, lambda op: None)

    def refuses(call):
        try:
            call()
        except cw.CogweaveError as e:
            assert type(e) is cw.CogweaveError, type(e)
            print(e)
        else:
            print("no error")

    def at_once(name, *args):
        error = _ffi.Text()
        _lib.check(getattr(lib, name)(*args, byref(error)), error)

    for _ in range(3):
        refuses(lambda: at_once("cw_probe_panic"))
        refuses(lambda: at_once("cw_probe_bounds", ctypes.c_int64(9)))
        refuses(lambda: _loop.run(submitted("cw_probe_operation")))
        refuses(lambda: _loop.run(submitted("cw_probe_goroutine")))
    print(len(cw.search(catalog)))
"""


@pytest.mark.parametrize("faulthandler", ["before", "after", "never"])
def test_panics(arc: Archive, probe: Path, faulthandler: str) -> None:
    done = scripts.run(SCRIPT, faulthandler, arc.local, env={"COGWEAVE_LIBRARY": str(probe)})
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines.pop() == str(len(arc.items))
    assert len(lines) == 12
    for line in lines:
        assert "internal error" in line, line
        assert "goroutine" not in line.replace("a goroutine of an operation", ""), "a stack in the message"
