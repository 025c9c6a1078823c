"""Notebooks show what a value is: one block of valid HTML, in which no text of a catalog is markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import cogweave as cw
import pyarrow as pa
import pytest
from cogweave import _html

from tests.conftest import Archive


class Checker(HTMLParser):
    """Sees that what is opened is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("br", "rect", "img"):
            self.open.append(tag)
        self.tags.add(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def values(made: Archive) -> dict[str, Any]:
    grid = made.utm_grid((60, 80), 10)
    items = cw.search(made.local, datetime="2025-06-08")
    headers = cw.headers(items, ["B04"])
    plan = cw.plan(items, grid, bands=["B04"], headers=headers)
    return {
        "Grid": grid,
        "Items": items,
        "Headers": headers,
        "Plan": plan,
        "Reads": plan.reads,
        "explain": plan.explain(),
    }


@pytest.mark.parametrize("name", ["Grid", "Items", "Headers", "Plan", "Reads", "explain"])
def test_a_value_shows_itself(values: dict[str, Any], made: Archive, name: str) -> None:
    shown = values[name]._repr_html_()
    assert "div" in Checker(shown).tags and "script" not in Checker(shown).tags
    telling = {"Grid": "60 rows", "Items": made.on_day("20250608")[0]["id"], "Headers": "B04.tif"}
    assert telling.get(name, "B04") in shown
    assert "prefers-color-scheme" not in shown, "the notebook's theme decides, not the system's"


def test_text_of_a_catalog_is_no_markup() -> None:
    items = cw.Items(pa.table({"id": ["<script>alert(1)</script>", None], "collection": ["a&b", "c"]}))
    shown = items._repr_html_()
    assert "script" not in Checker(shown).tags and "&lt;script&gt;" in shown and "a&amp;b" in shown


def test_long_tables_are_cut() -> None:
    shown = _html.card("many", [], ("500 rows", ["n"], [(n,) for n in range(500)]))
    assert "500 rows" in shown and "and 480 more" in shown and shown.count("<tr>") < 30


def test_no_secret_of_a_url_shows() -> None:
    headers = cw.Headers(pa.table({"href": ["https://user:PASSWORD@host/a.tif?sig=SECRET"], "size": [1]}))
    assert "SECRET" not in headers._repr_html_() and "PASSWORD" not in headers._repr_html_()


def test_a_table_says_how_many_of_its_rows_are_shown() -> None:
    few, many = (cw.Items(pa.table({"id": [f"i{n}" for n in range(count)]})) for count in (3, 40))
    assert ">3 rows<" in few._repr_html_() and ">the first 5 of 40 rows<" in many._repr_html_()
