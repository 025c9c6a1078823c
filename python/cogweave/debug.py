"""debug: looking into the engine of a running process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _arguments, _lib, _pixels
from ._ports import Request
from ._steps import Steps, ask, awaiting, blocking

if TYPE_CHECKING:
    import ctypes

_KINDS = ("cpu", "heap", "allocs", "goroutine", "threadcreate")


def _profile(kind: str = "cpu", seconds: float = 1.0) -> Steps[bytes]:
    """Take a profile of the engine, for ``go tool pprof``.

    Parameters
    ----------
    kind : {"cpu", "heap", "allocs", "goroutine", "threadcreate"}
    seconds : float
        How long a CPU profile is taken for.

    Returns
    -------
    bytes
        In pprof's format, gzipped.

    Raises
    ------
    InvalidArgument
        An unknown kind, or a time that is none.
    """
    wanted = _arguments.one_of(kind, "kind", _KINDS)
    (length,) = _arguments.numbers_of((seconds,), 1, "seconds", "a number")
    request = _lib.encode({"kind": wanted, "seconds": length})

    def submit(lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        status: int = lib.cw_profile(queue, request, op, error)
        return status

    def finish(op: int) -> bytes:
        return _pixels.take(op, None, np.dtype("uint8")).tobytes()

    return (yield from ask(Request(submit, finish)))


profile = blocking(_profile)
profile_async = awaiting(_profile)
