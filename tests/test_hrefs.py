"""Hrefs keep their query, relative ones are resolved, and what a catalog may not name is refused, by item and asset."""

from __future__ import annotations

from typing import Any

import cogweave as cw
import pytest

from tests import archive
from tests.archive import catalog_table
from tests.conftest import Archive
from tests.servers.faultserver import FaultServer


def with_href(arc: Archive, href: Any, **changes: Any) -> dict[str, Any]:
    item = arc.items[0]
    return {**item, **changes, "assets": {"B04": {**item["assets"]["B04"], "href": href}}}


def headers(item: dict[str, Any], **arguments: Any) -> cw.Headers:
    return cw.headers(catalog_table([item]), ["B04"], **arguments)


def test_queries_survive(arc: Archive) -> None:
    path = "/B04.tif?version=3&x=a%2Fb&sig=%2B%3D"
    with FaultServer() as server:
        href = server.put(path, arc.path(arc.items[0], "B04").read_bytes())
        assert len(headers(with_href(arc, href))) == 1
        assert [request.path for request in server.requests] == [path]


def test_relative_hrefs(arc: Archive) -> None:
    """Relative to the item's self link, else to the catalog."""
    relative = arc.items[0]["assets"]["B04"]["href"]
    folder, _, name = relative.rpartition("/")
    link = [{"rel": "self", "href": arc.server.href(f"{folder}/item.json")}]
    assert len(headers(with_href(arc, name, links=link))) == 1
    assert len(headers(with_href(arc, relative), base=str(arc.folder / "catalog.parquet"))) == 1
    assert len(headers(with_href(arc, relative), base=arc.server.href("catalog.parquet"))) == 1


@pytest.mark.parametrize(
    "href",
    [
        "a\0b.tif",
        "https://host/a.tif\r\nX-Injected: 1",
        "/vsicurl/http://host/a.tif",
        "/vsizip/a.zip/a.tif",
        "GTIFF_DIR:1:/etc/passwd",
        "MEM:::DATAPOINTER=0",
        "https://user:s3cr3t@host/a.tif",
        "ftp://host/a.tif",
        "x" * (1 << 20),
    ],
    ids=lambda href: href[:12].encode("unicode_escape").decode(),
)
def test_refused_whoever_made_the_catalog(arc: Archive, href: str) -> None:
    with pytest.raises(cw.CogweaveError) as raised:
        headers(with_href(arc, href), base=str(arc.folder / "catalog.parquet"))
    assert arc.items[0]["id"] in str(raised.value) and '"B04"' in str(raised.value)
    assert "s3cr3t" not in str(raised.value) and len(str(raised.value)) < 1000
    assert arc.server.stats().requests == 0


def test_an_href_beyond_the_root_is_refused_where_it_is_wanted(arc: Archive) -> None:
    """Moved catalogs have them: items are found all the same, and only who reads the asset is told."""
    base = str(arc.folder / "catalog.parquet")
    with pytest.raises(cw.InvalidArgument, match="leads above the root"):
        headers(with_href(arc, "../" * 40 + "etc/passwd"), base=base)
    assert arc.server.stats().requests == 0


def test_a_remote_catalog_names_no_local_file(arc: Archive) -> None:
    """A file URL is refused; an absolute path is one of the catalog's own server."""

    def open_remote(href: str) -> None:
        path = archive.write_catalog([with_href(arc, href)], arc.folder / "names_local.parquet", lambda h: h)
        cw.open(arc.server.href(path), grid=arc.utm_grid((50, 50), 10), bands=["B04"]).load()

    with pytest.raises(cw.CogweaveError, match="network") as raised:
        open_remote("file:///etc/passwd")
    assert arc.items[0]["id"] in str(raised.value)
    with pytest.raises(cw.AssetNotFound, match="127.0.0.1"):
        open_remote("/etc/passwd")


def test_a_null_href(arc: Archive) -> None:
    table = catalog_table([with_href(arc, None)], lambda href: href)  # not the text "None"
    with pytest.raises(cw.InvalidArgument, match='band "B04" is in no item') as raised:
        cw.headers(table, ["B04"])
    assert raised.value.reason == "UnknownBand"
