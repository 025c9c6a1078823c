"""The five stages, one by one, give what a fused read gives, and their tables travel."""

from __future__ import annotations

import asyncio
import io
import pickle
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import cogweave as cw
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Archive

BANDS = ["B04", "SCL"]


@dataclass(frozen=True)
class Stages:
    items: Any
    headers: Any
    plan: Any
    tiles: Any
    array: np.ndarray


@pytest.fixture(scope="module")
def grid(made: Archive) -> cw.Grid:
    return made.utm_grid((140, 150), 10)


@pytest.fixture(scope="module")
def stages(made: Archive, grid: cw.Grid) -> Stages:
    items = cw.search(made.remote, datetime="2025-05")
    headers = cw.headers(items, BANDS)
    plan = cw.plan(items, grid, bands=BANDS, headers=headers)
    tiles = cw.fetch(plan)
    return Stages(items, headers, plan, tiles, cw.mosaic(plan, tiles))


def test_by_hand_equals_read_and_open(made: Archive, grid: cw.Grid, stages: Stages) -> None:
    assert stages.array.shape == (2, 2, 140, 150) and stages.array.any()
    np.testing.assert_array_equal(cw.read(stages.plan), stages.array)
    opened = cw.open(made.remote, grid=grid, bands=BANDS, datetime="2025-05")
    np.testing.assert_array_equal(opened.values, stages.array)


def test_a_plan_says_what_it_will_give(grid: cw.Grid, stages: Stages) -> None:
    plan = stages.plan
    assert (plan.shape, plan.dtype) == ((2, 2, 140, 150), np.uint16)
    assert list(plan.bands) == BANDS
    assert np.asarray(plan.times, "datetime64[D]").astype(str).tolist() == ["2025-05-04", "2025-05-19"]
    assert plan.nodata == 0
    assert tuple(plan.grid.shape) == (140, 150)
    assert "B04" in str(plan.explain())


def test_reads_have_the_agreed_columns(made: Archive, stages: Stages) -> None:
    reads = pa.table(stages.plan.reads)
    wanted = ["read_id", "item_id", "band", "time_index", "href", "etag", "level", "tile_index", "offset", "length"]
    assert [c for c in [*wanted, "row", "col", "height", "width"] if c not in reads.column_names] == []
    assert pa.types.is_uint64(reads.schema.field("offset").type)
    for row in reads.to_pylist()[::5]:
        path = made.folder / row["href"].removeprefix(made.server.url + "/")
        assert row["offset"] + row["length"] <= path.stat().st_size


def test_tiles_are_exactly_the_bytes_of_the_files(made: Archive, stages: Stages) -> None:
    reads = {r["read_id"]: r for r in pa.table(stages.plan.reads).to_pylist()}
    tiles = pa.table(stages.tiles)
    assert set(tiles["read_id"].to_pylist()) == set(reads)
    for tile in tiles.to_pylist():
        read = reads[tile["read_id"]]
        file = (made.folder / read["href"].removeprefix(made.server.url + "/")).read_bytes()
        assert tile["data"] == file[read["offset"] : read["offset"] + read["length"]]


def test_fetch_decodes_nothing_and_mosaic_fetches_nothing(arc: Archive, stages: Stages) -> None:
    with cw.measure() as fetching:
        tiles = cw.fetch(stages.plan)
    assert fetching["decoded_pixels"] == 0
    arc.server.reset()
    with cw.measure() as mosaicking:
        cw.mosaic(stages.plan, tiles)
    assert mosaicking["requests"] == 0 and arc.server.stats().requests == 0
    assert mosaicking["decoded_pixels"] > 0


def test_plan_with_headers_does_no_io(arc: Archive, grid: cw.Grid, stages: Stages) -> None:
    with cw.measure() as planning:
        plan = cw.plan(stages.items, grid, bands=BANDS, headers=stages.headers)
        pa.table(plan.reads)
    assert planning["requests"] == 0 and arc.server.stats().requests == 0


def test_tiles_from_elsewhere_in_any_order(stages: Stages) -> None:
    """What obstore or fsspec would bring: a plain Arrow table of read_id and data."""
    tiles = pa.table(stages.tiles)
    order = np.random.default_rng(1).permutation(tiles.num_rows)
    foreign = pa.table(
        {
            "read_id": pa.array(tiles["read_id"].to_numpy()[order], pa.int64()),
            "data": pa.array([tiles["data"][int(i)].as_py() for i in order], pa.large_binary()),
        }
    )
    np.testing.assert_array_equal(cw.mosaic(stages.plan, foreign), stages.array)


@pytest.mark.parametrize(
    "carry", [pa.table, lambda t: pl.DataFrame(pa.table(t)), pl.DataFrame], ids=["pa", "pa-pl", "pl"]
)
def test_items_and_headers_through_other_libraries(grid: cw.Grid, stages: Stages, carry: Any) -> None:
    plan = cw.plan(carry(stages.items), grid, bands=BANDS, headers=carry(stages.headers))
    np.testing.assert_array_equal(cw.read(plan), stages.array)
    np.testing.assert_array_equal(cw.mosaic(plan, carry(stages.tiles)), stages.array)


def test_tables_survive_ipc_and_parquet(grid: cw.Grid, stages: Stages) -> None:
    def through_ipc(table: Any) -> pa.Table:
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, pa.table(table).schema) as writer:
            writer.write_table(pa.table(table))
        return pa.ipc.open_stream(sink.getvalue()).read_all()

    def through_parquet(table: Any) -> pa.Table:
        sink = io.BytesIO()
        pq.write_table(pa.table(table), sink)
        return pq.read_table(io.BytesIO(sink.getvalue()))

    for carry in (through_ipc, through_parquet):
        plan = cw.plan(carry(stages.items), grid, bands=BANDS, headers=carry(stages.headers))
        np.testing.assert_array_equal(cw.mosaic(plan, carry(stages.tiles)), stages.array)


