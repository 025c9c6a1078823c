"""Stages compose across libraries, threads and processes."""

from __future__ import annotations

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import scripts
from tests.conftest import Archive

BANDS = ["B02", "B03"]


@pytest.fixture
def grid(arc: Archive) -> cw.Grid:
    return arc.utm_grid((200, 200), 10)


@pytest.fixture
def want(arc: Archive, grid: cw.Grid) -> Any:
    return cw.read(cw.plan(cw.search(arc.local), grid, bands=BANDS))


def test_items_of_pyarrow(arc: Archive, grid: cw.Grid, want: Any) -> None:
    np.testing.assert_array_equal(cw.read(cw.plan(pq.read_table(arc.local), grid, bands=BANDS)), want)


def test_items_of_polars(arc: Archive, grid: cw.Grid, want: Any) -> None:
    polars = pytest.importorskip("polars")
    np.testing.assert_array_equal(cw.read(cw.plan(polars.read_parquet(arc.local), grid, bands=BANDS)), want)


def test_items_of_duckdb(arc: Archive, grid: cw.Grid, want: Any) -> None:
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.connect().sql(f"select * from read_parquet('{arc.local}')")
    np.testing.assert_array_equal(cw.read(cw.plan(relation, grid, bands=BANDS)), want)


def test_tiles_of_obstore(arc: Archive, grid: cw.Grid) -> None:
    """Another library fetches exactly the ranges that the plan names; mosaic needs nothing else."""
    obstore = pytest.importorskip("obstore")
    plan = cw.plan(cw.search(arc.remote), grid, bands=BANDS)
    want = cw.read(plan)
    reads = pa.table(plan.reads)
    store = obstore.store.HTTPStore.from_url(arc.server.url, client_options={"allow_http": True})
    data = [
        bytes(obstore.get_range(store, href.removeprefix(arc.server.url + "/"), start=offset, length=length))
        for href, offset, length in zip(*(reads[c].to_pylist() for c in ("href", "offset", "length")), strict=True)
    ]
    tiles = pa.table({"read_id": reads["read_id"], "data": pa.array(data, pa.large_binary())})
    arc.server.reset()
    np.testing.assert_array_equal(cw.mosaic(plan, tiles), want)
    assert arc.server.stats().requests == 0


def test_plan_with_headers_needs_no_network(arc: Archive, grid: cw.Grid) -> None:
    items = cw.search(arc.remote)
    headers = cw.headers(items, BANDS)
    arc.server.reset()
    plan = cw.plan(items, grid, bands=BANDS, headers=headers)
    assert len(pa.table(plan.reads)) > 0
    assert arc.server.stats().requests == 0


def test_fetch_does_not_decode_and_mosaic_does_no_io(arc: Archive, grid: cw.Grid) -> None:
    plan = cw.plan(cw.search(arc.remote), grid, bands=BANDS)
    with cw.measure() as spent:
        tiles = cw.fetch(plan)
    assert spent["decoded_pixels"] == 0
    arc.server.reset()
    with cw.measure() as spent:
        cw.mosaic(plan, tiles)
    assert spent["decoded_pixels"] > 0
    assert spent["requests"] == 0 and arc.server.stats().requests == 0


ELSEWHERE = """
    import pickle, sys
    from pathlib import Path
    import numpy as np, pyarrow as pa, pyarrow.parquet as pq
    import cogweave as cw
    folder = Path(sys.argv[1])
    items, headers = pq.read_table(folder / "items.parquet"), pa.ipc.open_stream(folder / "headers.arrow").read_all()
    grid = pickle.loads((folder / "grid.pickle").read_bytes())
    plan = cw.plan(items, grid, bands=["B02", "B03"], headers=headers)
    tiles = pq.read_table(folder / "tiles.parquet")
    np.save(folder / "array.npy", cw.mosaic(plan, tiles))
    print(cw.stats()["requests"])
"""


