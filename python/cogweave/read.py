"""read: fetch and mosaic fused, pipelined, with early exit; and stream, step by step."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from . import _ffi, _lib, _loop, _pixels
from ._ports import Listener, Operation, Request
from ._steps import Steps, ask, awaiting, blocking, drive, drive_async
from .plan import Plan, as_plan
from .progress import Progress, Tracker, followed, tracker

if TYPE_CHECKING:
    import ctypes
    from collections.abc import AsyncIterator, Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from ._plan_base import Base
    from ._window import Window

log: Final = logging.getLogger("cogweave")


def _read(plan: Plan, *, out: NDArray[Any] | None = None, progress: Progress | None = None) -> Steps[NDArray[Any]]:
    """Read a plan's window: fetch, decode, resample and combine, pipelined.

    Parameters
    ----------
    plan : Plan
    out : numpy.ndarray, optional
        C-contiguous array of the plan's shape and dtype to write into. It stays pinned until the
        read has ended, also when the caller has given up; its content is undefined after an error
        or a cancellation.
    progress : bool or callable, optional
        True: a bar; a callable is given a `ProgressEvent` now and then, on the thread that waits, or
        on the event loop. None: what the plan was made with.

    Returns
    -------
    numpy.ndarray
        Pixels ``(band, time, y, x)`` of ``plan.dtype``; ``out`` if that was given.

    Raises
    ------
    InvalidArgument
        What is given as a plan is none, or ``out`` does not fit it.
    AssetError
        A file that is needed and cannot be read.
    BudgetExceeded
        The smallest piece of the read does not fit into the memory limit, or the result into the
        machine's memory; no tile was requested.
    Cancelled
        `cancel_all` was called.
    """
    shape, dtype = as_plan(plan).shape, plan.dtype
    if 0 in shape:
        return np.empty(shape, dtype) if out is None else _pixels.check_out(out, shape, dtype)
    target = None if out is None else _pixels.check_out(out, shape, dtype)
    return (yield from read_window(plan._base, plan._window, dtype, target, tracker(progress)))


def read_window(
    base: Base,
    window: Window,
    dtype: np.dtype[Any],
    out: NDArray[Any] | None = None,
    progress: Tracker | None = None,
    ahead: Sequence[Window] = (),
    ahead_of: int = 0,
) -> Steps[NDArray[Any]]:
    """Read a window that is not empty: one operation, one completion.

    Tiles of `ahead`, windows that will be read soon, are fetched meanwhile and kept; at most
    `ahead_of` such windows wait to be read at any time. That is left out where the caller must be
    asked for signatures or credentials: it may be gone by then. With an `ahead_of` the window is one of
    an array's chunks: its decoded tiles are kept a moment for the next ones.
    """
    handle = yield from base.ready()
    options: dict[str, Any] = {"ahead_of": ahead_of or None}
    plain = [w for w in ahead if all(axis.index is None for axis in w.axes)]
    if plain and not base.answerers:
        options["ahead"] = [[(axis.start, axis.step, axis.count) for axis in w.axes] for w in plain]
    return (yield from ask(_request(base, handle, window, dtype, out, options=options, progress=progress)))


def _request(
    base: Base,
    handle: int,
    window: Window,
    dtype: np.dtype[Any],
    out: NDArray[Any] | None,
    listener: Listener | None = None,
    options: dict[str, Any] | None = None,
    progress: Tracker | None = None,
) -> Request[NDArray[Any]]:
    native, shape = window.native(), window.shape
    memory = None if out is None else _pixels.buffer(out)
    wanted = _lib.encode({**(options or {}), "report": True if base.request["errors"] == "ignore" else None})
    started = time.perf_counter()

    def submit(lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        status: int = lib.cw_read(queue, handle, native, wanted, memory, op, error)
        return status

    def finish(op: int) -> NDArray[Any]:
        pixels = _pixels.take(op, shape, dtype) if out is None else out
        if log.isEnabledFor(logging.INFO):
            _log_read(op, shape, dtype, time.perf_counter() - started)
        return pixels

    # The window's index arrays live as long as this closure; the library copies them at once.
    pins = () if out is None else (out,)
    request = Request(submit, finish, pins, listener, base.answerers, base.gathered.ended)
    return followed(request, progress or base.progress)


def _log_read(op: int, shape: tuple[int, ...], dtype: np.dtype[Any], seconds: float) -> None:
    told = _lib.ask("cw_op_progress", op)
    counters = ", ".join(f"{name} {value}" for name, value in told.items() if isinstance(value, (int, float)))
    log.info("read %s %s in %.3f s: %s", "x".join(map(str, shape)), dtype, seconds, counters)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A finished time step of a `stream`.

    Attributes
    ----------
    index : int
        Place in the plan's time axis.
    time : numpy.datetime64
        Start of the step, in nanoseconds, UTC.
    array : numpy.ndarray
        Pixels ``(band, y, x)``: a view of the array of all steps.
    """

    index: int
    time: np.datetime64
    array: NDArray[Any]


