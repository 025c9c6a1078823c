"""xarray's own tests of backends and of lazily indexed arrays, run against cogweave.

xarray writes a dataset, opens it and compares. Here every variable of numbers is written as real GeoTIFFs
with a catalog, and opened by the engine. What a raster has no place for (labels of dimensions, attributes)
is kept beside it and put back; no pixel is.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cogweave as cw
import numpy as np
import pytest
import xarray as xr
from cogweave._lazy import PlanArray
from xarray.core import indexing

from tests import rasters

# Only the modules are imported: pytest would collect every class of tests that stands here by its name.
test_backends = pytest.importorskip("xarray.tests.test_backends")
test_indexing = pytest.importorskip("xarray.tests.test_indexing")

# Tests of DatasetIOBase that ask for what GeoTIFFs have no place for, and why.
NOT_FOR_RASTERS = {
    "it writes into a store of xarray": ("test_write_store",),
    "text and bytes": (
        "test_zero_dimensional_variable",  # a number without dimensions has a test below
        "test_roundtrip_object_dtype",
        "test_roundtrip_string_data",
        "test_roundtrip_stringdtype_data",
        "test_roundtrip_stringdtype_nulls",
        "test_roundtrip_stringdtype_with_na_object",
        "test_roundtrip_string_encoded_characters",
    ),
    "dates and durations as values": (
        "test_roundtrip_numpy_datetime_data",
        "test_roundtrip_cftime_datetime_data",
        "test_roundtrip_timedelta_data",
        "test_roundtrip_timedelta_data_via_dtype",
    ),
    "truth values": ("test_roundtrip_boolean_dtype",),
    "encodings and attributes of netCDF": (
        "test_roundtrip_example_1_netcdf",
        "test_roundtrip_coordinates",
        "test_roundtrip_global_coordinates",
        "test_roundtrip_coordinates_with_space",
    ),
}


class TestOpened(test_backends.DatasetIOBase):  # type: ignore[misc,name-defined]
    """xarray's tests of what a backend opens; those left out are listed above."""

    def save(self, dataset: xr.Dataset, path: str, **_: Any) -> None:
        folder = Path(path)
        folder.mkdir()
        kept = dataset.drop_vars([name for name in dataset.variables if name not in dataset.dims])
        layout = {}
        for at, name in enumerate(n for n in dataset.variables if n not in dataset.dims):
            variable = dataset.variables[name]
            shape = (1,) * (3 - variable.ndim) + variable.shape[-3:]
            rasters.write(variable.values.reshape(shape), folder / str(at))
            layout[name] = (at, variable.dims, shape, variable.attrs, name in dataset.coords)
        (folder / "layout").write_bytes(pickle.dumps((kept, layout)))

    @pytest.fixture(params=[False, True], ids=["lazy", "dask"])
    def use_dask(self, request: pytest.FixtureRequest) -> bool:
        return bool(request.param)

    def test_load_async(self) -> None:
        asyncio.run(super().test_load_async())

    @contextlib.contextmanager
    def open(self, path: str, **kwargs: Any) -> Iterator[xr.Dataset]:
        folder = Path(path)
        kept, layout = pickle.loads((folder / "layout").read_bytes())
        variables = {
            name: _opened(folder / str(at) / "items.parquet", dims, shape, attrs, kwargs)
            for name, (at, dims, shape, attrs, _) in layout.items()
        }
        yield kept.assign(variables).set_coords([name for name, (*_, coord) in layout.items() if coord])


for _name in (name for names in NOT_FOR_RASTERS.values() for name in names):
    setattr(TestOpened, _name, None)


def _opened(
    catalog: Path, dims: tuple[str, ...], shape: tuple[int, ...], attrs: dict[str, Any], kwargs: dict[str, Any]
) -> xr.Variable:
    """Open a catalog, without a pixel read, under the names that the variable had."""
    grid = rasters.grid(shape)
    if len(dims) == 4:
        pixels = cw.open(catalog, grid=grid, bands=[rasters.ASSET]).variable
    else:
        found = xr.open_dataset(catalog, engine="cogweave", grid=grid, mask_and_scale=False, **kwargs)
        pixels = found[rasters.ASSET].variable.isel(dict.fromkeys(("time", "y", "x")[: 3 - len(dims)], 0))
    assert not pixels._in_memory
    out = xr.Variable(dims, pixels._data, attrs, fastpath=True)
    out.encoding = pixels.encoding
    return out


def test_every_test_that_is_left_out_is_one_of_xarrays() -> None:
    for name in (name for names in NOT_FOR_RASTERS.values() for name in names):
        assert callable(getattr(test_backends.DatasetIOBase, name))
    left = {name for name in dir(TestOpened) if name.startswith("test_") and getattr(TestOpened, name)}
    assert {"test_load", "test_load_async", "test_pickle", "test_vectorized_indexing", "test_dataset_caching"} <= left


def test_a_number_without_dimensions(tmp_path: Path) -> None:
    catalog = rasters.write(np.full((1, 1, 1), 1.0e9), tmp_path)
    alone = _opened(catalog, (), (1, 1, 1), {"units": "units of awesome"}, {})
    xr.testing.assert_identical(alone, xr.Variable((), 1.0e9, {"units": "units of awesome"}))


# ---- lazily indexed arrays ---------------------------------------------------------------------


class Written(PlanArray):
    """A plan's array of the pixels of a numpy array, in the place of xarray's wrapper of that."""

    folder: Path

    def __init__(self, pixels: np.ndarray[Any, Any]) -> None:
        catalog = rasters.write(pixels, self.folder)
        plan = cw.open(catalog, grid=rasters.grid(pixels.shape), bands=[rasters.ASSET]).cogweave.plan
        super().__init__(plan, drop_band=True)


class WrittenLazily(indexing.LazilyIndexedArray):
    def __init__(self, array: Any, key: Any = None) -> None:
        super().__init__(Written(array.array) if isinstance(array, indexing.NumpyIndexingAdapter) else array, key)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module that xarray's tests take their wrappers from, for one test."""
    module = ModuleType("indexing")
    module.__dict__.update(vars(indexing))
    monkeypatch.setattr(test_indexing, "indexing", module)
    monkeypatch.setattr(Written, "folder", tmp_path, raising=False)
    return module


def test_lazily_indexed_array(stand_in: Any) -> None:
    stand_in.NumpyIndexingAdapter = Written
    with cw.measure() as spent:
        test_indexing.TestLazyArray().test_lazily_indexed_array()
    assert spent["native_calls"] > 1000


def test_vectorized_lazily_indexed_array(stand_in: Any) -> None:
    stand_in.LazilyIndexedArray = WrittenLazily
    with cw.measure() as spent:
        test_indexing.TestLazyArray().test_vectorized_lazily_indexed_array()
    assert spent["native_calls"] > 5
