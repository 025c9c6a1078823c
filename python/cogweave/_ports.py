"""Operations, and the ports on which they complete.

Every operation is submitted to a *port*: a native queue with a file descriptor that becomes
readable when something completed (`_loop` watches it). Nothing native ever calls into Python.

Who owns what: a running operation is held by its port and holds its caller's future only weakly,
so that a future that is forgotten ends the native work.
"""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import ctypes
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from ctypes import byref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from . import _answers, _ffi, _lib, errors
from ._warn import warn

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

_BATCH: Final = 256  # events taken per call into the library
_FAREWELL_SECONDS: Final = 1.0

Listener: TypeAlias = Callable[[int, int, int], None]
"""Told of each event before the final one: operation handle, kind, value."""


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One operation to be: how to submit it, and how to take its result.

    Attributes
    ----------
    submit : callable
        Given a queue handle, an output handle and an output text, starts the operation.
    finish : callable
        Given the handle of the operation that succeeded, makes the result.
    pins : tuple
        What must outlive the operation, whoever stops waiting: memory that it writes to.
    listener : callable or None
        Told of events before the final one.
    answerers : mapping
        Who answers what the engine asks meanwhile, by the question's name (`_answers`).
    ended : callable or None
        Told of the final completion, whatever came of it: handle, and whether there is a report.
    meanwhile : callable or None
        A few milliseconds of work in Python that the wait leaves time for; what it raises ends the operation.
    """

    submit: Callable[[ctypes.CDLL, int, Any, Any], int]
    finish: Callable[[int], T]
    pins: tuple[object, ...] = ()
    listener: Listener | None = None
    answerers: _answers.Answerers = field(default_factory=dict)
    ended: Callable[[int, bool], None] | None = None
    meanwhile: Callable[[], None] | None = None


class Operation:
    """An operation of a request, until its final completion has been seen and its handle released.

    It is made before it is submitted, so that whoever is interrupted in between can close it.
    """

    __slots__ = (
        "abandoned",
        "answerers",
        "context",
        "done",
        "ended",
        "failure",
        "future",
        "handle",
        "listener",
        "notices",
        "pins",
        "status",
        "under_way",
    )

    def __init__(self, request: Request[Any]) -> None:
        self.handle = 0
        self.done = False
        self.status = _ffi.OK
        self.notices = 0
        self.abandoned = False
        self.pins = request.pins
        self.listener = request.listener
        self.answerers = request.answerers
        self.ended = request.ended
        # Of the caller: what runs on an event loop's behalf would else see the loop's.
        self.context = contextvars.copy_context() if request.answerers else None
        self.under_way: set[Callable[[], object]] = set()
        self.future: weakref.ref[asyncio.Future[None]] | None = None
        self.failure: Exception | None = None

    def hear(self, kind: int, value: int) -> None:
        """Pass an event on; a listener that fails fails the operation."""
        if self.listener is None or self.abandoned or self.failure is not None:
            return
        try:
            self.listener(self.handle, kind, value)
        except Exception as problem:
            self.fail(problem)

    def fail(self, problem: Exception) -> None:
        """Note why the operation failed, and cancel it; the first reason counts."""
        if self.failure is None:
            self.failure = problem
        if self.handle and not self.done and (lib := _lib.loaded()) is not None:
            lib.cw_op_cancel(self.handle)

    def settle(self, status: int, value: int) -> None:
        """Note the final completion, and wake whoever waits."""
        if self.ended is not None:
            try:
                self.ended(self.handle, value >= _ffi.REPORTED)
            except Exception as problem:
                self.failure = self.failure or problem
            self.ended = None
        self.status, self.notices, self.done = status, value % _ffi.REPORTED, True
        self.pins, self.listener = (), None
        _answers.forget(self)
        # `close` sets abandoned before it looks at done, this sets done before it looks at
        # abandoned: whichever comes last releases.
        if self.abandoned:
            self.release()
        elif self.future is not None:
            future = self.future()
            if future is None:
                self.release()
            elif not future.done():
                future.set_result(None)

    def close(self) -> None:
        """Let go: release a finished operation, cancel a running one and release it when it ends."""
        self.abandoned = True
        _answers.forget(self)
        if self.done:
            self.release()
        elif self.handle and (lib := _lib.loaded()) is not None:
            lib.cw_op_cancel(self.handle)

    def release(self) -> None:
        """Give the handle back, once."""
        handle, self.handle = self.handle, 0
        _lib.release(handle)

    def result(self, finish: Callable[[int], T]) -> T:
        """Take the result of a finished operation, or raise its error."""
        if self.notices:
            _warn()
        if self.failure is not None:
            raise self.failure
        if self.status == _ffi.OK:
            return finish(self.handle)
        lib = _lib.library()
        told, problem = _ffi.Text(), _ffi.Text()
        if lib.cw_op_error(self.handle, byref(told), byref(problem)) == _ffi.OK and told.value:
            raise errors.from_json(_lib.take_text(told))
        _lib.check(self.status, problem)
        raise AssertionError("unreachable: a failed operation without an error")


def _warn() -> None:
    """Show what the engine has to say though nothing failed; each text once in a process."""
    for text in _lib.ask("cw_notices")["notices"]:
        warn(text)


class Port:
    """One native queue, and the operations that complete on it.

    Attributes
    ----------
    questions : collections.deque
        What the engine has asked and nobody has looked at yet: operations with the question's
        number. Whoever drains the port answers them after that, not halfway through.
    """

    def __init__(self) -> None:
        lib = _lib.library()
        fd, queue, error = ctypes.c_int32(-1), _ffi.Handle(), _ffi.Text()
        _lib.check(lib.cw_queue_open(byref(fd), byref(queue), byref(error)), error)
        self.fd: int = fd.value
        self.queue: int = queue.value
        self.running: dict[int, Operation] = {}
        self.questions: deque[tuple[Operation, int]] = deque()
        self._events = (_ffi.Event * _BATCH)()
        self._in_hand = False
        self._lib = lib
        _watch_exit(self)
        weakref.finalize(self, _retire, self.queue, self.running).atexit = False

    def submit(self, request: Request[Any], operation: Operation) -> None:
        """Start an operation; its completion will arrive here."""
        handle, error = _ffi.Handle(), _ffi.Text()
        _lib.hand_over_environment(self._lib)
        try:
            _lib.check(request.submit(self._lib, self.queue, byref(handle), byref(error)), error)
        finally:  # started, if it has a handle, whatever interrupted us since
            if handle.value:
                operation.handle = handle.value
                self.running[handle.value] = operation

    def drain(self) -> None:
        """Take what waits in the queue, and tell those concerned. Never blocks."""
        if _exiting:
            _stand_still()
        if self._in_hand:  # a signal handler raised, or a listener waited itself, halfway through
            self._tell(_BATCH)
        count = _BATCH
        while count == _BATCH:
            self._in_hand = True
            count = self._lib.cw_queue_drain(self.queue, self._events, _BATCH)
            self._tell(count)
            self._in_hand = False

    def _tell(self, count: int) -> None:
        # An event is struck out (kind 0) when it has been told, so that none is lost or told twice.
        for i in range(count):
            event = self._events[i]
            kind = event.kind
            if kind == _ffi.EVENT_DONE:
                operation = self.running.pop(event.op, None)
                if operation is not None:
                    operation.settle(event.status, event.value)
                event.kind = 0
            elif kind:
                event.kind = 0
                operation = self.running.get(event.op)
                if operation is None:
                    continue
                if kind == _ffi.EVENT_ASK:
                    self.questions.append((operation, event.value))
                else:
                    operation.hear(kind, event.value)


def _retire(queue: int, running: dict[int, Operation]) -> None:
    """End the operations of a port that is no more, and give its queue back.

    Operations that write into memory of a caller's must be seen to end first: their queue lives on
    until `sweep` finds it empty.
    """
    operations = list(running.values())
    for operation in operations:
        operation.close()
    if any(operation.pins for operation in operations):
        _orphans.append((queue, running))
        return
    for operation in operations:
        operation.release()
    _lib.release(queue)


_orphans: list[tuple[int, dict[int, Operation]]] = []


def sweep() -> None:
    """Release the queues of retired ports whose operations have ended by now."""
    lib = _lib.loaded()
    if lib is None or not _orphans:
        return
    events = (_ffi.Event * _BATCH)()
    for orphan in list(_orphans):
        queue, running = orphan
        count = lib.cw_queue_drain(queue, events, _BATCH)
        for i in range(count):
            if events[i].kind == _ffi.EVENT_DONE:
                operation = running.pop(events[i].op, None)
                if operation is not None:
                    operation.settle(events[i].status, events[i].value)
        if not running or count < 0:
            with contextlib.suppress(ValueError):
                _orphans.remove(orphan)
                _lib.release(queue)


# ---- the end of the process ----------------------------------------------------------------------

_ports: weakref.WeakSet[Port] = weakref.WeakSet()
_exit_watched = False
_exiting = False


def _watch_exit(port: Port) -> None:
    global _exit_watched
    _ports.add(port)
    if not _exit_watched:
        _exit_watched = True
        atexit.register(_farewell)


def _stand_still() -> None:
    """Keep a daemon thread from reporting that its work was cancelled because the process ends."""
    while threading.current_thread().daemon:
        time.sleep(_FAREWELL_SECONDS)


def _farewell() -> None:
    """Cancel everything; wait at most a second for those that write into memory of ours.

    What is still written to after that is leaked: numpy must not free it.
    """
    global _exiting
    lib = _lib.loaded()
    if lib is None:
        return
    _exiting = True
    error = _ffi.Text()
    lib.cw_cancel_all(byref(error))
    _lib.take_text(error)
    waiting = [(port.queue, port.running) for port in list(_ports)] + list(_orphans)
    deadline = time.monotonic() + _FAREWELL_SECONDS
    events = (_ffi.Event * _BATCH)()
    while any(operation.pins for _, running in waiting for operation in list(running.values())):
        for queue, running in waiting:
            for i in range(lib.cw_queue_drain(queue, events, _BATCH)):
                if events[i].kind == _ffi.EVENT_DONE:
                    running.pop(events[i].op, None)
        if time.monotonic() > deadline:
            break
        time.sleep(0.002)
    for _, running in waiting:
        for operation in list(running.values()):
            for pin in operation.pins:
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(pin))
