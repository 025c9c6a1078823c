"""Completions: how a caller, waiting or awaiting, learns that an operation is done.

Every operation is submitted to a *port*: a native queue with a file descriptor that becomes
readable when something completed. An event loop has one port, watched by `loop.add_reader`; a
thread that waits has one of its own, watched by `select.poll`, so that Ctrl-C arrives at once and
the blocking form works inside a running loop too. Nothing native ever calls into Python.

Functions with several steps are written once, as generators that yield a `Request` and are sent
its result (`Steps`); `blocking` and `awaiting` make the two public forms of them, which differ in
nothing but how they wait.

Who owns what: a running operation is held by its port and holds its caller's future only weakly,
so that a future that is forgotten ends the native work. A loop's port is held by the loop's own
reader registration, so that closing the loop, in whatever way, ends its operations.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import ctypes
import functools
import inspect
import os
import select
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from ctypes import byref
from dataclasses import dataclass, field
from typing import Any, Final, Generic, ParamSpec, TypeAlias, TypeVar, cast

from . import _answers, _ffi, _lib, errors

T = TypeVar("T")
P = ParamSpec("P")

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
    """

    submit: Callable[[ctypes.CDLL, int, Any, Any], int]
    finish: Callable[[int], T]
    pins: tuple[object, ...] = ()
    listener: Listener | None = None
    answerers: _answers.Answerers = field(default_factory=dict)
    ended: Callable[[int, bool], None] | None = None


@dataclass(frozen=True, slots=True)
class Aside(Generic[T]):
    """Work in Python that takes long enough to be kept off an event loop.

    Reading a stream that another library produces, opening PROJ's database, building coordinates:
    done in place by the plain form, in the loop's executor by the awaitable one.
    """

    work: Callable[[], T]


Steps: TypeAlias = Generator[Request[Any] | Aside[Any], Any, T]


def ask(request: Request[T]) -> Steps[T]:
    """Yield one request from within a `Steps` function and give its result, typed."""
    result: T = yield request
    return result


def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
    """Do some work from within a `Steps` function without holding up an event loop."""
    result: T = yield Aside(functools.partial(work, *args, **kwargs))
    return result


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
        warnings.warn(text, UserWarning, stacklevel=2)


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
    until `_sweep` finds it empty.
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


def _sweep() -> None:
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


# ---- waiting: one port per thread -----------------------------------------------------------


class Waiter:
    """A port that a thread waits on. One thread at a time."""

    def __init__(self) -> None:
        _sweep()
        self.port = Port()
        self._poll = select.poll()
        self._poll.register(self.port.fd, select.POLLIN)

    def wait(self) -> None:
        """Wait for events, pass them on, and answer what the engine asks.

        A signal handler that raises ends the wait at once. An answerer may wait for operations of
        its own on this thread: that wait then answers the questions that are left.
        """
        self._poll.poll()
        self.port.drain()
        questions = self.port.questions
        while questions:
            _answers.here(*questions.popleft())

    def run(self, request: Request[T]) -> T:
        """Submit a request and wait for its result.

        If the wait is cut short, as by Ctrl-C, the operation is cancelled; its completion is taken
        whenever the port is next waited on.
        """
        operation = Operation(request)
        try:
            self.port.submit(request, operation)
            while not operation.done:
                self.wait()
            return operation.result(request.finish)
        finally:
            operation.close()


class _OfThread(threading.local):
    waiter: Waiter | None = None


_of_thread = _OfThread()


def run(request: Request[T]) -> T:
    """Submit a request and wait for its result, on the calling thread's own port."""
    _lib.library()
    waiter = _of_thread.waiter
    if waiter is None:
        waiter = _of_thread.waiter = Waiter()
    return waiter.run(request)


# ---- awaiting: one port per event loop -------------------------------------------------------

# The loop's reader registration holds the port; here it is only found again.
_of_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[Port]] = weakref.WeakKeyDictionary()
_of_loop_lock = threading.Lock()


class _LoopPort(Port):
    """The port of an event loop."""

    def drain(self) -> None:
        """Take what waits in the queue, and start answering what the engine asks."""
        super().drain()
        while self.questions:
            _answers.on_loop(*self.questions.popleft())


def _loop_port(loop: asyncio.AbstractEventLoop) -> Port:
    found = _of_loop.get(loop)
    port = found() if found is not None else None
    if port is not None:
        return port
    _sweep()
    port = _LoopPort()
    try:
        loop.add_reader(port.fd, port.drain)
    except NotImplementedError:
        _Watcher(port, loop)
    with _of_loop_lock:
        _of_loop[loop] = weakref.ref(port)
    return port


