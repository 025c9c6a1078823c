"""Completions: how a caller, waiting or awaiting, learns that an operation is done.

An event loop has one port, watched by `loop.add_reader`; a thread that waits has one of its own,
watched by `select.poll`, so that Ctrl-C arrives at once and the blocking form works inside a
running loop too. A loop's port is held by the loop's own reader registration, so that closing the
loop, in whatever way, ends its operations.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
import weakref
from typing import TypeVar

from . import _answers, _lib
from ._ports import Operation, Port, Request, sweep

T = TypeVar("T")


# ---- waiting: one port per thread -----------------------------------------------------------


class Waiter:
    """A port that a thread waits on. One thread at a time."""

    def __init__(self) -> None:
        sweep()
        self.port = Port()
        self.asleep = False  # what arrives now must wake this wait, not one of a signal handler's
        self._poll = select.poll()
        self._poll.register(self.port.fd, select.POLLIN)

    def wait(self, operation: Operation) -> None:
        """Wait for events unless an operation is done, pass them on, and answer what the engine asks.

        A signal handler that raises ends the wait at once. An answerer may wait for operations of
        its own on this thread: that wait then answers the questions that are left.
        """
        try:
            self.asleep = True
            if not operation.done:
                self._poll.poll()
        finally:
            self.asleep = False
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
            if request.meanwhile is not None:
                request.meanwhile()
            while not operation.done:
                self.wait(operation)
            return operation.result(request.finish)
        finally:
            operation.close()


class _OfThread(threading.local):
    waiter: Waiter | None = None


_of_thread = _OfThread()


def run(request: Request[T]) -> T:
    """Submit a request and wait for its result, on the calling thread's own port.

    A signal handler's call, while the thread sleeps in a call that it interrupted, waits on a port apart.
    """
    _lib.library()
    waiter = _of_thread.waiter
    if waiter is None:
        waiter = _of_thread.waiter = Waiter()
    elif waiter.asleep:
        try:
            _of_thread.waiter = Waiter()
            return _of_thread.waiter.run(request)
        finally:
            _of_thread.waiter = waiter
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
    sweep()
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
        if request.meanwhile is not None:
            await loop.run_in_executor(None, request.meanwhile)
        await future
        return operation.result(request.finish)
    finally:
        # Also reached when the future is forgotten: the collector closes this coroutine.
        operation.close()
