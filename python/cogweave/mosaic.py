"""mosaic: reads and tile bytes become pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _pixels
from ._ports import Request
from ._steps import Steps, aside, ask, awaiting, blocking
from .plan import Plan, as_plan
from .tables import Tiles

if TYPE_CHECKING:
    import ctypes

    from numpy.typing import NDArray


def _mosaic(plan: Plan, tiles: object, *, out: NDArray[Any] | None = None) -> Steps[NDArray[Any]]:
    """Decode, resample and combine tiles that were fetched before. CPU-bound; no request is made.

    Parameters
    ----------
    plan : Plan
    tiles : Tiles or Arrow table
        A row for each of ``plan.reads``: ``read_id`` and ``data``, the bytes
        ``[offset, offset + length)`` of the file, in any order.
    out : numpy.ndarray, optional
        C-contiguous array of the plan's shape and dtype to write into. Its content is undefined
        after an error or a cancellation.

    Returns
    -------
    numpy.ndarray
        Pixels ``(band, time, y, x)`` of ``plan.dtype``; ``out`` if that was given.

    Raises
    ------
    InvalidArgument
        Tiles that do not belong to the plan: missing, extra, or of other lengths; an ``out`` that
        does not fit.
    DecodeError
        A tile that is damaged.
    BudgetExceeded
        The smallest piece of the work does not fit into the memory limit, or the result into the
        machine's memory.
    Cancelled
        `cancel_all` was called.
    """
    shape, dtype = as_plan(plan).shape, plan.dtype
    target = None if out is None else _pixels.check_out(out, shape, dtype)
    given = yield from aside(Tiles._of, tiles, "tiles")
    if 0 in shape:
        return np.empty(shape, dtype) if target is None else target
    base = yield from plan._base.ready()
    window = plan._window.native()
    memory = None if target is None else _pixels.buffer(target)

    def submit(lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        native = given.native
        status: int = lib.cw_mosaic(queue, base, window, native, memory, op, error)
        return status

    def finish(op: int) -> NDArray[Any]:
        return _pixels.take(op, shape, dtype) if target is None else target

    pins = () if target is None else (target,)
    return (yield from ask(Request(submit, finish, pins, answerers=plan._base.answerers)))


mosaic = blocking(_mosaic)
mosaic_async = awaiting(_mosaic)