class Stream:
    """The time steps of a plan as they complete; made by `stream`.

    Iterate over it plainly or with ``async for``. Leaving the loop cancels what is still to come.
    """

    __slots__ = ("_plan", "_progress")

    def __init__(self, plan: Plan, progress: Tracker | None = None) -> None:
        self._plan, self._progress = plan, progress

    def __len__(self) -> int:
        return self._plan.shape[1]

    def _start(self) -> Steps[tuple[Request[NDArray[Any]], NDArray[Any], deque[int]] | None]:
        plan = self._plan
        if 0 in plan.shape:
            return None
        finished: deque[int] = deque()

        def tell(_op: int, kind: int, value: int) -> None:
            if kind == _ffi.EVENT_STEP:
                finished.append(value)

        handle = yield from plan._base.ready()
        pixels = np.empty(plan.shape, plan.dtype)
        request = _request(plan._base, handle, plan._window, plan.dtype, pixels, tell, {"steps": True}, self._progress)
        return request, pixels, finished

    def __iter__(self) -> Iterator[Step]:
        started = drive(self._start())
        if started is None:
            return
        request, pixels, finished = started
        told: set[int] = set()
        # A port of its own: the steps may be taken in one thread after another.
        waiter = _loop.Waiter()
        operation = Operation(request)
        try:
            waiter.port.submit(request, operation)
            while not operation.done:
                waiter.wait(operation)
                yield from self._steps(pixels, finished, told)
            operation.result(request.finish)
        finally:
            operation.close()
        yield from self._rest(pixels, told)

    async def __aiter__(self) -> AsyncIterator[Step]:
        started = await drive_async(self._start())
        if started is None:
            return
        request, pixels, finished = started
        told: set[int] = set()
        woken = asyncio.Event()
        heard = request.listener

        def tell(op: int, kind: int, value: int) -> None:
            if heard is not None:
                heard(op, kind, value)
            woken.set()

        listening = replace(request, listener=tell)
        reading = asyncio.ensure_future(_loop.run_async(listening))
        reading.add_done_callback(lambda _: woken.set())
        try:
            while not reading.done():
                await woken.wait()
                woken.clear()
                for step in self._steps(pixels, finished, told):
                    yield step
            reading.result()
            for step in self._rest(pixels, told):
                yield step
        finally:
            if not reading.cancel() and not reading.cancelled():
                reading.exception()  # seen: asyncio need not complain of it

    def _steps(self, pixels: NDArray[Any], finished: deque[int], told: set[int]) -> Generator[Step, None, None]:
        while finished:
            index = finished.popleft()
            if index not in told:
                told.add(index)
                yield Step(index, self._plan.times[index], pixels[:, index])

    def _rest(self, pixels: NDArray[Any], told: set[int]) -> Generator[Step, None, None]:
        """Give the steps that the engine did not tell of one by one."""
        missing = deque(i for i in range(self._plan.shape[1]) if i not in told)
        return self._steps(pixels, missing, told)


def stream(plan: Plan, *, progress: Progress | None = None) -> Stream:
    """Read a plan's window, and give each time step as soon as its pixels are complete.

    Parameters
    ----------
    plan : Plan
    progress : bool or callable, optional
        True: a bar; a callable is given a `ProgressEvent` now and then.

    Returns
    -------
    Stream
        For ``async for`` and for ``for``; yields `Step` values in the order of completion.

    Raises
    ------
    InvalidArgument
        What is given as a plan is none.
    AssetError, BudgetExceeded, Cancelled
        As `read` raises them, but from the iteration.
    """
    return Stream(as_plan(plan), tracker(progress))


read = blocking(_read)
read_async = awaiting(_read)