class _Watcher:
    """Watches a port for a loop that has no `add_reader` (Windows' Proactor, some embedders).

    One daemon thread waits for the descriptor and asks the loop, once per batch, to drain.
    """

    def __init__(self, port: Port, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._port: Port | None = port
        self._drained = threading.Event()
        self._stop = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._farewell = weakref.finalize(loop, os.eventfd_write, self._stop, 1)
        self._farewell.atexit = False
        threading.Thread(target=self._watch, name="cogweave-watch", daemon=True).start()

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._stop, select.POLLIN)
        port = self._port
        if port is not None:
            poll.register(port.fd, select.POLLIN)
        del port
        try:
            while not any(fd == self._stop for fd, _ in poll.poll()):
                loop = self._loop()
                if loop is None:
                    return
                self._drained.clear()
                loop.call_soon_threadsafe(self._drain)
                del loop
                while not self._drained.wait(0.1):
                    loop = self._loop()
                    if loop is None or loop.is_closed():
                        return
                    del loop
        except RuntimeError:
            pass  # the loop was closed between two events
        finally:
            self._port = None  # the port retires: what still ran is cancelled
            # Whoever detaches the finaliser knows that it will not write to a closed descriptor;
            # otherwise it is writing, or has written, and that is waited for.
            if self._farewell.detach() is None:
                stopped = select.poll()
                stopped.register(self._stop, select.POLLIN)
                stopped.poll()
            os.close(self._stop)

    def _drain(self) -> None:
        if self._port is not None:
            self._port.drain()
        self._drained.set()


async def run_async(request: Request[T]) -> T:
    """Submit a request and await its result; cancelling the await cancels the operation."""
    loop = asyncio.get_running_loop()
    if _lib.loaded() is None:  # loading takes 50 ms
        await loop.run_in_executor(None, _lib.library)
    port = _loop_port(loop)
    future: asyncio.Future[None] = loop.create_future()
    operation = Operation(request)
    operation.future = weakref.ref(future)
    try:
        port.submit(request, operation)
        del port  # the loop alone holds it
        await future
        return operation.result(request.finish)
    finally:
        # Also reached when the future is forgotten: the collector closes this coroutine.
        operation.close()


# ---- the two forms of a function ---------------------------------------------------------------


def blocking(steps: Callable[P, Steps[T]]) -> Callable[P, T]:
    """Make the plain form of a function written as steps."""

    @functools.wraps(steps)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return drive(steps(*args, **kwargs))

    return _named(call, steps, "")


def awaiting(steps: Callable[P, Steps[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Make the awaitable form of a function written as steps."""

    @functools.wraps(steps)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await drive_async(steps(*args, **kwargs))

    return _named(call, steps, "_async")


def drive(steps: Steps[T]) -> T:
    """Run steps to their end, waiting for each request in turn."""
    try:
        request = next(steps)
        while True:
            try:
                result = request.work() if isinstance(request, Aside) else run(request)
            except BaseException as problem:
                request = steps.throw(problem)
            else:
                request = steps.send(result)
    except StopIteration as end:
        return cast("T", end.value)


async def drive_async(steps: Steps[T]) -> T:
    """Run steps to their end, awaiting each request in turn."""
    try:
        request = next(steps)
        while True:
            try:
                if isinstance(request, Aside):
                    loop = asyncio.get_running_loop()
                    result = await loop.run_in_executor(None, request.work)
                else:
                    result = await run_async(request)
            except BaseException as problem:
                request = steps.throw(problem)
            else:
                request = steps.send(result)
    except StopIteration as end:
        return cast("T", end.value)


F = TypeVar("F", bound=Callable[..., Any])


def _named(call: F, steps: Callable[..., Any], suffix: str) -> F:
    """Give a form its public name, and the result's type instead of the generator's."""
    call.__name__ = steps.__name__.lstrip("_") + suffix
    call.__qualname__ = call.__name__
    inspect.unwrap(steps).__qualname__ = steps.__name__.lstrip("_")  # which a TypeError names
    returned = str(steps.__annotations__["return"]).removeprefix("Steps[").removesuffix("]")
    call.__annotations__ = {**steps.__annotations__, "return": returned}
    signature = inspect.signature(steps).replace(return_annotation=returned)
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


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
