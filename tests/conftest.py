"""The archive that the suite reads, over a real HTTP server and from local files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cogweave as cw
import pytest

from tests import archive
from tests.servers import ROOT, RangeServer


@dataclass(frozen=True)
class Archive:
    """Four small tiles on four dates: files, items and two catalogs of them.

    remote lists http hrefs, local absolute paths; both hold the same items in the same order.
    """

    folder: Path
    items: list[dict[str, Any]]
    remote: Path
    local: Path
    server: RangeServer

    def item(self, tile: str, day: str) -> dict[str, Any]:
        (found,) = (i for i in self.items if tile in i["id"] and day in i["id"])
        return found

    def path(self, item: dict[str, Any], band: str) -> Path:
        return self.folder / item["assets"][band]["href"]

    def on_day(self, day: str) -> list[dict[str, Any]]:
        return [i for i in self.items if f"_{day}_" in i["id"]]

    def utm_grid(self, shape: tuple[int, int], resolution: float, epsg: int = 32632) -> cw.Grid:
        """A grid of a zone around the middle of the archive, on the pixels of that zone's tiles."""
        left, top = self.corner(epsg)
        middle_x = left + round((0.82 if epsg == 32632 else 0.18) * 5120 / 80) * 80
        middle_y = top - round(0.9 * 5120 / 80) * 80
        x = middle_x - shape[1] * resolution / 2
        y = middle_y + shape[0] * resolution / 2
        return cw.Grid(f"EPSG:{epsg}", (resolution, 0, x, 0, -resolution, y), shape)

    def corner(self, epsg: int) -> tuple[float, float]:
        tiles = [t for t in archive.tiles(archive.SMALL.size) if t.epsg == epsg]
        return min(t.x for t in tiles), max(t.y for t in tiles)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("archive")
    items = archive.make(folder, archive.SMALL)
    with RangeServer(folder) as server:
        remote = archive.write_catalog(items, folder / "remote.parquet", server.href)
        local = archive.write_catalog(items, folder / "local.parquet", lambda href: str(folder / href))
        yield Archive(folder, items, remote, local, server)


@pytest.fixture
def arc(made: Archive) -> Archive:
    """The archive, its server's counters at zero and without latency."""
    made.server.reset(latency="0s")
    return made


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Headers of an earlier run's files, or the developer's, must not answer for this run's."""
    folder = tmp_path_factory.mktemp("cache")
    if "GOCACHE" not in os.environ:  # what the tests compile was compiled before
        os.environ["GOCACHE"] = subprocess.check_output(["go", "env", "GOCACHE"], text=True).strip()
    os.environ["XDG_CACHE_HOME"] = str(folder / "of-processes")  # that tests start
    cw.configure(cache_dir=folder)


@pytest.fixture(scope="session")
def probe(own_cache: None) -> Path:
    """The engine with functions in it that panic and that ask; they are in no other build."""
    library = ROOT / "build" / "probe" / "libcogweave.so"
    subprocess.run(
        [ROOT / "build.sh"],
        env={**os.environ, "COGWEAVE_TAGS": "probe", "COGWEAVE_OUT": str(library.parent)},
        check=True,
        capture_output=True,
    )
    return library
