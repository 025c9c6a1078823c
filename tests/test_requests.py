"""What is asked of servers: each byte once, however many chunks want it; the same requests in every run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pytest
import rasterio
from affine import Affine

from tests import items
from tests.conftest import Archive
from tests.servers import RangeServer


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = cw.configure()
    forget_tiles()
    yield
    cw.configure(**{name: before[name] for name in ("tile_cache", "max_requests")})


def forget_tiles() -> None:
    size = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    cw.configure(tile_cache=size)


def plan_of(arc: Archive, shape: tuple[int, int], resolution: float = 10, **arguments: Any) -> cw.Plan:
    """A plan whose headers are known; nothing of its tiles is."""
    plan = cw.plan(cw.search(arc.remote), arc.utm_grid(shape, resolution), **arguments)
    cw.read(plan)
    forget_tiles()
    arc.server.reset()
    return plan


def test_dask_chunks_together_fetch_what_one_read_does(arc: Archive) -> None:
    dask = pytest.importorskip("dask")
    grid = arc.utm_grid((512, 512), 10)

    def opened(**chunks: Any) -> Any:
        return cw.open(arc.remote, grid=grid, bands=["B02", "B04"], **chunks)

    want = opened().values
    forget_tiles()
    arc.server.reset()
    np.testing.assert_array_equal(opened().values, want)
    whole = arc.server.stats()
    forget_tiles()
    arc.server.reset()
    with dask.config.set(scheduler="threads", num_workers=8):
        np.testing.assert_array_equal(opened(chunks={"x": 64, "y": 64}).compute(), want)
    pieces = arc.server.stats()
    assert pieces.bytes <= 1.05 * whole.bytes


def test_a_series_takes_one_request_for_each_file(arc: Archive) -> None:
    """A window within one tile of the grid: as many requests as dates and bands, and no bytes but the tiles' own."""
    left, top = arc.corner(32632)
    grid = cw.Grid("EPSG:32632", (10, 0, left + 300, 0, -10, top - 300), (90, 90))
    found = cw.search(arc.remote)
    bands = ["B02", "B03", "B04"]
    plan = cw.plan(found, grid, bands=bands, headers=cw.headers(found, bands))
    reads = pa.table(plan.reads).to_pylist()
    files = {read["href"] for read in reads}
    forget_tiles()
    arc.server.reset()
    want = cw.read(plan)
    asked = arc.server.stats()
    assert asked.requests == len(files) >= 9
    assert asked.bytes <= 1.01 * sum(read["length"] for read in reads)
    arc.server.reset()
    np.testing.assert_array_equal(cw.read(plan), want)
    assert arc.server.stats().requests == 0


def requests_of(arc: Archive, plan: cw.Plan, latency: str, **limits: Any) -> list[tuple[str, str]]:
    forget_tiles()
    cw.configure(**limits)
    arc.server.reset(latency=latency)
    cw.read(plan)
    return sorted((request["path"], request["range"]) for request in arc.server.requests())


def test_the_same_requests_in_every_run(arc: Archive) -> None:
    """Early exit skips by pixels alone: neither latency nor the number of connections changes what is asked."""
    plan = plan_of(arc, (300, 300), 20, bands=["B02", "B04"], time_period="P1Y", mask={"SCL": [3, 8, 9, 10]})
    first = requests_of(arc, plan, "0s")
    assert first
    assert requests_of(arc, plan, "15ms", max_requests=3) == first
    assert requests_of(arc, plan, "3ms", max_requests=64) == first


def test_early_exit_reads_no_item_that_is_not_needed(arc: Archive) -> None:
    """Without a mask the first item of a place fills it: reading more of them would be waste."""
    left, top = arc.corner(32632)
    grid = cw.Grid("EPSG:32632", (10, 0, left + 1000, 0, -10, top - 1000), (64, 64))
    found = cw.search(arc.remote)
    plan = cw.plan(found, grid, bands=["B04"], headers=cw.headers(found, ["B04"]), time_period="P1Y")
    every = {read["href"] for read in pa.table(plan.reads).to_pylist()}
    arc.server.reset()
    assert cw.read(plan).all(), "the first item fills the place"
    assert len({request["path"] for request in arc.server.requests()}) == 1 < len(every)


@pytest.fixture
def planar(tmp_path: Path) -> Iterator[tuple[Path, RangeServer]]:
    """Four bands, each in tiles of its own."""
    rng = np.random.default_rng(5)
    pixels = rng.integers(1, 60000, (4, 300, 300)).astype(np.uint16)
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=300, height=300, count=4, dtype="uint16", tiled=True, blockxsize=128,
        blockysize=128, interleave="band", crs="EPSG:32632", transform=Affine(10, 0, 500000, 0, -10, 5000000),
    ) as out:  # fmt: skip
        out.write(pixels)
    with RangeServer(tmp_path) as server:
        yield path, server


def test_only_the_bands_asked_for_of_a_planar_file(planar: tuple[Path, RangeServer]) -> None:
    path, server = planar
    grid = items.native_grid(path)

    def asked(bands: list[str]) -> int:
        da = cw.open(items.of_file(path, server.href(path)), grid=grid, bands=bands)
        forget_tiles()
        server.reset()
        da.load()
        return server.stats().bytes

    every = asked(["data.1", "data.2", "data.3", "data.4"])
    assert asked(["data.3"]) < 0.3 * every


def test_a_tile_is_fetched_once_where_nothing_is_kept(arc: Archive) -> None:
    cw.configure(tile_cache=0)
    plan = plan_of(arc, (200, 200), bands=["B04"])
    cw.configure(tile_cache=0)
    cw.read(plan)
    asked = [(request["path"], request["range"]) for request in arc.server.requests()]
    assert asked and len(asked) == len(set(asked))
