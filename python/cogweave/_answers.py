"""Answers: what the engine asks of Python while an operation runs, and who answers.

Signing an href, giving credentials, masking pixels with a user's function: the engine cannot do
these itself, so it puts a question on the operation's queue and waits. A request brings one
*answerer* for each kind of question, by name (`Request.answerers`): a callable that takes a
`Question` and gives the answer, anything that JSON can hold, or an awaitable of it.

Where it runs. An operation that a thread waits for is answered by that thread; an awaited one in
its loop's executor, or on the loop itself where the answerer is a coroutine function, so that
nothing blocks the loop. What a waiting thread's answerer gives to await is awaited on a loop of
cogweave's own, in one thread for the whole process: a session that a user's coroutine opens there
lives from question to question. Several questions of one operation may be under way at once when
they are awaited.

An answerer that raises ends the operation, and the caller gets that very exception. An operation
that ends otherwise cancels the answers that are still awaited, and forgets the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import ctypes
import functools
import inspect
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from ctypes import byref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from . import _ffi, _lib, _pixels, errors

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What the engine asks.

    Attributes
    ----------
    name : str
        Which of the request's answerers is meant.
    about : Any
        What is asked, as JSON has it.
    blocks : tuple of numpy.ndarray
        Arrays that came along by reference: views of the engine's memory, which live as long as
        they are referenced. Those that are writable are part of the answer.
    """

    name: str
    about: Any
    blocks: tuple[NDArray[Any], ...] = ()


Answerer: TypeAlias = Callable[[Question], Any]
"""Gives the answer to a question, as JSON can hold it, or an awaitable of that."""

Answerers: TypeAlias = Mapping[str, Answerer]
"""One answerer for each name of question."""


class Asked(Protocol):
    """What this module needs of an operation."""

    handle: int
    done: bool
    abandoned: bool
    answerers: Answerers
    context: contextvars.Context | None
    under_way: set[Callable[[], object]]

    def fail(self, problem: Exception) -> None:
        """Note why the operation failed, and cancel it."""


def is_async(function: object) -> bool:
    """Tell whether calling something gives a coroutine: it is meant for an event loop."""
    if isinstance(function, functools.partial):
        return is_async(function.func)
    called = inspect.getattr_static(type(function), "__call__", None)  # of an object that is called like a function
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


def here(operation: Asked, number: int) -> None:
    """Answer a question on the calling thread, which waits for the operation."""
    question, answerer = _look_up(operation, number)
    if question is None:
        return
    try:
        value = answerer(question)
        if inspect.isawaitable(value):
            _elsewhere(operation, number, value)
        else:
            _give(operation, number, value)
    except Exception as problem:
        _refuse(operation, number, problem)


def on_loop(operation: Asked, number: int) -> None:
    """Answer a question of an awaited operation, without holding up the running loop."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(_answer(operation, number), context=operation.context)

    def cancel() -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed
            loop.call_soon_threadsafe(task.cancel)

    operation.under_way.add(cancel)
    task.add_done_callback(lambda _: operation.under_way.discard(cancel))


async def _answer(operation: Asked, number: int) -> None:
    question, answerer = _look_up(operation, number)
    if question is None:
        return
    try:
        if is_async(answerer):
            value = answerer(question)
        else:
            context = contextvars.copy_context()
            loop = asyncio.get_running_loop()
            value = await loop.run_in_executor(None, context.run, answerer, question)
        if inspect.isawaitable(value):
            value = await value
        _give(operation, number, value)
    except asyncio.CancelledError:
        _cut_short(operation, number)
        raise
    except Exception as problem:
        _refuse(operation, number, problem)


def forget(operation: Asked) -> None:
    """Cancel the answers that are still awaited: nobody waits for them any more."""
    for cancel in tuple(operation.under_way):
        cancel()


# ---- the two calls --------------------------------------------------------------------------


def _look_up(operation: Asked, number: int) -> tuple[Question | None, Answerer]:
    """Give a question and who answers it; no question where the operation no longer waits."""
    try:
        told = _lib.ask("cw_op_asked", operation.handle, number)
        blocks = tuple(_block(operation.handle, number, i, block) for i, block in enumerate(told["blocks"]))
    except errors.CogweaveError:
        return None, _nobody
    return Question(told["name"], told["about"], blocks), operation.answerers.get(told["name"], _nobody)


def _nobody(question: Question) -> Any:
    raise errors.CogweaveError(f"the engine asks for {question.name!r}, and nothing here answers that")


def _block(handle: int, number: int, index: int, told: Mapping[str, Any]) -> NDArray[Any]:
    data, nbytes, error = ctypes.c_void_p(), ctypes.c_int64(), _ffi.Text()
    lib = _lib.library()
    _lib.check(lib.cw_op_asked_block(handle, number, index, byref(data), byref(nbytes), byref(error)), error)
    array = _pixels.view(data.value or 0, nbytes.value, tuple(told["shape"]), np.dtype(told["dtype"]))
    array.flags.writeable = bool(told["writable"])
    return array


def _give(operation: Asked, number: int, value: Any) -> None:
    _send(operation, number, {"value": value})


def _refuse(operation: Asked, number: int, problem: Exception) -> None:
    operation.fail(problem)
    # The class alone: what the message says is the caller's, and may be secret.
    _send(operation, number, {"error": type(problem).__name__})


def _cut_short(operation: Asked, number: int) -> None:
    """Refuse a question whose answer was cancelled, unless `forget` did that: what was awaited ended so by itself."""
    if not operation.done and not operation.abandoned:
        _refuse(operation, number, errors.Cancelled("what a callable of the caller's awaited was cancelled"))


def _send(operation: Asked, number: int, answer: dict[str, Any]) -> None:
    text, error = json.dumps(answer, allow_nan=False).encode(), _ffi.Text()
    lib = _lib.loaded()
    if lib is not None and operation.handle:
        # A question that is no longer waited for is no error of ours.
        lib.cw_op_answer(operation.handle, number, text, byref(error))
        _lib.take_text(error)


# ---- what a waiting thread's answerers await ---------------------------------------------------

_lock = threading.Lock()
_private: asyncio.AbstractEventLoop | None = None


def _private_loop() -> asyncio.AbstractEventLoop:
    """Give the process's own event loop, which runs in a daemon thread."""
    global _private
    with _lock:
        if _private is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="cogweave-answers", daemon=True).start()
            _private = loop
        return _private


def _elsewhere(operation: Asked, number: int, value: Awaitable[Any]) -> None:
    """Await an answer on the private loop, and send it from there."""

    async def answer() -> None:
        try:
            _give(operation, number, await value)
        except asyncio.CancelledError:
            _cut_short(operation, number)
            raise
        except Exception as problem:
            _refuse(operation, number, problem)

    running = asyncio.run_coroutine_threadsafe(answer(), _private_loop())
    operation.under_way.add(running.cancel)
    running.add_done_callback(lambda _: operation.under_way.discard(running.cancel))
