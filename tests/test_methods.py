"""Mosaic methods equal a brute force over rasterio's pixels; those that choose an item, and functions of the user's."""

from __future__ import annotations

import asyncio
import pickle
import threading
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.archive import catalog_table, write_cog
from tests.conftest import Archive

SIDE = 70  # more than one block of 64
LEFT, TOP = 400000.0, 5000000.0


class Stack:
    """Items on one grid, and their masked pixels (item, band, y, x) as rasterio reads them."""

    def __init__(self, folder: Path, stack: np.ndarray, nodata: float = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        items = []
        for number, layers in enumerate(stack):
            assets = {}
            for band, values in enumerate(layers):
                path = folder / f"{number}_{band}.tif"
                transform = rasterio.transform.from_origin(LEFT, TOP, 10, 10)
                write_cog(path, values, 32633, transform, 64, "nearest", nodata=nodata, predictor=None)
                assets[f"b{band}"] = {"href": str(path), "type": "image/tiff; application=geotiff", "roles": ["data"]}
            items.append(_item(number, assets))
        self.table = catalog_table(items)
        self.grid = cw.Grid("EPSG:32633", (10, 0, LEFT, 0, -10, TOP), stack.shape[2:])
        self.pixels: Any = np.ma.masked_equal(stack, nodata)
        self.bands = [f"b{band}" for band in range(stack.shape[1])]

    def open(self, **arguments: Any) -> Any:
        return cw.open(self.table, grid=self.grid, **{"bands": self.bands, "time_period": "P1Y", **arguments})

    def read(self, **arguments: Any) -> np.ndarray:
        return np.asarray(self.open(**arguments).values[:, 0])


def _item(number: int, assets: dict[str, Any]) -> dict[str, Any]:
    ring = [[13, 44], [16, 44], [16, 46], [13, 46], [13, 44]]
    return {
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": f"i{number:02}", "collection": "c",
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [13, 44, 16, 46],
        "properties": {"datetime": f"2025-01-{number + 1:02}T00:00:00Z"}, "links": [], "assets": assets,
    }  # fmt: skip


def medoid(stack: Any) -> Any:
    """The definition, item by item: the least sum of Euclidean distances among items with all bands valid."""
    valid = ~np.ma.getmaskarray(stack).any(1)
    values = np.where(valid[:, None], stack.filled(0), 0).astype("f8")
    sums = np.zeros(valid.shape)
    for i in range(len(stack)):
        for j in range(len(stack)):
            if i != j:
                squares = np.zeros(valid.shape[1:])
                for band in range(stack.shape[1]):
                    squares += (values[i, band] - values[j, band]) ** 2
                sums[i] += np.where(valid[i] & valid[j], np.sqrt(squares), 0)
    chosen = np.where(valid, sums, np.inf).argmin(0)
    picked = np.take_along_axis(stack.filled(0), chosen[None, None], 0)[0]
    return np.where(valid.any(0), picked, 0)


def best(stack: Any, band: int, *, consistent: bool = False) -> Any:
    """The item with the highest value of a band, the first of equals, with what it has in the others."""
    masked = np.ma.getmaskarray(stack)
    valid = ~masked.any(1) if consistent else ~masked[:, band]
    score = np.where(valid, stack.filled(0)[:, band].astype("f8"), -np.inf)
    chosen = score.argmax(0)
    picked = np.take_along_axis(stack.filled(0), chosen[None, None], 0)[0]
    return np.where(valid.any(0), picked, 0)


def made(
    rng: np.random.Generator, items: int, bands: int, levels: int, holes: float, dtype: str = "uint16"
) -> np.ndarray:
    """Few different values, so that there are ties, and nodata in each band by itself."""
    stack = rng.integers(1, levels + 1, (items, bands, SIDE, SIDE)).astype(dtype)
    stack[rng.random(stack.shape) < holes] = 0
    return stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return Stack(tmp_path_factory.mktemp("stack"), made(np.random.default_rng(7), 7, 3, 9, 0.4))


SIMPLE: dict[str, Any] = {
    "first": lambda s: _pick(s, lambda valid: valid.argmax(0)),
    "last": lambda s: _pick(s, lambda valid: len(s) - 1 - valid[::-1].argmax(0)),
    "highest": lambda s: s.max(0).filled(0),
    "lowest": lambda s: s.min(0).filled(0),
    "sum": lambda s: s.astype("i8").sum(0).filled(0),
    "count": lambda s: s.count(0).astype("u2"),
    "mean": lambda s: s.astype("f8").mean(0).astype("f4").filled(0),
    "median": lambda s: np.nan_to_num(_nan(np.nanmedian, s)),
    "percentile(30)": lambda s: np.nan_to_num(_nan(lambda a, axis: np.nanpercentile(a, 30, axis=axis), s)),
    "stdev": lambda s: s.astype("f8").std(0).astype("f4").filled(0),
}


def _pick(s: Any, chosen: Any) -> np.ndarray:
    valid = ~np.ma.getmaskarray(s)
    picked = np.take_along_axis(s.filled(0), chosen(valid)[None], 0)[0]
    return np.where(valid.any(0), picked, 0)


def _nan(function: Any, s: Any) -> np.ndarray:
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning):
        return np.asarray(function(s.astype("f8").filled(np.nan), axis=0), "f4")