def test_another_process_mosaics(arc: Archive, grid: cw.Grid, tmp_path: Path) -> None:
    import pickle

    items = cw.search(arc.remote)
    headers = cw.headers(items, BANDS)
    plan = cw.plan(items, grid, bands=BANDS, headers=headers)
    pq.write_table(pa.table(items), tmp_path / "items.parquet")
    sink = io.BytesIO()
    table = pa.table(headers)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "headers.arrow").write_bytes(sink.getvalue())
    pq.write_table(pa.table(cw.fetch(plan)), tmp_path / "tiles.parquet")
    (tmp_path / "grid.pickle").write_bytes(pickle.dumps(grid))
    assert scripts.succeed(ELSEWHERE, tmp_path).strip() == "0"
    np.testing.assert_array_equal(np.load(tmp_path / "array.npy"), cw.read(plan))


def test_fetch_on_the_loop_mosaic_in_threads(arc: Archive, grid: cw.Grid) -> None:
    plan = cw.plan(cw.search(arc.remote), grid, bands=BANDS)
    want = cw.read(plan)

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as threads:

            async def one(step: int) -> Any:
                part = plan[:, step]
                tiles = await cw.fetch_async(part)
                return await loop.run_in_executor(threads, cw.mosaic, part, tiles)

            return await asyncio.gather(*(one(t) for t in range(plan.shape[1])))

    np.testing.assert_array_equal(np.concatenate(asyncio.run(main()), axis=1), want)


def test_steps_as_they_complete(arc: Archive, grid: cw.Grid) -> None:
    plan = cw.plan(cw.search(arc.remote), grid, bands=BANDS)
    want = cw.read(plan)

    async def main() -> dict[Any, Any]:
        return {step.time: step.array async for step in cw.stream(plan)}

    steps = asyncio.run(main())
    assert sorted(steps) == sorted(plan.times)
    for index, time in enumerate(plan.times):
        np.testing.assert_array_equal(np.squeeze(steps[time]), want[:, index])


# ---- what does not belong together ------------------------------------------------------------


@pytest.fixture
def fetched(arc: Archive, grid: cw.Grid) -> tuple[Any, pa.Table]:
    plan = cw.plan(cw.search(arc.local), grid, bands=BANDS)
    return plan, pa.table(cw.fetch(plan))


def test_a_missing_tile(fetched: tuple[Any, pa.Table]) -> None:
    plan, tiles = fetched
    with pytest.raises(cw.InvalidArgument, match=r"no row for read \d+ .*item=S2B_"):
        cw.mosaic(plan, tiles.slice(1))


def test_short_bytes(fetched: tuple[Any, pa.Table]) -> None:
    plan, tiles = fetched
    data = [b[:-1] for b in tiles["data"].to_pylist()]
    short = tiles.set_column(tiles.schema.get_field_index("data"), "data", pa.array(data, pa.large_binary()))
    with pytest.raises(cw.InvalidArgument, match=r"read \d+ needs (\d+) bytes, the tiles' row for it has \d+"):
        cw.mosaic(plan, short)


@pytest.mark.parametrize("stage", ["plan", "mosaic"])
def test_another_stages_table(arc: Archive, grid: cw.Grid, fetched: tuple[Any, pa.Table], stage: str) -> None:
    plan, tiles = fetched
    items = cw.search(arc.local)
    told = {"plan": "a table of tiles was given where one of items", "mosaic": "tiles wants tiles, and was given items"}
    with pytest.raises(cw.InvalidArgument, match=told[stage]):
        cw.plan(tiles, grid, bands=BANDS) if stage == "plan" else cw.mosaic(plan, items)


@pytest.mark.parametrize(
    ("out", "told"),
    [
        (np.empty((2, 4, 199, 200), "uint16"), r"out has the shape \(2, 4, 199, 200\), the pixels have"),
        (np.empty((2, 4, 200, 200), "int16"), "out has the dtype int16, the pixels have uint16"),
        (np.empty((2, 4, 200, 400), "uint16")[..., ::2], "out is not C-contiguous"),
    ],
    ids=["shape", "dtype", "stride"],
)
def test_out_that_does_not_fit(fetched: tuple[Any, pa.Table], out: Any, told: str) -> None:
    plan, _ = fetched
    with pytest.raises(cw.InvalidArgument, match=told):
        cw.read(plan, out=out)


def test_out_is_filled(fetched: tuple[Any, pa.Table], want: Any) -> None:
    plan, _ = fetched
    out = np.zeros(plan.shape, plan.dtype)
    assert cw.read(plan, out=out) is out
    np.testing.assert_array_equal(out, want)
