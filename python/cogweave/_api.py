"""STAC APIs and catalogs of JSON documents as sources: found by pystac-client, then searched like any other.

What an API gives is searched once more by the engine, so that footprints, times and filters mean the
same as for a file, whatever the server makes of them.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from . import _crs, _stac_table, config
from ._http_policy import Guard
from ._redact import redact, redact_foreign
from .errors import InvalidArgument, SearchError

if TYPE_CHECKING:
    from .tables import Items

_PARQUET: Final = (".parquet", ".geoparquet", ".parq", ".pq")
_DOCUMENT: Final = (".json", ".geojson", ".ndjson", ".jsonl")
_PAGE: Final = 250  # items of a page
_MOST_DOCUMENTS: Final = 100_000
_FILTER: Final = "/conf/filter"


def is_document(path: str) -> bool:
    """Tell whether a path or URL names a STAC document."""
    return _place(path).endswith(_DOCUMENT)


def is_api(path: str) -> bool:
    """Tell whether a URL may be that of a STAC API: one of http that names no file."""
    return path.lower().startswith(("http://", "https://")) and not _place(path).endswith(_PARQUET)


def _place(path: str) -> str:
    return (urlsplit(path).path if "://" in path else path).lower()


@dataclass(frozen=True, slots=True)
class Documents:
    """Static STAC: a document of items, or a catalog or collection that links to them."""

    path: str

    def items(self, query: Mapping[str, Any]) -> Items:
        """Read every item."""
        return _stac_table.table(list(_walk(self.path)), query)


def _members(documents: Iterable[Any]) -> Iterator[Any]:
    """Give documents, those of a list one by one."""
    for document in documents:
        yield from document if document and isinstance(document, list) else (document,)


def _walk(start: str) -> Iterator[Any]:
    """Give the items of a document and of those that it links to, in the order of the links."""
    waiting, seen, guard = [start], {start}, Guard()
    while waiting:
        here = waiting.pop()
        for document in _members(_read(here, guard)):
            kind = document.get("type") if isinstance(document, Mapping) else None
            if kind == "FeatureCollection":
                yield from (_at(item, here) for item in document.get("features") or ())
            elif kind == "Feature":
                yield _at(document, here)
            elif kind in ("Catalog", "Collection"):
                linked = [_join(here, href) for href in _links(document)]
                fresh = [href for href in dict.fromkeys(linked) if href not in seen]
                seen.update(fresh)
                if len(seen) > _MOST_DOCUMENTS:
                    raise SearchError(
                        f"{redact(start)}: links to more than {_MOST_DOCUMENTS} documents", reason="CatalogError"
                    )
                waiting.extend(reversed(fresh))
            else:
                raise SearchError(f"{redact(here)}: is no STAC item, collection or catalog", reason="NotStac")


def _links(document: Mapping[str, Any]) -> Iterator[str]:
    for link in document.get("links") or ():
        if (
            isinstance(link, Mapping)
            and link.get("rel") in ("item", "items", "child")
            and isinstance(link.get("href"), str)
        ):
            yield link["href"]


def _at(item: Any, here: str) -> Any:
    """Say in an item where it lies: hrefs of its assets are relative to that."""
    if not isinstance(item, Mapping):
        return item
    links = [link for link in item.get("links") or () if not isinstance(link, Mapping) or link.get("rel") != "self"]
    place = redact(here) if "://" in here else os.path.abspath(here)
    return {**item, "links": [*links, {"rel": "self", "href": place}]}


def _join(here: str, href: str) -> str:
    """Resolve a link: one of a document of the network never leads to a local file."""
    if "://" in here:
        joined = urljoin(here, href)
        if not joined.lower().startswith(("http://", "https://")):
            raise SearchError(f"{redact(here)}: links to {redact(joined)}, which is not read", reason="Href")
        return joined
    return href if "://" in href else os.path.normpath(os.path.join(os.path.dirname(here), href))


def _read(path: str, guard: Guard) -> list[Any]:
    """Read a document; several, if it has one on each line."""
    try:
        if "://" in path:
            text = _stac_io(guard).read_text(path)
        else:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        if _place(path).endswith((".ndjson", ".jsonl")):
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return [json.loads(text)]
    except FileNotFoundError:
        failed: Exception = SearchError(f"{path}: no such file", reason="NotFound")
    except (OSError, UnicodeDecodeError) as problem:
        failed = SearchError(
            f"{redact(path)}: cannot be read", reason="CatalogError", cause=redact_foreign(str(problem))
        )
    except (ValueError, RecursionError) as problem:
        failed = SearchError(f"{redact(path)}: is no JSON: {problem}", reason="CatalogError")
    except Exception as problem:
        failed = _failure(path, problem)
    # Not in the handlers: there it would keep the other one as its context, which has the whole URL, and may travel.
    raise failed


def _stac_io(guard: Guard) -> Any:
    try:
        from pystac_client.stac_api_io import StacApiIO
    except ImportError as problem:
        raise ImportError(
            "a STAC API, or STAC JSON that is read over HTTP, needs the stac extra: "
            "pip install '.[stac]' in a checkout of cogweave"
        ) from problem
    io = StacApiIO(max_retries=min(3, config.configure()["retries"]))
    guard.guard(io.session)
    return io


@dataclass(frozen=True, slots=True)
class Api:
    """A STAC API."""

    url: str

    def items(self, query: Mapping[str, Any]) -> Items:
        """Ask for the items that a query may want; they are searched again afterwards."""
        io = _stac_io(Guard())
        from pystac_client import Client

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                client = Client.open(self.url, stac_io=io)
                found = list(client.search(**_asked(client, query), limit=_PAGE).items_as_dicts())
        except Exception as problem:
            failed = _failure(self.url, problem)
        else:
            return _stac_table.table(found, query)
        raise failed  # as in _read


def _asked(client: Any, query: Mapping[str, Any]) -> dict[str, Any]:
    """Write a query as pystac-client takes it; what the API does not understand is left to our own search."""
    methods = {link.extra_fields.get("method", "GET") for link in client.links if link.rel == "search"}
    asked: dict[str, Any] = {
        "method": "POST" if "POST" in methods else "GET",
        **{name: query.get(name) for name in ("ids", "collections", "datetime", "intersects")},
    }
    box = query.get("bbox") or _lonlat(query.get("region"))
    left = set()
    if asked["intersects"] is None:
        asked["bbox"] = box
    elif box is not None:
        left.add("bbox")  # a search has one or the other
    condition = query.get("filter")
    if condition is not None and any(_FILTER in name for name in client.get_conforms_to()):
        asked["filter"] = condition
        asked["filter_lang"] = "cql2-text" if isinstance(condition, str) else "cql2-json"
        asked["method"] = "GET" if isinstance(condition, str) else asked["method"]
    elif condition is not None:
        left.add("filter")
    if not left and not query.get("sortby"):
        asked["max_items"] = query.get("limit")
    return {name: value for name, value in asked.items() if value is not None}


def _lonlat(region: Mapping[str, Any] | None) -> tuple[float, ...] | None:
    """Give a region's bbox in degrees; west of it may lie east of it, across the antimeridian."""
    if region is None:
        return None
    return _crs.lonlat_bounds(region["bbox"], region["crs"])


def _failure(url: str, problem: Exception) -> Exception:
    """Say what went wrong with a server, without secrets."""
    if isinstance(problem, (SearchError, InvalidArgument, ImportError)):
        return problem
    status = getattr(problem, "status_code", None)
    words = redact_foreign(str(problem)).strip().splitlines()
    first = words[0][:200] if words else ""
    what = (
        f"answered {status}" if status else "is no STAC API" if isinstance(problem, ValueError) else "cannot be asked"
    )
    return SearchError(
        f"{redact(url)}: {what}" + (f": {first}" if first else ""),
        reason="Api",
        cause=f"{type(problem).__module__}.{type(problem).__qualname__}",
    )
