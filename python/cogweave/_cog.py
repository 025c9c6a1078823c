"""A plan's pixels as a Cloud-Optimized GeoTIFF: read and written by the engine, in one operation."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import _lib
from ._ports import Request
from ._steps import Steps, ask, awaiting, blocking
from .errors import CogweaveError, InvalidArgument
from .plan import Plan, as_plan
from .progress import Progress, followed, tracker

if TYPE_CHECKING:
    import ctypes


def _write_cog(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    overview_resampling: str | None = None,
    progress: Progress | None = None,
) -> Steps[None]:
    """Read a plan's window and write it; a file that is there is replaced when the new one is complete.

    Parameters
    ----------
    plan : Plan
    path : str or path
    overview_resampling : str, optional
        None: average for floats, 16-bit integers and 8-bit pictures in red, green and blue; mode for
        other 8-bit integers; nearest for larger ones.
    progress : bool or callable, optional

    Raises
    ------
    InvalidArgument
        The path is a folder or lies in none.
    OSError
        The file cannot be written: the disk is full, or the folder may not be written to.
    AssetError
        A file that is needed and cannot be read.
    """
    base, window = as_plan(plan)._base, plan._window
    if 0 in plan.shape:
        raise InvalidArgument(f"there is no pixel to write: the plan's shape is {plan.shape}")
    handle = yield from base.ready()
    native = window.native()
    wanted = _lib.encode({"path": os.path.abspath(path), "overview_resampling": overview_resampling or ""})

    def submit(lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        status: int = lib.cw_write(queue, handle, native, wanted, op, error)
        return status

    # Pinned, so that the end of the process waits for what lies half written on the disk to go.
    request = Request(submit, lambda _: None, (wanted,), answerers=base.answerers, ended=base.gathered.ended)
    try:
        yield from ask(followed(request, tracker(progress) or base.progress))
    except CogweaveError as problem:
        if problem.reason == "CannotWrite":
            raise OSError(str(problem)) from None
        raise


write_cog = blocking(_write_cog)
write_cog_async = awaiting(_write_cog)
