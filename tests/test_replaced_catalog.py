"""A catalog that is another file when the array is read: pixels are those that were opened, rows an error."""

from __future__ import annotations

import os
import pickle
import weakref
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cogweave import _plan_base

from tests.conftest import Archive

BANDS = ["B04", "B03"]


@pytest.fixture
def catalog(arc: Archive, tmp_path: Path) -> Path:
    """A copy of the archive's catalog, whose ids are so long that 16 MiB of rows are found: they are let go of."""
    path = tmp_path / "items.parquet"
    table = pa.table(cw.search(arc.remote))
    padding = "." * ((16 << 20) // len(table) + 1)
    ids = pa.array([name + padding for name in table["id"].to_pylist()])
    pq.write_table(table.set_column(table.schema.get_field_index("id"), "id", ids), path)
    return path


def opened(arc: Archive, catalog: Path) -> Any:
    return cw.open(catalog, grid=arc.utm_grid((128, 128), 20), bands=BANDS)


def replace(catalog: Path, table: pa.Table) -> None:
    """As writers do: a new file takes the place of the old one."""
    fresh = catalog.with_suffix(".new")
    pq.write_table(table, fresh)
    os.replace(fresh, catalog)


@pytest.mark.parametrize("properties", [None, "eo:cloud_cover"])
def test_rows_are_let_go_of_and_read_again(arc: Archive, catalog: Path, properties: str | None) -> None:
    """By the search, as soon as they are decoded; where properties are looked at, once the array is open."""
    da = cw.open(catalog, grid=arc.utm_grid((128, 128), 20), bands=BANDS, properties=properties)
    base = da.cogweave.plan._base
    assert base._items is None, "the rows were kept"
    found = pa.table(da.cogweave.items)["id"].to_pylist()
    assert [name.rstrip(".") for name in found] == [item["id"] for item in arc.items]
    assert da.values.any()


def searches(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Searches after the first of an open: whether a plan of their items comes next."""
    made: list[bool] = []
    find = _plan_base.find

    def noted(*args: Any, planned: bool = False, **others: Any) -> Any:
        made.append(planned)
        return find(*args, planned=planned, **others)

    monkeypatch.setattr(_plan_base, "find", noted)
    return made


def test_rows_that_are_read_again_are_not_decoded(arc: Archive, catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a plan takes what was decoded: else it would stay in memory as long as the rows."""
    made = searches(monkeypatch)
    da = opened(arc, catalog)
    assert len(da.cogweave.items) == len(arc.items) and made == [False]
    again = pickle.loads(pickle.dumps(da.cogweave.plan))
    assert len(again.items) == len(arc.items) and made == [False, True]


@pytest.mark.parametrize("properties", ["id", ["collection", "item_count"], "item_count"])
def test_properties_that_every_row_has_take_no_other_search(
    arc: Archive, catalog: Path, monkeypatch: pytest.MonkeyPatch, properties: Any
) -> None:
    made = searches(monkeypatch)
    da = cw.open(catalog, grid=arc.utm_grid((128, 128), 20), bands=BANDS, properties=properties)
    assert not made
    assert da.cogweave.plan._base._items is None, "the rows were kept"


@pytest.mark.parametrize("how", ["fewer items", "no items", "text", "gone"])
def test_pixels_are_those_that_were_opened(arc: Archive, catalog: Path, how: str) -> None:
    want = opened(arc, catalog).values
    assert want.any()
    da = opened(arc, catalog)
    table = pq.read_table(catalog)
    if how == "fewer items":
        replace(catalog, table.slice(1))
    elif how == "no items":
        replace(catalog, table.slice(0, 0))
    elif how == "text":
        catalog.write_text("no parquet")
    else:
        catalog.unlink()
    np.testing.assert_array_equal(da.values, want)
    with pytest.raises(cw.SearchError) as caught:
        _ = da.cogweave.items
    if how == "fewer items":
        assert caught.value.reason == "CatalogChanged" and "was replaced" in str(caught.value)


def test_the_same_rows_written_anew_are_another_file(arc: Archive, catalog: Path) -> None:
    """Nobody can tell that a row says the same: the file is asked for by what it was."""
    da = opened(arc, catalog)
    table = pq.read_table(catalog)
    catalog.unlink()
    replace(catalog, table)
    assert da.values.any()
    with pytest.raises(cw.SearchError, match="was replaced"):
        _ = da.cogweave.items


def test_a_plan_that_travels_finds_the_same_items_or_says_so(
    arc: Archive, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    da = opened(arc, catalog)
    want = da.values
    sent = pickle.dumps(da.cogweave.plan)

    def arrives() -> Any:
        """As in a process that knows no plan."""
        monkeypatch.setattr(_plan_base, "_known", weakref.WeakValueDictionary())
        return cw.read(pickle.loads(sent))

    np.testing.assert_array_equal(arrives(), want)
    table = pq.read_table(catalog)
    replace(catalog, table.slice(1))
    np.testing.assert_array_equal(cw.read(pickle.loads(sent)), want)  # this process knows it
    with pytest.raises(cw.SearchError, match="was replaced") as caught:
        arrives()
    assert caught.value.reason == "CatalogChanged"
