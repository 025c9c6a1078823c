"""Sources: where items come from, in the form that the engine takes.

Paths, globs, folders and URLs are the engine's business; Arrow tables are handed over; STAC
objects, documents and APIs are made into an Arrow table first.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from . import _api, _arguments, _stac, _stac_table
from ._recipe import Found, found_by
from ._redact import redact
from ._stac import dicts as stac_items
from ._stac import is_stac
from .errors import InvalidArgument
from .tables import Items, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Source", "is_stac", "resolve", "stac_items"]


class Made(Protocol):
    """What items are made of when a query is known."""

    def items(self, query: Mapping[str, Any]) -> Items:
        """Give those that the query may want, and what it needs of them."""


@dataclass(frozen=True, slots=True)
class Source:
    """Paths for the engine to read, a table of items, or what a query makes a table of; the others are None."""

    paths: list[str] | None
    items: Items | None
    made: Made | None = None
    place: str | None = None

    def table(self, query: Mapping[str, Any]) -> Items | None:
        """Give the table for the engine to search, if it is not to read paths itself."""
        return self.items if self.made is None else self.made.items(query)

    @property
    def limits(self) -> bool:
        """Whether a query's limit is applied before the engine's search: by a server."""
        return isinstance(self.made, _api.Api)

    @property
    def label(self) -> str:
        """The source in words, without secrets."""
        if self.paths is None:
            return self.place or "a table of items"
        return ", ".join(redact(path) for path in self.paths)

    @property
    def origin(self) -> str | None:
        """What relative hrefs are relative to, if that is one place."""
        if self.paths is None:
            return self.items.origin if self.items is not None else None
        if len(self.paths) != 1:
            return None
        path = self.paths[0]
        # A signed URL's query is a secret, and no part of the place.
        return redact(path) if "://" in path else str(Path(path).absolute())

    def identity(self, query: Mapping[str, Any]) -> str | None:
        """Tell what a query of this source finds, as long as its files stay as they are.

        None where that is not known without looking: remote files, folders and tables.
        """
        if self.paths is None:
            return None
        try:
            states = [os.stat(path) for path in self.paths]
        except (OSError, ValueError):
            return None
        if any(stat.S_ISDIR(state.st_mode) for state in states):
            return None
        marks = [(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns) for s in states]
        return json.dumps(
            [[str(Path(path).absolute()) for path in self.paths], marks, dict(query)], sort_keys=True, default=str
        )

    def found(self, query: Mapping[str, Any]) -> Found | None:
        """Tell how another process can find what a query of this source found; None where it cannot."""
        if self.paths is None:
            return None
        absolute = [path if "://" in path else str(Path(path).absolute()) for path in self.paths]
        return found_by(absolute, query)


def resolve(source: object) -> Source:
    """Recognise a source.

    Raises
    ------
    InvalidArgument
        It is nothing that holds items.
    """
    listed = _arguments.paths(source)
    if listed is not None:
        return _of_paths([path if "://" in path else os.path.expanduser(path) for path in listed])
    if isinstance(source, Table) or hasattr(source, "__arrow_c_stream__"):
        return Source(None, Items._of(source, "source"))
    found = _stac.features(source)
    if found is None:
        raise InvalidArgument(
            "source wants a path, a URL, a list of those, an Arrow table or STAC items, and was "
            f"given {type(source).__name__}"
        )
    if not found:
        raise InvalidArgument("source is an empty collection of items")
    return Source(None, None, Objects(found))


def _of_paths(paths: list[str]) -> Source:
    """Tell parquet, which the engine reads, from STAC documents and APIs."""
    for path in paths:
        if path.lower().partition("?")[0].endswith((".tif", ".tiff")):
            raise InvalidArgument(f"source {redact(path)} is a GeoTIFF and no catalog: cw.open_item opens one file")
    others = [path for path in paths if _api.is_document(path) or _api.is_api(path)]
    if not others:
        return Source(paths, None)
    if len(paths) > 1:
        raise InvalidArgument(
            f"source lists {redact(others[0])} beside others: lists are made of parquet files; "
            "name a STAC document or API alone"
        )
    place = paths[0]
    return Source(None, None, _api.Documents(place) if _api.is_document(place) else _api.Api(place), redact(place))


@dataclass(frozen=True, slots=True)
class Objects:
    """STAC objects in memory."""

    found: list[Any]

    def items(self, query: Mapping[str, Any]) -> Items:
        """Make a table of those parts of them that a query needs."""
        return _stac_table.table(self.found, query)