@pytest.mark.parametrize("name", SIMPLE)
def test_each_band_by_itself(stack: Stack, name: str) -> None:
    got = stack.read(mosaic_method=name)
    want = SIMPLE[name](stack.pixels)
    assert got.dtype == want.dtype
    if name == "stdev":  # by Welford's recurrence here
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)
    else:
        np.testing.assert_array_equal(got, want)


def test_medoid(stack: Stack) -> None:
    np.testing.assert_array_equal(stack.read(mosaic_method="medoid"), medoid(stack.pixels))


@pytest.mark.parametrize("consistent", [False, True])
def test_best_takes_all_bands_from_one_item(stack: Stack, consistent: bool) -> None:
    got = stack.read(mosaic_method="best(b1)", consistent=consistent)
    np.testing.assert_array_equal(got, best(stack.pixels, 1, consistent=consistent))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1), items=st.integers(1, 6), levels=st.integers(1, 4),
    dtype=st.sampled_from(["uint8", "int16", "float32", "float64", "int32"]), holes=st.sampled_from([0.0, 0.3, 0.95]),
)  # fmt: skip
def test_order_and_ties(
    tmp_path_factory: pytest.TempPathFactory, seed: int, items: int, levels: int, dtype: str, holes: float
) -> None:
    small = made(np.random.default_rng(seed), items, 2, levels, holes, dtype)[:, :, :20, :20]
    made_here = Stack(tmp_path_factory.mktemp("ties"), small)
    for name in ("first", "last", "highest", "lowest"):
        np.testing.assert_array_equal(made_here.read(mosaic_method=name), SIMPLE[name](made_here.pixels))
    np.testing.assert_array_equal(made_here.read(mosaic_method="medoid"), medoid(made_here.pixels))
    np.testing.assert_array_equal(made_here.read(mosaic_method="best(b0)"), best(made_here.pixels, 0))


def test_sortby_is_the_order_in_which_items_combine(stack: Stack) -> None:
    got = stack.read(mosaic_method="first", sortby="-id")
    np.testing.assert_array_equal(got, SIMPLE["last"](stack.pixels))


@pytest.mark.parametrize("name", ["medoid", "best(b2)", "median", "highest"])
def test_any_slice_gives_the_same(stack: Stack, name: str) -> None:
    whole = stack.read(mosaic_method=name)
    da = stack.open(mosaic_method=name)
    for bands, rows, cols in ((slice(0, 1), slice(3, 9), slice(60, 70)), (slice(1, 3), slice(None), slice(0, 5))):
        np.testing.assert_array_equal(da[bands, 0, rows, cols].values, whole[bands, rows, cols])
    np.testing.assert_array_equal(da.isel(band=[2, 0, 2], time=0).values, whole[[2, 0, 2]])


def masked_median(block: Any) -> Any:
    """A function of a module, as another process could import it."""
    return np.ma.median(block, axis=0)


def test_a_callable_combines_masked_blocks(stack: Stack) -> None:
    shapes: set[tuple[int, ...]] = set()
    threads: set[int] = set()

    def second_highest(block: Any) -> Any:
        assert isinstance(block, np.ma.MaskedArray)
        shapes.add(block.shape)
        threads.add(threading.get_ident())
        return np.ma.sort(block, axis=0, endwith=True)[1]

    got = stack.read(mosaic_method=second_highest)
    np.testing.assert_array_equal(got, np.ma.sort(stack.pixels, axis=0)[1].filled(0))
    assert shapes == {(7, 3, 64, 64), (7, 3, 64, 6), (7, 3, 6, 64), (7, 3, 6, 6)}
    assert threads == {threading.get_ident()}


def test_a_callable_s_own_dtype_is_named(stack: Stack) -> None:
    with pytest.raises(cw.InvalidArgument, match="gave float64, the array is uint16: name dtype="):
        stack.read(mosaic_method=masked_median)
    got = stack.read(mosaic_method=masked_median, dtype="float32", nodata=-1)
    np.testing.assert_array_equal(got, np.ma.median(stack.pixels, axis=0).astype("f4").filled(-1))


def test_a_callable_awaited_runs_off_the_loop(stack: Stack) -> None:
    threads: set[int] = set()

    def function(block: Any) -> Any:
        threads.add(threading.get_ident())
        return block.max(axis=0)

    async def coroutine(block: Any) -> Any:
        await asyncio.sleep(0)
        return block.max(axis=0)

    async def read(method: Any) -> np.ndarray:
        loaded = await stack.open(mosaic_method=method).load_async()
        return np.asarray(loaded.values[:, 0])

    want = SIMPLE["highest"](stack.pixels)
    np.testing.assert_array_equal(asyncio.run(read(function)), want)
    assert threading.get_ident() not in threads
    np.testing.assert_array_equal(asyncio.run(read(coroutine)), want)
    np.testing.assert_array_equal(stack.read(mosaic_method=coroutine), want)