def test_another_process_can_finish_the_work(stages: Stages, tmp_path: Any) -> None:
    (tmp_path / "plan.pickle").write_bytes(pickle.dumps(stages.plan))
    pq.write_table(pa.table(stages.tiles), tmp_path / "tiles.parquet")
    code = (
        "import pickle, sys, numpy, cogweave as cw, pyarrow.parquet as pq\n"
        "plan = pickle.load(open('plan.pickle', 'rb'))\n"
        "numpy.save('array.npy', cw.mosaic(plan, pq.read_table('tiles.parquet')))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)
    np.testing.assert_array_equal(np.load(tmp_path / "array.npy"), stages.array)


def test_a_slice_of_a_plan_reads_that_window(stages: Stages) -> None:
    window = stages.plan[:, 1:, 20:60, 100:130]
    assert window.shape == (2, 1, 40, 30)
    np.testing.assert_array_equal(cw.read(window), stages.array[:, 1:, 20:60, 100:130])
    tiles = cw.fetch(window)
    assert pa.table(tiles).num_rows < pa.table(stages.tiles).num_rows
    np.testing.assert_array_equal(cw.mosaic(window, tiles), stages.array[:, 1:, 20:60, 100:130])


def test_plans_pickle(stages: Stages) -> None:
    again = pickle.loads(pickle.dumps(stages.plan))
    assert again.shape == stages.plan.shape
    np.testing.assert_array_equal(cw.read(again), stages.array)


def test_pixels_go_into_the_array_that_is_given(stages: Stages) -> None:
    out = np.full(stages.plan.shape, 7, np.uint16)
    assert cw.mosaic(stages.plan, stages.tiles, out=out) is out
    np.testing.assert_array_equal(out, stages.array)
    other = np.empty_like(out)
    assert cw.read(stages.plan, out=other) is other
    np.testing.assert_array_equal(other, stages.array)


@pytest.mark.parametrize(
    "out",
    [
        np.empty((2, 2, 140, 151), np.uint16),
        np.empty((2, 2, 140, 150), np.float32),
        np.empty((2, 2, 140, 300), np.uint16)[..., ::2],
    ],
    ids=["shape", "dtype", "strides"],
)
def test_an_array_that_does_not_fit_is_refused(stages: Stages, out: np.ndarray) -> None:
    with pytest.raises(cw.InvalidArgument, match="out"):
        cw.read(stages.plan, out=out)


def test_tiles_that_do_not_belong_to_the_plan_are_refused(stages: Stages) -> None:
    tiles = pa.table(stages.tiles)
    short = tiles.set_column(
        tiles.schema.get_field_index("data"),
        "data",
        pa.array([d.as_py()[:-1] for d in tiles["data"]], pa.large_binary()),
    )
    for wrong, told in (
        (tiles.slice(1), "no row for read 0"),
        (tiles.slice(0, 0), "no row for read 0"),
        (short, r"read 0 needs \d+ bytes"),
        (pa.table(stages.items), "a table of items was given where one of tiles is needed"),
        (pa.table({"read_id": [1]}), 'the tiles need one column "data"'),
    ):
        with pytest.raises(cw.InvalidArgument, match=told):
            cw.mosaic(stages.plan, wrong)
    np.testing.assert_array_equal(cw.mosaic(stages.plan, tiles), stages.array)


def test_steps_stream_as_they_are_ready(stages: Stages) -> None:
    async def collect() -> dict[Any, np.ndarray]:
        return {np.datetime64(step.time, "D"): np.array(step.array) async for step in cw.stream(stages.plan)}

    steps = asyncio.run(collect())
    assert sorted(map(str, steps)) == ["2025-05-04", "2025-05-19"]
    for index, day in enumerate(sorted(steps)):
        np.testing.assert_array_equal(steps[day].reshape(stages.array[:, index].shape), stages.array[:, index])


def test_a_step_is_given_while_others_are_under_way(arc: Archive) -> None:
    """All blocks but the first are combined only after a step was given: a stream that gathers first would hang."""

    async def main() -> tuple[int, int]:
        given, calls = asyncio.Event(), 0

        async def method(block: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > 1:
                await given.wait()
            return block.max(axis=0)

        grid = arc.utm_grid((64, 64), 10)  # one block
        plan = cw.plan(cw.search(arc.local), grid, bands=["B04"], mosaic_method=method)
        steps = 0
        async with asyncio.timeout(20):
            async for _ in cw.stream(plan):
                steps += 1
                given.set()
        return steps, calls

    steps, calls = asyncio.run(main())
    assert steps == 4 and calls > 1


def test_foreign_tables_without_a_first_offset(arc: Archive) -> None:
    """Older writers, nanoarrow among them, leave the offsets of empty columns out."""
    table = pa.table(cw.search(arc.local))
    empty = pa.Array.from_buffers(pa.string(), 0, [None, pa.py_buffer(b""), pa.py_buffer(b"")])
    text = table.slice(0, 0).set_column(table.schema.get_field_index("id"), "id", empty)
    assert len(cw.Items(text)) == 0
    assert pa.table(cw.Items(text)).schema.names == table.schema.names


def test_nothing_to_plan_is_said(made: Archive) -> None:
    nothing = cw.search(made.local, ids=["none"])
    assert len(nothing) == 0
    with pytest.raises(cw.InvalidArgument, match="no item matches"):
        cw.plan(nothing, made.utm_grid((64, 64), 10))
