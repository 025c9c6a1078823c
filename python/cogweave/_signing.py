"""Signing: the user's function that makes hrefs readable, and how the engine asks for it.

The engine asks when files are read, with all hrefs of a read at once, remembers what it was given
until shortly before a signature's own end, and asks again where a server refuses one.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import itertools
import threading
import typing
import weakref
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from . import _answers, _recipe
from .errors import InvalidArgument

if TYPE_CHECKING:
    from ._answers import Answerers, Question

Signer: TypeAlias = Callable[..., Any]
"""``href -> href`` or ``hrefs -> hrefs``, sync or async."""

# A parameter of one of these names, without an annotation, takes all hrefs at once.
_MANY: Final = ("hrefs", "urls")
_AT_ONCE: Final = 32  # coroutines for single hrefs that run at the same time

_lock = threading.Lock()
_numbers = itertools.count(1)
_numbered: weakref.WeakKeyDictionary[Signer, int] = weakref.WeakKeyDictionary()


class Sign:
    """A user's function that signs hrefs. Pickles by its import path.

    Parameters
    ----------
    call : callable
        ``href -> href`` or ``hrefs -> hrefs``. The annotation of its first parameter tells which: a
        text takes one href, anything else (``list[str]``) all; without one, the names ``hrefs``
        and ``urls`` take all, any other takes one.

    Attributes
    ----------
    name : str
        Tells functions apart, within this process: what one has signed serves all its uses.

    Raises
    ------
    InvalidArgument
        It cannot be called with one argument.
    """

    __slots__ = ("call", "many", "name")

    def __init__(self, call: Signer) -> None:
        self.call = call
        self.many = _takes_many(call)
        self.name = _name(call)

    @property
    def path(self) -> str:
        """``"module:qualified.name"`` of the function.

        Raises
        ------
        InvalidArgument
            Another process could not import it.
        """
        told = getattr(self.call, "__cogweave_path__", None)  # of an object that a module holds
        if isinstance(told, str):
            return told
        return _recipe.import_path(self.call, "sign")

    @property
    def token(self) -> str:
        """By what plans are told apart: the import path, else `name`, which holds in this process."""
        try:
            return self.path
        except InvalidArgument:
            return self.name

    def answer(self, question: Question) -> Any:
        """Sign the hrefs of a question; gives a list, or an awaitable of one."""
        hrefs: list[str] = question.about["hrefs"]
        if question.about["again"] and (refused := getattr(self.call, "refused", None)) is not None:
            refused(hrefs)
        if self.many:
            signed = self.call(hrefs)
            return self._all(signed) if inspect.isawaitable(signed) else _checked(signed, hrefs)
        if _answers.is_async(self.call):
            return self._each(hrefs)
        one_by_one = [self.call(href) for href in hrefs]
        if any(map(inspect.isawaitable, one_by_one)):
            return self._gathered(one_by_one, hrefs)
        return _checked(one_by_one, hrefs)

    async def _all(self, signed: Awaitable[Any]) -> list[str]:
        return _checked(await signed)

    async def _each(self, hrefs: list[str]) -> list[str]:
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(href: str) -> Any:
            async with room:
                return await self.call(href)

        return _checked(await asyncio.gather(*map(one, hrefs)), hrefs)

    async def _gathered(self, signed: list[Any], hrefs: list[str]) -> list[str]:
        return _checked(await asyncio.gather(*signed), hrefs)

    def __reduce__(self) -> tuple[Any, ...]:
        return imported, (self.path,)

    def __repr__(self) -> str:
        return f"Sign({self.name})"


def checked(sign: object) -> Sign | None:
    """Recognise a ``sign=`` argument.

    Raises
    ------
    InvalidArgument
        It is no callable of one argument.
    """
    if sign is None or isinstance(sign, Sign):
        return sign
    if not callable(sign):
        raise InvalidArgument(f"sign wants a callable, href -> href or hrefs -> hrefs: {type(sign).__name__}")
    return Sign(sign)


def name(sign: Sign | None) -> str | None:
    """Name a function in the engine's requests."""
    return None if sign is None else sign.name


def answerers(sign: Sign | None) -> Answerers:
    """Give who answers the engine's questions for signed hrefs."""
    return {} if sign is None else {"sign": sign.answer}


def _takes_many(call: Signer) -> bool:
    try:
        parameters = list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):  # a builtin that does not tell
        return False
    if not parameters:
        raise InvalidArgument(f"sign wants a callable of one argument, href or hrefs: {_shown(call)} takes none")
    first = parameters[0]
    if first.annotation is inspect.Parameter.empty:
        return first.name in _MANY
    try:
        called = call if inspect.isfunction(call) or inspect.ismethod(call) else type(call).__call__
        told = typing.get_type_hints(called).get(first.name, first.annotation)
    except (NameError, TypeError, AttributeError):
        told = first.annotation
    return told is not str and told is not Any and told is not object and str(told) != "str"


def _name(call: Signer) -> str:
    with _lock:
        try:
            number = _numbered.get(call) or next(_numbers)
            _numbered[call] = number
        except TypeError:  # it cannot be hashed, or referred to weakly
            number = next(_numbers)
    return f"{_shown(call)} {number}"


def _shown(call: Signer) -> str:
    return str(getattr(call, "__qualname__", None) or type(call).__qualname__)


def _checked(signed: object, hrefs: list[str] | None = None) -> list[str]:
    """Check what a function gave: as many texts as it was given. What is no text is not shown."""
    if isinstance(signed, str) or not isinstance(signed, Iterable):
        raise InvalidArgument(
            f"sign gave {type(signed).__name__} for a list of hrefs. A function of one href has its parameter "
            "annotated with str, one of many with list[str]"
        )
    listed = list(signed)
    for one in listed:
        if not isinstance(one, str):
            raise InvalidArgument(
                f"sign gave {type(one).__name__} in place of an href. A function of many hrefs has its parameter "
                "annotated with list[str]"
            )
    if hrefs is not None and len(listed) != len(hrefs):
        raise InvalidArgument(f"sign was given {len(hrefs)} hrefs and gave {len(listed)}")
    return listed


def imported(path: str) -> Sign:
    """Make one of ``"module:qualified.name"``.

    Raises
    ------
    InvalidArgument
        What is there cannot be called. Whatever importing the module raises is raised.
    """
    module, _, qualified = path.partition(":")
    found: Any = importlib.import_module(module)
    for part in qualified.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise InvalidArgument(f"sign wants a callable, and {path} is of type {type(found).__name__}")
    return Sign(found)
