"""A catalog contradicts a file: the file is believed, pixels stay where they are, and one warning says so."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import cogweave as cw
import numpy as np
import pytest

from tests.conftest import Archive

BAND = "B04"


def absolute(arc: Archive) -> list[dict[str, Any]]:
    items = copy.deepcopy(arc.items)
    for item in items:
        for asset in item["assets"].values():
            asset["href"] = str(arc.folder / asset["href"])
    return items


def shifted(dx: float, dy: float) -> Any:
    return lambda asset: asset["proj:transform"].__setitem__(slice(None), moved(asset["proj:transform"], dx, dy))


def moved(t: list[float], dx: float, dy: float) -> list[float]:
    return [t[0], t[1], t[2] + dx * t[0], t[3], t[4], t[5] + dy * t[4]]


def other_zone(asset: dict[str, Any]) -> None:
    asset["proj:code"] = "EPSG:32635"


def shape(rows: float, cols: float) -> Any:
    def change(asset: dict[str, Any]) -> None:
        height, width = asset["proj:shape"]
        asset["proj:shape"] = [int(height * rows), int(width * cols)]

    return change


CASES = {
    "proj:code": other_zone,
    "proj:shape of another resolution": shape(0.5, 0.5),
    "proj:shape transposed": shape(0.5, 1),
    "proj:transform half a pixel off": shifted(0.5, 0.5),
    "proj:transform far off": shifted(700, -300),
    "proj:transform of another resolution": lambda asset: asset.update(
        {"proj:transform": [2 * v if k in (0, 4) else v for k, v in enumerate(asset["proj:transform"])]}
    ),
}


def heard(caught: list[warnings.WarningMessage]) -> list[str]:
    return [str(w.message) for w in caught if "the catalog's" in str(w.message)]


def read(items: list[dict[str, Any]], grid: cw.Grid) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], list[str]]:
    """The whole, the whole put together of quarters, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        whole = cw.open(items, grid=grid, bands=BAND).values
        parts = cw.open(items, grid=grid, bands=BAND)
        rows, cols = grid.shape[0] // 2, grid.shape[1] // 2
        quarters = [
            [parts[:, :, r : r + rows, c : c + cols].values for c in (0, cols)] for r in (0, rows)
        ]  # fmt: skip
        return whole, np.block(quarters), heard(caught)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("described", [True, False], ids=["types known", "header read at open"])
def test_pixels_are_never_shifted(arc: Archive, case: str, described: bool) -> None:
    grid = arc.utm_grid((128, 128), 20)
    items = absolute(arc)
    want = cw.open(items, grid=grid, bands=BAND).values
    assert want.any()
    for item in items:
        asset = item["assets"][BAND]
        CASES[case](asset)
        if not described:
            del asset["raster:bands"][0]["nodata"]
    whole, joined, told = read(items, grid)
    np.testing.assert_array_equal(whole, want)
    np.testing.assert_array_equal(joined, want)
    field = case.split()[0]
    assert 1 <= len(told) <= 2, "one for each plan at most"
    assert all(f'asset "{BAND}": the catalog\'s {field} is' in text and 'item "S2B_' in text for text in told), told


@pytest.mark.parametrize("case", ["proj:code", "proj:transform far off"])
def test_one_item_astray_is_not_missed(arc: Archive, case: str) -> None:
    """The catalog errs about the last item alone: its own box tells."""
    grid = arc.utm_grid((128, 128), 20)
    items = absolute(arc)
    want = cw.open(items, grid=grid, bands=BAND, time_period="id")
    last = items[int(np.flatnonzero(want.values.any(axis=(0, 2, 3)))[-1])]
    alone = cw.open([last], grid=grid, bands=BAND).values
    assert alone.any()
    CASES[case](last["assets"][BAND])
    _, joined, told = read(items, grid)
    np.testing.assert_array_equal(joined, cw.open(absolute(arc), grid=grid, bands=BAND).values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(cw.open([last], grid=grid, bands=BAND).values, alone)
    assert len(told) <= 2, "one for each plan"
    assert told and f'item "{last["id"]}"' in told[0]


@pytest.mark.parametrize(
    ("change", "word"),
    [({"data_type": "int32"}, "the catalog's data_type is int32, but the file says uint16"),
     ({"nodata": 77}, "the catalog's nodata is 77, but the file says 0")],
)  # fmt: skip
def test_types_and_nodata_of_the_file(arc: Archive, change: dict[str, Any], word: str) -> None:
    grid = arc.utm_grid((64, 64), 20)
    items = absolute(arc)
    want = cw.open(items, grid=grid, bands=BAND, dtype="int32", nodata=77).values
    for item in items:
        item["assets"][BAND]["raster:bands"][0].update(change)
    with pytest.warns(UserWarning, match=word) as caught:
        got = cw.open(items, grid=grid, bands=BAND, dtype="int32", nodata=77).values
    assert len(heard(list(caught))) == 1
    assert {warning.filename for warning in caught if word in str(warning.message)} == {__file__}
    np.testing.assert_array_equal(got, want)


def test_a_type_that_cannot_hold_the_file_is_an_error(arc: Archive) -> None:
    items = absolute(arc)
    for item in items:
        item["assets"][BAND]["raster:bands"][0]["data_type"] = "uint8"
    with warnings.catch_warnings(), pytest.raises(cw.InvalidArgument, match="holds uint16") as caught:
        warnings.simplefilter("ignore")
        cw.open(items, grid=arc.utm_grid((64, 64), 20), bands=BAND).load()
    assert caught.value.item_id and caught.value.band == BAND


def test_no_warning_where_both_agree(arc: Archive) -> None:
    _, _, told = read(absolute(arc), arc.utm_grid((64, 64), 20))
    assert told == []
