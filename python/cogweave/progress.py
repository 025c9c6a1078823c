"""Progress: what an operation has done and has to do, told while it runs.

``progress=True`` shows a bar (tqdm or rich where they are installed, else lines of text on standard
error); a callable is given a `ProgressEvent` now and then, at most ten a second. The counters of
everything that runs for one array, or for one call, are summed.
"""

from __future__ import annotations

import importlib
import itertools
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar

from . import _ffi, _lib
from .errors import InvalidArgument

if TYPE_CHECKING:
    import ctypes

    from ._ports import Request

__all__ = ["Progress", "ProgressEvent"]

T = TypeVar("T")

_TICK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """How far the operations of a call or an array are.

    Totals are what is known of so far: they grow while a read finds out what it needs, and with each
    further chunk that is read.

    Attributes
    ----------
    requests_done, requests_total : int
        Requests made, repeated ones included, and those known to be needed.
    retries : int
        Requests that were repeated.
    reads_done, reads_total : int
        Compressed tiles that arrived, or came from a cache, and those that are wanted; of `headers`
        the headers.
    bytes_done, bytes_total : int
        Bytes of those tiles.
    bytes_received : int
        Bytes of all answers, headers' included.
    operations_done, operations_total : int
        Native operations: a chunk is one.
    finished : bool
        Nothing runs any more.
    """

    requests_done: int = 0
    requests_total: int = 0
    retries: int = 0
    reads_done: int = 0
    reads_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    bytes_received: int = 0
    operations_done: int = 0
    operations_total: int = 0
    finished: bool = False


Progress: TypeAlias = bool | Callable[[ProgressEvent], object]
"""True for a bar, or a callable that is given events."""

_COUNTERS: Final = tuple(field.name for field in fields(ProgressEvent))[:8]


class Tracker:
    """Sums the counters of operations, and tells a callable of them. Safe for several threads.

    Parameters
    ----------
    tell : callable
        Called on the thread that waits for an operation, or on the event loop, one call at a time.
    """

    def __init__(self, tell: Callable[[ProgressEvent], object]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._running: dict[int, ProgressEvent] = {}
        self._ended = ProgressEvent()
        self._numbers = itertools.count(1)
        self._told_at = float("-inf")

    def watching(self, request: Request[T]) -> Request[T]:
        """Give a request whose operation is followed."""
        number = next(self._numbers)
        heard, ended = request.listener, request.ended

        def submit(lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
            self._note(number, ProgressEvent(operations_total=1))
            status = request.submit(lib, queue, op, error)
            if status == _ffi.OK:
                lib.cw_op_watch(op._obj)
            else:
                self._end(number)
            return status

        def listen(op: int, kind: int, value: int) -> None:
            if kind == _ffi.EVENT_PROGRESS:
                self._note(number, _read(op))
                self._report()
            elif heard is not None:
                heard(op, kind, value)

        def end(op: int, remarks: bool) -> None:
            if ended is not None:
                ended(op, remarks)
            self._note(number, _read(op))
            self._end(number)
            self._report()

        return replace(request, submit=submit, listener=listen, ended=end)

    @property
    def event(self) -> ProgressEvent:
        """The sums as they are now."""
        with self._lock:
            total = self._ended
            for one in self._running.values():
                total = _sum(total, one)
            return replace(total, finished=not self._running)

    def _note(self, number: int, counters: ProgressEvent) -> None:
        with self._lock:
            self._running[number] = counters

    def _end(self, number: int) -> None:
        with self._lock:
            last = self._running.pop(number)
            self._ended = _sum(self._ended, replace(last, operations_done=1))

    def _report(self) -> None:
        event = self.event
        if not event.finished and time.monotonic() - self._told_at < _TICK_SECONDS:
            return
        # Whoever finds another thread telling leaves it at that, unless there is nothing to come.
        if not self._telling.acquire(blocking=event.finished):
            return
        try:
            self._told_at = time.monotonic()
            self._tell(self.event)
        finally:
            self._telling.release()


def tracker(progress: object) -> Tracker | None:
    """Recognise a ``progress=`` argument.

    Raises
    ------
    InvalidArgument
        It is neither a bool nor callable.
    """
    if progress is None or progress is False:
        return None
    if isinstance(progress, Tracker):
        return progress
    if progress is True:
        return Tracker(_Bar())
    if callable(progress):
        return Tracker(progress)
    raise InvalidArgument(f"progress wants True or a callable: {progress!r}")


def followed(request: Request[T], progress: Tracker | None) -> Request[T]:
    """Give a request that is followed where somebody wants to know."""
    return request if progress is None else progress.watching(request)


def _read(op: int) -> ProgressEvent:
    told = _lib.ask("cw_op_progress", op)
    counters: dict[str, Any] = {name: int(told.get(name, 0)) for name in _COUNTERS}
    return ProgressEvent(**counters, operations_total=1)


def _sum(a: ProgressEvent, b: ProgressEvent) -> ProgressEvent:
    names = (*_COUNTERS, "operations_done", "operations_total")
    sums: dict[str, Any] = {name: getattr(a, name) + getattr(b, name) for name in names}
    return ProgressEvent(**sums)


# ---- bars -------------------------------------------------------------------------------------


class _Display(Protocol):
    def show(self, event: ProgressEvent) -> None: ...
    def close(self) -> None: ...


class _Bar:
    """Shows events; a display is opened with the first and closed when nothing runs any more."""

    def __init__(self) -> None:
        self._display: _Display | None = None

    def __call__(self, event: ProgressEvent) -> None:
        if self._display is None:
            self._display = _display()
        self._display.show(event)
        if event.finished:
            self._display.close()
            self._display = None


def _display() -> _Display:
    for make in (_Tqdm, _Rich):
        try:
            return make()
        except ImportError:
            continue
    return _Text()


class _Tqdm:
    def __init__(self) -> None:
        bar: Any = importlib.import_module("tqdm.auto").tqdm
        self._bar = bar(unit="B", unit_scale=True, unit_divisor=1000, desc="cogweave", file=sys.stderr)

    def show(self, event: ProgressEvent) -> None:
        self._bar.total = event.bytes_total
        self._bar.n = event.bytes_done
        self._bar.set_postfix_str(f"{event.reads_done}/{event.reads_total} reads, {event.requests_done} requests")

    def close(self) -> None:
        self._bar.close()


class _Rich:
    def __init__(self) -> None:
        progress: Any = importlib.import_module("rich.progress")
        console: Any = importlib.import_module("rich.console").Console(stderr=True)
        self._progress = progress.Progress(
            *progress.Progress.get_default_columns(), progress.DownloadColumn(), console=console
        )
        self._progress.start()
        self._task = self._progress.add_task("cogweave", total=None)

    def show(self, event: ProgressEvent) -> None:
        self._progress.update(self._task, completed=event.bytes_done, total=event.bytes_total or None)

    def close(self) -> None:
        self._progress.stop()


class _Text:
    """Lines on standard error, at most one a second."""

    def __init__(self) -> None:
        self._shown_at = float("-inf")

    def show(self, event: ProgressEvent) -> None:
        now = time.monotonic()
        if event.finished or now - self._shown_at >= 1:
            self._shown_at = now
            print(
                f"cogweave: {event.reads_done}/{event.reads_total} reads, "
                f"{event.bytes_done / 1e6:.1f}/{event.bytes_total / 1e6:.1f} MB, {event.requests_done} requests",
                file=sys.stderr,
                flush=True,
            )

    def close(self) -> None:
        pass
