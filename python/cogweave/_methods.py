"""mosaic_method=: names of methods, and functions of the user's that combine blocks of items."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from . import _answers, _recipe
from .errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    MosaicMethod: TypeAlias = str | Callable[[np.ma.MaskedArray[Any, Any]], Any]

_numbers: Final = itertools.count()


class Function(str):
    """A user's function, under the name by which requests and digests know it.

    Attributes
    ----------
    call : callable
    """

    __slots__ = ("call",)

    call: Callable[[np.ma.MaskedArray[Any, Any]], Any]

    @classmethod
    def of(cls, call: Callable[[np.ma.MaskedArray[Any, Any]], Any]) -> Function:
        """Name a function: by its import path or its ``__dask_tokenize__``, else as this object alone."""
        token = getattr(call, "__dask_tokenize__", None)
        try:
            name = repr(token()) if callable(token) else _recipe.import_path(call, "mosaic_method")
        except InvalidArgument:
            name = f"{getattr(call, '__qualname__', type(call).__name__)}#{next(_numbers)}"
        function = cls(f"callable({name})")
        function.call = call
        return function

    def __reduce__(self) -> tuple[Any, ...]:
        _recipe.import_path(self.call, "mosaic_method")
        return Function.of, (self.call,)


def method(value: object) -> str:
    """Check a ``mosaic_method`` argument; its name is the engine's to judge."""
    if isinstance(value, str):
        if value.lstrip().startswith("callable("):
            raise InvalidArgument(f"mosaic_method {value!r}: give the function itself")
        return value
    if callable(value):
        return Function.of(value)
    raise InvalidArgument(f"mosaic_method wants a method's name or a callable: {value!r}")


def answerers(request: Mapping[str, Any]) -> _answers.Answerers:
    """Give who answers the engine's questions about a request's method."""
    function = request.get("mosaic_method")
    if not isinstance(function, Function):
        return {}
    call = function.call
    if not _answers.is_async(call):
        return {"mosaic": lambda question: _put(question, call(_stack(question)))}

    async def answer(question: _answers.Question) -> None:
        _put(question, await call(_stack(question)))

    return {"mosaic": answer}


def _stack(question: _answers.Question) -> np.ma.MaskedArray[Any, Any]:
    values, valid = question.blocks[:2]
    return np.ma.MaskedArray(values.copy(), mask=valid == 0)


def _put(question: _answers.Question, result: object) -> None:
    """Write what a function gave into the blocks of its answer."""
    out, has = question.blocks[2:]
    given: np.ma.MaskedArray[Any, Any] = np.ma.asanyarray(result)
    if given.shape != out.shape and not (out.shape[0] == 1 and given.shape == out.shape[1:]):
        raise InvalidArgument(
            f"mosaic_method gave shape {given.shape} for {question.blocks[0].shape}: {out.shape} (band, y, x) is wanted"
        )
    if not np.can_cast(given.dtype, out.dtype, "same_kind"):
        raise InvalidArgument(f"mosaic_method gave {given.dtype}, the array is {out.dtype}: name dtype=")
    out[...] = given.filled(0)
    has[...] = ~np.ma.getmaskarray(given)
