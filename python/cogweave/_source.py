"""Sources: where items come from, in the form that the engine takes.

Paths, globs, folders and URLs are the engine's business; Arrow tables are handed over; STAC
objects of other libraries are made into an Arrow table first (the ``stac`` extra).
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _arguments
from ._arrow import Items, Table
from ._redact import redact
from .errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Source:
    """Paths for the engine to read, or a table of items; one of them is None."""

    paths: list[str] | None
    items: Items | None

    @property
    def label(self) -> str:
        """The source in words, without secrets."""
        if self.paths is None:
            return "a table of items"
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
        return json.dumps([self.paths, marks, dict(query)], sort_keys=True, default=str)


def resolve(source: object) -> Source:
    """Recognise a source.

    Raises
    ------
    InvalidArgument
        It is nothing that holds items.
    ImportError
        It needs the ``stac`` extra.
    """
    listed = _arguments.paths(source)
    if listed is not None:
        return Source([os.path.expanduser(path) for path in listed], None)
    if isinstance(source, Table) or hasattr(source, "__arrow_c_stream__"):
        return Source(None, Items._of(source, "source"))
    features = stac_items(source)
    if features is None:
        raise InvalidArgument(
            "source wants a path, a URL, a list of those, an Arrow table or STAC items, and was "
            f"given {type(source).__name__}"
        )
    return Source(None, _from_dicts(features))


def is_stac(source: object) -> bool:
    """Tell whether an object is STAC items of another library, without making any request."""
    if isinstance(source, Mapping):
        return source.get("type") == "FeatureCollection" or "stac_version" in source
    module = type(source).__module__.partition(".")[0]
    return module in ("pystac", "pystac_client") and any(
        hasattr(source, name) for name in ("to_dict", "items_as_dicts")
    )


def stac_items(source: object) -> list[dict[str, Any]] | None:
    """Give STAC items as dicts: of pystac and pystac-client objects, dicts, or lists of them."""
    found: Any = source
    if hasattr(found, "items_as_dicts"):  # pystac_client.ItemSearch
        return list(found.items_as_dicts())
    if not isinstance(found, Mapping) and hasattr(found, "to_dict"):
        found = found.to_dict()
    if isinstance(found, Mapping):
        if found.get("type") == "FeatureCollection":
            return list(found.get("features") or ())
        return [dict(found)] if found.get("type") == "Feature" else None
    if isinstance(found, Iterable) and not isinstance(found, (str, bytes)):
        parts = [stac_items(part) for part in found]
        if parts and all(part is not None for part in parts):
            return [item for part in parts if part is not None for item in part]
    return None


def _from_dicts(features: list[dict[str, Any]]) -> Items:
    if not features:
        raise InvalidArgument("source is an empty collection of items")
    try:
        from stac_geoparquet.arrow import parse_stac_items_to_arrow
    except ImportError as problem:
        raise ImportError("STAC objects as a source need the stac extra: pip install 'cogweave[stac]'") from problem
    try:
        table = parse_stac_items_to_arrow(features)
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise InvalidArgument(f"source holds what is no STAC item: {problem!r}") from problem
    return Items(table)
