"""How each library opens the benchmark's catalog, and nothing else.

Imported by the process that is measured, in that library's own environment.
"""

from __future__ import annotations

import importlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Where:
    """What to open. server: base URL; box: (minx, miny, maxx, maxy); days: RFC 3339 interval or None."""

    catalog: str
    server: str
    crs: str
    resolution: float
    bands: list[str]


class Library(Protocol):
    """A library that makes a lazy (band, time, y, x) array of a catalog."""

    def open(self, where: Where, box: Box, days: str | None = None) -> Any: ...


class Cogweave:
    """cogweave, without headers of an earlier run."""

    def __init__(self) -> None:
        self.module: Any = importlib.import_module("cogweave")

    def open(self, where: Where, box: Box, days: str | None = None) -> Any:
        self.module.configure(cache_dir="")
        return self.module.open(
            where.catalog, bbox=box, crs=where.crs, resolution=where.resolution, bands=where.bands, datetime=days
        )


class Lazycogs:
    """lazycogs 0.7, offline: DuckDB's extensions come from PyPI packages."""

    def __init__(self) -> None:
        install_extensions()
        self.module: Any = importlib.import_module("lazycogs")
        self.stores: Any = importlib.import_module("obstore.store")

    def open(self, where: Where, box: Box, days: str | None = None) -> Any:
        store = self.stores.HTTPStore.from_url(where.server, client_options={"allow_http": True})
        return self.module.open(
            where.catalog,
            bbox=box,
            crs=where.crs,
            resolution=where.resolution,
            bands=where.bands,
            datetime=days,
            store=store,
            path_from_href=lambda href: urlsplit(href).path.lstrip("/"),
        )


def install_extensions() -> None:
    """Puts DuckDB's extensions where DuckDB looks for them, since it may not download any."""
    target = Path.home() / ".duckdb" / "extensions" / "v1.5.4" / "linux_amd64"
    for name in ("spatial", "icu", "parquet"):
        if not (target / f"{name}.duckdb_extension").exists():
            package = importlib.import_module(f"duckdb_extension_{name}")
            (found,) = Path(str(package.__file__)).parent.rglob("*.duckdb_extension")
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(found, target / f"{name}.duckdb_extension")


def library(name: str) -> Library:
    known: dict[str, type[Cogweave | Lazycogs]] = {"cogweave": Cogweave, "lazycogs": Lazycogs}
    return known[name]()