def test_a_callable_s_exception_is_raised_as_it_is(stack: Stack) -> None:
    def fails(block: Any) -> Any:
        raise ZeroDivisionError("of the user's")

    with pytest.raises(ZeroDivisionError, match="of the user's"):
        stack.read(mosaic_method=fails)
    with pytest.raises(cw.InvalidArgument, match="gave shape"):
        stack.read(mosaic_method=lambda block: block.max())


def test_a_callable_may_call_cogweave(stack: Stack) -> None:
    def nested(block: Any) -> Any:
        assert stack.open(mosaic_method="first").isel(x=0, y=0).values.shape == (3, 1)
        return block.max(axis=0)

    np.testing.assert_array_equal(stack.read(mosaic_method=nested), SIMPLE["highest"](stack.pixels))


class Above:
    """Takes the highest of what lies above a value."""

    def __init__(self, least: int) -> None:
        self.least = least

    def combine(self, block: Any) -> Any:
        return np.ma.masked_less(block, self.least).max(axis=0)


def test_plans_with_callables_travel(stack: Stack) -> None:
    def plan(method: Any) -> cw.Plan:
        return cw.plan(
            cw.search(stack.table), stack.grid, bands=["b0"], time_period="P1Y", mosaic_method=method, dtype="float32"
        )

    one = plan(masked_median)
    np.testing.assert_array_equal(cw.read(pickle.loads(pickle.dumps(one))), cw.read(one))
    np.testing.assert_array_equal(cw.mosaic(one, cw.fetch(one)), cw.read(one))
    assert one == plan(masked_median)
    assert plan(lambda block: block.max(0)) != plan(lambda block: block.min(0))
    assert plan(Above(1).combine) != plan(Above(9000).combine), "of one class, and not alike"
    with pytest.raises(cw.InvalidArgument, match="worker cannot import"):
        pickle.dumps(plan(Above(1).combine))
    with pytest.raises(cw.InvalidArgument, match="worker cannot import"):
        pickle.dumps(plan(lambda block: block.max(0)))


def test_deep_stacks_within_little_memory(tmp_path: Path) -> None:
    """A median reads its items strip by strip: less than all of their pixels together fit."""
    rng = np.random.default_rng(3)
    deep = Stack(tmp_path, rng.integers(1, 4000, (24, 1, 256, 256)).astype("uint16"))
    da = deep.open(mosaic_method="median")
    before = {name: cw.configure()[name] for name in ("memory_limit", "tile_cache")}
    cw.configure(memory_limit=1 << 20, tile_cache=0)
    try:
        got = da.values[:, 0]
    finally:
        cw.configure(**before)
    np.testing.assert_array_equal(got[0], np.median(deep.pixels.data[:, 0], axis=0).astype("f4"))


@pytest.mark.parametrize(
    ("method", "match"),
    [
        ("newest", "first, last, highest.*medoid, best\\(band\\)"),
        ("percentile(101)", "between 0 and 100"),
        ("percentile(-1)", "between 0 and 100"),
        ("percentile(x)", "between 0 and 100"),
        ("percentile(nan)", "between 0 and 100"),
        ("percentile(p)", "is not one of"),
        ("best(b7)", "bands asked for"),
        ("best()", "is not one of"),
        ("callable(x)", "give the function itself"),
        (7, "name or a callable"),
    ],
    ids=str,
)
def test_what_is_no_method(stack: Stack, method: Any, match: str) -> None:
    with pytest.raises(cw.InvalidArgument, match=match):
        stack.open(mosaic_method=method)


def test_masks_act_before_methods(arc: Archive) -> None:
    drop = [3, 5, 8, 9]
    items = [i for i in arc.items if "32TQR" in i["id"]]
    layers = []
    for item in items:
        with rasterio.open(arc.path(item, "B04")) as src, rasterio.open(arc.path(item, "SCL")) as scl:
            hidden = np.isin(scl.read(1), drop).repeat(2, 0).repeat(2, 1)
            layers.append(np.ma.masked_equal(np.where(hidden, 0, src.read(1)), 0))
            grid = cw.Grid("EPSG:32632", src.transform, src.shape)
    da = cw.open(arc.remote, ids=[i["id"] for i in items], grid=grid, bands=["B04"], time_period="P1Y",
                 mosaic_method="median", mask={"SCL": drop})  # fmt: skip
    want = np.ma.median(np.ma.stack(layers), axis=0).astype("f4").filled(0)
    np.testing.assert_array_equal(da.values[0, 0], want)
