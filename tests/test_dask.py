"""Arrays travel: as small recipes without secrets, to other processes that read what this one would."""

from __future__ import annotations

import gc
import math
import os
import pickle
import pickletools
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cogweave as cw
import dask
import dask.array
import numpy as np
import pyarrow.parquet as pq
import pytest
import xarray as xr
from dask.array.utils import assert_eq
from dask.utils import key_split

from tests import archive
from tests.conftest import Archive
from tests.servers.signed import SignedServer


@pytest.fixture(scope="module")
def grid(made: Archive) -> cw.Grid:
    return made.utm_grid((120, 140), 10)


@pytest.fixture(scope="module")
def large(made: Archive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of 10,000 items: the archive's, again and again on later dates."""
    folder = tmp_path_factory.mktemp("large")
    items = []
    for n in range(10_000):
        item = dict(made.items[n % len(made.items)])
        year = 2025 - n // len(made.items) % 300
        item["id"] = f"{item['id']}_{n}"
        item["properties"] = {
            **item["properties"],
            "datetime": f"{year}{item['properties']['datetime'][4:]}",
        }
        items.append(item)
    return archive.write_catalog(items, folder / "large.parquet", lambda href: str(made.folder / href))


def test_dask_computes_what_numpy_does(made: Archive, grid: cw.Grid) -> None:
    da = cw.open(made.local, grid=grid, bands=["B04", "SCL"], chunks={"y": 50, "x": 60})
    loaded = cw.open(made.local, grid=grid, bands=["B04", "SCL"]).load()
    assert_eq(da.data, loaded.data)
    assert_eq(da.data[:, ::-1, 3:70:4, [5, 100, 7]], loaded.data[:, ::-1, 3:70:4, [5, 100, 7]])
    assert_eq(da.data.vindex[0, 1, [3, 3, 99], [0, 139, 5]], loaded.data[0, 1, [3, 3, 99], [0, 139, 5]])
    assert_eq(da.data.max(axis=1), loaded.data.max(axis=1))


def test_a_chunk_is_one_task_and_its_name_is_the_same_in_every_process(made: Archive, grid: cw.Grid) -> None:
    def opened(**other: Any) -> dask.array.Array:
        return cw.open(made.local, **{"grid": grid, "bands": ["B04"], "chunks": {"y": 50, "x": 60}, **other}).data

    data = opened()
    assert data.name == opened().name and key_split(data.name) == "cogweave"
    assert len({data.name, opened(bands=["B03"]).name, opened(resampling="cubic").name}) == 3
    (optimised,) = dask.optimize(data)
    chunks = math.prod(data.numblocks)
    assert len(dict(optimised.dask)) <= chunks + 1, "one task for each chunk, and the array itself"
    code = (
        "import cogweave as cw, sys\n"
        f"grid = cw.Grid({grid.crs!r}, {tuple(grid.transform)}, {grid.shape})\n"
        f"print(cw.open({str(made.local)!r}, grid=grid, bands=['B04'], chunks={{'y': 50, 'x': 60}}).data.name)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == data.name


def test_a_graph_of_100_000_chunks_is_not_written_down(made: Archive) -> None:
    def opened(side: int) -> Any:
        return cw.open(made.local, grid=made.utm_grid((5120, 5120), 1), bands=["B04"], chunks={"y": side, "x": side})

    opened(512)  # imports and headers are not what is asked
    gc.collect()
    before = sys.getallocatedblocks()
    da = opened(32)
    gc.collect()
    assert sys.getallocatedblocks() - before < 20_000, "objects of Python's, a few for each chunk"
    (layer,) = da.data.dask.layers.values()
    assert len(layer) > da.data.npartitions >= 100_000
    (part,) = dask.optimize(da.isel(time=0, y=slice(0, 40), x=slice(0, 40)).data)
    assert sum(callable(getattr(task, "func", None)) or type(task) is tuple for task in dict(part.dask).values()) <= 8
    assert not layer.is_materialized(), "a slice has all tasks written down"


def test_an_array_of_10_000_items_pickles_into_20_kilobytes(large: Path, grid: cw.Grid) -> None:
    da = cw.open(large, grid=grid, bands=["B04"])
    assert len(da.cogweave.items) > 5000
    assert len(pickle.dumps(da.variable._data)) < 20_000


def test_a_table_of_items_travels_as_compact_arrow(made: Archive, grid: cw.Grid) -> None:
    table = archive.catalog_table(made.items, lambda href: str(made.folder / href))
    da = cw.open(table, grid=grid, bands=["B04"])
    packed = pickle.dumps(da.variable)
    assert len(packed) < da.cogweave.items.nbytes
    np.testing.assert_array_equal(pickle.loads(packed), da)


def test_another_process_finds_the_items_again(large: Path, grid: cw.Grid, tmp_path: Path) -> None:
    whole = cw.open(large, grid=grid, bands=["B04"])
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(whole.isel(time=slice(-3, None))))
    told = _elsewhere(tmp_path, "print(int(da.astype('int64').sum()))")
    assert int(told) == int(whole.isel(time=slice(-3, None)).astype("int64").sum())


def test_a_catalog_that_was_replaced_or_moved_is_named(large: Path, grid: cw.Grid, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.parquet"
    catalog.write_bytes(large.read_bytes())
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(cw.open(catalog, grid=grid, bands=["B04"])))
    catalog.unlink()
    pq.write_table(pq.read_table(large).slice(1), tmp_path / "other.parquet")
    read = "try: da.isel(time=0).load()\nexcept cw.CogweaveError as error: print(type(error).__name__, error)\n"
    told = _elsewhere(tmp_path, f"{read}import os; os.rename('other.parquet', 'catalog.parquet')\n{read}")
    moved, replaced = told.splitlines()
    assert "SearchError" in moved and "catalog.parquet" in moved
    assert "SearchError" in replaced and "catalog.parquet" in replaced and "replaced" in replaced


def _elsewhere(folder: Path, code: str) -> str:
    program = "import pickle, cogweave as cw\nda = pickle.load(open('a.pickle', 'rb'))\n" + code
    run = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_secrets_of_stores_stay_at_home(made: Archive, grid: cw.Grid) -> None:
    storage = {"s3://bucket": {"region": "eu-central-1", "secret_access_key": "SECRET", "access_key_id": "KEY"}}
    packed = pickle.dumps(cw.open(made.local, grid=grid, bands=["B04"], storage=storage))
    assert b"SECRET" not in packed
    plan = cw.open(made.local, grid=grid, bands=["B04"], storage=storage).cogweave.plan
    _, (_, recipe, _) = plan._base.__reduce__()
    assert b"SECRET" not in zlib.decompress(recipe) and b"eu-central-1" in zlib.decompress(recipe)


# ---- a cluster of processes --------------------------------------------------------------------


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": "spawn"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit="1GB"
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


def test_chunks_spread_over_workers_equal_the_local_read(client: Any, made: Archive, grid: cw.Grid) -> None:
    da = cw.open(made.remote, grid=grid, bands=["B04", "SCL"], chunks={"y": 30, "x": 35, "time": 1})
    local = cw.open(made.remote, grid=grid, bands=["B04", "SCL"]).load()
    spread = da.persist()
    from distributed import wait

    wait(spread)
    holders = client.who_has(client.futures_of(spread))
    assert len({worker for workers in holders.values() for worker in workers}) == 2, "both workers read"
    xr.testing.assert_identical(spread.compute(), local)
    ds = xr.open_dataset(made.remote, engine="cogweave", grid=grid, bands=["B04", "SCL"], chunks={"y": 60})
    xr.testing.assert_identical(ds.mean("time").compute(), ds.compute(scheduler="threads").mean("time"))


def _signed(href: str) -> str:
    """Sign by what the environment of the process holds; else wrongly."""
    return f"{href}?{os.environ.get('SIGNATURE_OF_TESTS', 'sig=none')}"


def test_a_worker_without_access_says_so(
    client: Any, made: Archive, grid: cw.Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process may read, its workers may not: their error names the file, and no partial array comes."""
    only: dict[str, Any] = {"grid": grid, "bands": ["B04"], "ids": [made.items[0]["id"]]}
    with SignedServer(made.folder) as server:
        signature = server.query("/")
        monkeypatch.setenv("SIGNATURE_OF_TESTS", signature)
        catalog = archive.write_catalog(made.items, tmp_path / "signed.parquet", server.href)
        da = cw.open(catalog, chunks={"y": 60}, sign=_signed, **only)
        assert "SIGNATURE_OF_TESTS" not in " ".join(client.run(_environment).values())
        with pytest.raises(cw.AccessDenied, match="B04") as denied:
            da.compute()
        assert denied.value.item_id == made.items[0]["id"] and denied.value.band == "B04"
        assert signature not in str(denied.value)
        client.run(_give, signature)
        try:
            # In other chunks, as the scheduler remembers tasks that failed while their error is at hand.
            again = cw.open(catalog, chunks={"y": 40}, sign=_signed, **only)
            np.testing.assert_array_equal(again.compute(), cw.open(made.local, **only))
        finally:
            client.run(_give, None)


def _give(signature: str | None) -> None:
    os.environ.pop("SIGNATURE_OF_TESTS", None)
    if signature is not None:
        os.environ["SIGNATURE_OF_TESTS"] = signature


def _environment() -> str:
    return " ".join(os.environ)


def test_settings_reach_the_workers_and_each_has_its_own_budget(client: Any, made: Archive, grid: cw.Grid) -> None:
    before = cw.configure()["retries"]
    plan = cw.open(made.local, grid=grid, bands=["B03"]).cogweave.plan
    try:
        cw.configure(retries=before + 4, tile_cache=cw.configure()["memory_limit"] // 2)  # more than a worker may have
        inherited = client.run(_inherit, pickle.dumps(plan))
    finally:
        cw.configure(retries=before)
    assert len(inherited) == 2
    for limits in inherited.values():
        assert limits["pid"] != os.getpid()
        assert limits["retries"] == before + 4
        assert limits["threads"] == 1
        assert limits["memory_limit"] <= 500_000_000


def _inherit(packed: bytes) -> dict[str, Any]:
    pickle.loads(packed)
    return {"pid": os.getpid(), **cw.configure()}


def test_a_recipe_needs_no_version_of_numpy(made: Archive, grid: cw.Grid) -> None:
    plan = cw.open(made.local, grid=grid, bands=["B04", "SCL"], time_period="platform", chunks={}).cogweave.plan
    picked = plan[:, [0], [3, 1, 8]]
    for one in (plan, picked):
        packed = pickle.dumps(one)
        base, window = packed, zlib.decompress(_compressed(packed))
        assert b"numpy" not in base and b"numpy" not in window
    script = (
        "import pickle, sys; import cogweave as cw; "
        "sys.stdout.buffer.write(cw.read(pickle.loads(sys.stdin.buffer.read())).tobytes())"
    )
    told = subprocess.run([sys.executable, "-c", script], input=pickle.dumps(picked), capture_output=True, check=True)
    assert told.stdout == cw.read(picked).tobytes()
    again = pickle.loads(pickle.dumps(plan._base.description))
    assert again.bands[0].dtype == plan.dtype and again.groups.tolist() == plan._base.description.groups.tolist()
    np.testing.assert_array_equal(again.times, plan.times)


def _compressed(packed: bytes) -> bytes:
    """The recipe inside a pickled plan."""
    (found,) = [arg for _, arg, _ in pickletools.genops(packed) if isinstance(arg, bytes) and arg[:1] == b"x"]
    return found


def test_a_credential_provider_that_cannot_travel_serves_here(made: Archive, grid: cw.Grid) -> None:
    """Threads, tokens and the accessors want no import path; only a pickle does."""
    storage = {"s3://elsewhere": {"credential_provider": lambda: {"token": "t"}}}
    arguments: dict[str, Any] = {"grid": grid, "bands": ["B04", "SCL"]}
    da = cw.open(made.local, chunks={"y": 60}, storage=storage, **arguments)
    np.testing.assert_array_equal(da.compute(scheduler="threads"), cw.open(made.local, **arguments))
    other = {"s3://elsewhere": {"credential_provider": lambda: {"token": "t"}}}
    assert da.data.name != cw.open(made.local, chunks={"y": 60}, storage=other, **arguments).data.name
    assert da.data.name == cw.open(made.local, chunks={"y": 60}, storage=storage, **arguments).data.name
    ds = xr.open_dataset(made.local, engine="cogweave", storage=storage, **arguments)
    assert ds.cogweave.plan.bands == ("B04", "SCL")
    with pytest.raises(cw.InvalidArgument, match="credential_provider"):
        pickle.dumps(da)
