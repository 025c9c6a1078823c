"""What reads of the usual sizes ask of a server: requests and bytes at their goals, counted and never timed.

Two rasters are written once; all the files of the archive are further names of them (hard links).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pytest
from affine import Affine

from tests import archive
from tests.archive import catalog_table
from tests.servers import RangeServer

LEFT, TOP, TILE = 600_000, 5_000_000, 1024
BANDS = ["B02", "B03", "B04"]
DATES = 20
HEADERS = 120


class Files:
    """The folder, its server, and catalogs of what lies there."""

    def __init__(self, folder: Path, server: RangeServer) -> None:
        self.folder, self.server = folder, server

    def catalog(self, raster: str, side: int, items: int, bands: list[str]) -> pa.Table:
        """Items of as many days as asked for, each with its own name of the raster for each band."""
        ring = [[10.0, 44.0], [11.5, 44.0], [11.5, 45.5], [10.0, 45.5], [10.0, 44.0]]
        rows: list[dict[str, Any]] = []
        for day in range(items):
            assets: dict[str, dict[str, Any]] = {}
            for band in bands:
                name = f"{raster}_{items}_{day}_{band}.tif"
                os.link(self.folder / f"{raster}.tif", self.folder / name)
                assets[band] = {
                    "href": self.server.href(name),
                    "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                    "roles": ["data"],
                    "proj:code": "EPSG:32632",
                    "proj:shape": [side, side],
                    "proj:transform": [10, 0, LEFT, 0, -10, TOP],
                }
            rows.append(
                {
                    "type": "Feature",
                    "stac_version": "1.1.0",
                    "id": f"{raster}-{day}",
                    "geometry": {"type": "Polygon", "coordinates": [ring]},
                    "bbox": [10.0, 44.0, 11.5, 45.5],
                    "properties": {"datetime": f"2025-05-{day % 28 + 1:02}T10:{day // 28:02}:00Z"},
                    "links": [],
                    "assets": assets,
                }
            )
        return catalog_table(rows)

    def asked(self) -> tuple[int, int]:
        counters = self.server.stats()
        return counters.requests, counters.bytes


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    folder = tmp_path_factory.mktemp("goals")
    rng = np.random.default_rng(6)
    for name, side in (("date", TILE), ("scene", 5 * TILE)):
        pixels = rng.integers(1, 4096, (side, side), dtype=np.uint16)
        stored: dict[str, Any] = {"compress": "none", "predictor": None, "level": None}
        archive.write_cog(folder / f"{name}.tif", pixels, 32632, Affine(10, 0, LEFT, 0, -10, TOP), TILE, **stored)
    with RangeServer(folder) as server:
        yield Files(folder, server)


@pytest.fixture(autouse=True)
def only_headers_are_known() -> Iterator[None]:
    before = cw.configure()["tile_cache"]
    yield
    cw.configure(tile_cache=before)


def forget_tiles() -> None:
    size = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    cw.configure(tile_cache=size)


def window(row: int, col: int, side: int) -> cw.Grid:
    return cw.Grid("EPSG:32632", (10, 0, LEFT + 10 * col, 0, -10, TOP - 10 * row), (side, side))


def test_a_series_of_60_windows_takes_60_requests(files: Files) -> None:
    """20 dates x 3 bands x 512 x 512: 60 requests, 1.01 times the tiles' own bytes; the same again asks for nothing."""
    found = cw.search(files.catalog("date", TILE, DATES, BANDS))
    plan = cw.plan(found, window(200, 300, 512), bands=BANDS, headers=cw.headers(found, BANDS))
    tiles = {(read["href"], read["offset"]): read["length"] for read in pa.table(plan.reads).to_pylist()}
    forget_tiles()
    files.server.reset()
    want = cw.read(plan)
    assert want.shape == (3, DATES, 512, 512) and want.all()
    requests, received = files.asked()
    assert requests == 60
    assert set(Counter(request["path"] for request in files.server.requests()).values()) == {1}
    assert received <= 1.01 * sum(tiles.values())

    files.server.reset()
    np.testing.assert_array_equal(cw.read(plan), want)
    assert files.asked() == (0, 0)


def test_64_chunks_fetch_what_one_read_does(files: Files) -> None:
    """4096 x 4096 as 512 x 512 dask chunks, across the tiles' borders: at most 1.05 times the bytes of one read."""
    dask = pytest.importorskip("dask")
    catalog = files.catalog("scene", 5 * TILE, 1, ["B04"])

    def opened(**chunks: Any) -> Any:
        return cw.open(catalog, grid=window(500, 500, 4096), bands=["B04"], **chunks)

    want = opened().values
    forget_tiles()
    files.server.reset()
    np.testing.assert_array_equal(opened().values, want)
    _, whole = files.asked()
    assert whole >= 25 * TILE * TILE * 2  # each of the raster's tiles

    forget_tiles()
    files.server.reset()
    with dask.config.set(scheduler="threads", num_workers=8):
        array = opened(chunks={"x": 512, "y": 512})
        assert array.data.numblocks[-2:] == (8, 8)
        np.testing.assert_array_equal(array.compute(), want)
    _, pieces = files.asked()
    assert pieces <= 1.05 * whole


def test_120_headers_take_120_requests(files: Files, tmp_path: Path) -> None:
    """Cold, at most 1.15 requests a file; a process that finds them in the folder of the cache sends none."""
    found = cw.search(files.catalog("scene", 5 * TILE, HEADERS, ["B04"]))
    before = {name: cw.configure()[name] for name in ("header_cache", "cache_dir")}
    cw.configure(cache_dir=tmp_path)
    try:
        files.server.reset()
        assert len(cw.headers(found, ["B04"])) == HEADERS
        requests, _ = files.asked()
        assert HEADERS <= requests <= 1.15 * HEADERS
        cw.cancel_all()  # waits for what is to be written
        cw.configure(header_cache=0)  # as in another process: see also test_header_cache.py
        files.server.reset()
        assert len(cw.headers(found, ["B04"])) == HEADERS
        assert files.asked() == (0, 0)
    finally:
        cw.configure(**before)
