"""Recipes: how a plan travels to another process, small, without handles and without secrets.

Items travel by reference to the catalog where that is possible and worth it: the source, the query
and a digest of what it found. The other process searches again, and a catalog that was replaced in
between is noticed. Other items travel as compressed Arrow.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _storage as stores
from ._redact import redact
from .errors import InvalidArgument, SearchError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Found:
    """How items were found, so that another process can find them again.

    Attributes
    ----------
    paths : tuple of str
        Absolute paths, globs and URLs of the catalog; none with a secret in it.
    query : str
        The engine's request, as JSON.
    digest : str
        Of the items as a plan knows them (`Base.membership`); "" before they were planned.
    """

    paths: tuple[str, ...]
    query: str
    digest: str = ""

    @property
    def label(self) -> str:
        """The catalog in words."""
        return ", ".join(map(redact, self.paths))

    def check(self, digest: str) -> None:
        """Compare with the digest of what the catalog holds now.

        Raises
        ------
        SearchError
            It is another one.
        """
        if digest != self.digest:
            raise self.changed()

    def changed(self) -> SearchError:
        """Give the error for a catalog that is another one now."""
        return SearchError(
            f"the catalog {self.label} was replaced after the array had been opened: the same query finds "
            "other items in it now. Open the array again",
            reason="CatalogChanged",
        )


def found_by(paths: list[str] | None, query: Mapping[str, Any]) -> Found | None:
    """Tell how a query's items can be found again; None where they come from a table or a secret URL."""
    if paths is None or any(redact(path) != path for path in paths):
        return None
    return Found(tuple(paths), json.dumps(query, sort_keys=True))


def storage(options: Mapping[str, Mapping[str, Any]] | None) -> dict[str, dict[str, Any]] | None:
    """Give the options of stores that may travel: no secrets, and callables only by their import path.

    Raises
    ------
    InvalidArgument
        A credential provider that cannot be imported by its name, such as a lambda.
    """
    if options is None:
        return None
    return {
        url: {name: _importable(value, url, name) for name, value in of_store.items() if _travels(name, value)}
        for url, of_store in options.items()
    }


def named(options: Mapping[str, Mapping[str, Any]] | None) -> dict[str, dict[str, Any]] | None:
    """Give the options of stores by which plans are told apart: those that may travel, callables by name.

    A callable that another process could not import has a name that holds in this process alone.
    """
    if options is None:
        return None
    return {
        url: {name: _name_of(value) for name, value in of_store.items() if _travels(name, value)}
        for url, of_store in options.items()
    }


def _name_of(value: object) -> object:
    """Name a callable: by its import path, else as this object alone."""
    if not callable(value):
        return value
    try:
        return import_path(value, "a callable")
    except InvalidArgument:
        return stores.name_of(value)


def _travels(name: str, value: object) -> bool:
    return stores.plain(name) or callable(value) or name == stores.PROVIDER


def _importable(value: object, url: str, name: str) -> object:
    if callable(value):
        import_path(value, f"storage[{redact(url)!r}][{name!r}]")
    return value


def import_path(function: object, argument: str) -> str:
    """Give ``"module:qualified.name"`` of a callable.

    Raises
    ------
    InvalidArgument
        Another process could not import it by that.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    # A method's path is that of the function in its class: the object that it is bound to is not in it.
    bound = inspect.ismethod(function) and not isinstance(function.__self__, type)
    if not module or not name or "<" in name or bound:
        raise InvalidArgument(
            f"{argument} is {name or type(function).__name__!r}{' of an object' if bound else ''}, which a worker "
            "cannot import: name a function of a module there"
        )
    return f"{module}:{name}"
