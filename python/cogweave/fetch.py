"""fetch: reads become tile bytes, still compressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._ports import Request
from ._steps import Steps, ask, awaiting, blocking
from .plan import Plan, as_plan
from .progress import Progress, followed, tracker
from .search import take_handle
from .tables import Tiles

if TYPE_CHECKING:
    import ctypes


def _fetch(plan: Plan, *, progress: Progress | None = None) -> Steps[Tiles]:
    """Fetch the compressed tiles of a plan's window. Network-bound; nothing is decoded.

    Parameters
    ----------
    plan : Plan
    progress : bool or callable, optional
        True: a bar; a callable is given a `ProgressEvent` now and then.

    Returns
    -------
    Tiles
        A row for each of ``plan.reads``: ``read_id`` (int64), ``data`` (large binary; null where a read failed
        and the plan has ``errors="ignore"``), ``href``, ``offset``, ``length``.

    Raises
    ------
    InvalidArgument
        What is given as a plan is none.
    AssetError
        A file that cannot be read, or that has changed since its header was read.
    BudgetExceeded
        The tiles do not fit into the machine's memory; no tile was requested.
    Cancelled
        `cancel_all` was called.
    """
    window = as_plan(plan)._window.native()
    base = yield from plan._base.ready()

    def submit(lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        status: int = lib.cw_fetch(queue, base, window, op, error)
        return status

    answerers = plan._base.answerers
    fetching = Request(submit, lambda op: Tiles._owning(take_handle(op)), answerers=answerers)
    return (yield from ask(followed(fetching, tracker(progress) or plan._base.progress)))


fetch = blocking(_fetch)
fetch_async = awaiting(_fetch)
