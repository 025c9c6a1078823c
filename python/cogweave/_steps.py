"""Functions of several steps, written once for the plain and the awaitable form.

They are generators that yield a `Request` and are sent its result (`Steps`); `blocking` and
`awaiting` make the two public forms of them, which differ in nothing but how they wait.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar, cast

from ._loop import run, run_async
from ._ports import Request

T = TypeVar("T")
P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])


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
