"""A secret in an href, a URL or an option shows nowhere: errors, logs, reprs, pickles, graphs, caches."""

from __future__ import annotations

import logging
import pickle
import traceback
from pathlib import Path
from typing import Any

import cogweave as cw
import pytest
from cogweave import _api
from cogweave._redact import redact
from cogweave.report import report_of

from tests.archive import catalog_table
from tests.conftest import Archive
from tests.pickles import unpacked

SECRET = "s3cr3t4711"
QUERIES = [
    f"sv=2021&se=2099-01-01T00%3A00%3A00Z&sr=c&sig={SECRET}",
    f"X-Amz-Date=20250101T000000Z&X-Amz-Expires=60&X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}",
    f"token={SECRET}",
    f"unheard_of={SECRET}",
]


def signed(arc: Archive, query: str, name: str | None = None) -> Any:
    """Items whose hrefs carry a secret; all of files that are there, unless a name says another."""
    items = []
    for item in arc.items:
        href = arc.server.href(name or item["assets"]["B04"]["href"])
        items.append({**item, "assets": {"B04": {**item["assets"]["B04"], "href": f"{href}?{query}"}}})
    return catalog_table(items)


def opened(arc: Archive, table: Any, **arguments: Any) -> Any:
    return cw.open(table, grid=arc.utm_grid((100, 100), 10), bands=["B04"], **arguments)


def everything(problem: BaseException) -> str:
    """All that a user may see of an error, its causes and its pickle included."""
    parts = "".join(traceback.format_exception(problem)) + repr(problem) + repr(problem.__dict__)
    return parts + pickle.dumps(problem).decode("latin-1")


@pytest.mark.parametrize("query", QUERIES)
def test_errors_and_logs(arc: Archive, query: str, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    kinds: dict[str, type[cw.CogweaveError]] = {"gone.tif": cw.AssetNotFound, "remote.parquet": cw.DecodeError}
    raised: pytest.ExceptionInfo[cw.CogweaveError]
    for name, kind in kinds.items():
        da = opened(arc, signed(arc, query, name))
        with pytest.raises(kind) as raised:
            da.load()
        assert name in str(raised.value)
        assert SECRET not in everything(raised.value)
    unreachable = signed(arc, query, "a.tif")
    with pytest.raises(cw.CogweaveError) as raised:
        href = f"http://127.0.0.1:9/a.tif?{query}"
        item = {**arc.items[0], "assets": {"B04": {**arc.items[0]["assets"]["B04"], "href": href}}}
        cw.headers(catalog_table([item]))
    assert "127.0.0.1:9" in str(raised.value) and SECRET not in everything(raised.value)
    assert len(cw.search(unreachable)) == len(arc.items)
    assert SECRET not in caplog.text
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("query", QUERIES)
def test_a_catalogs_own_url(arc: Archive, query: str) -> None:
    url = f"{arc.server.href('remote.parquet')}?{query}"
    da = opened(arc, url)
    assert da.load().values.any()
    shown = [
        repr(da),
        da._repr_html_(),
        repr(da.encoding),
        repr(da.attrs),
        repr(da.cogweave.plan),
        repr(da.cogweave.explain()),
    ]
    assert SECRET not in "".join(shown)
    for gone in (f"{arc.server.href('gone.parquet')}?{query}", f"http://127.0.0.1:9/c.parquet?{query}"):
        with pytest.raises(cw.CogweaveError) as raised:
            cw.search(gone)
        assert SECRET not in everything(raised.value)
    with pytest.raises(cw.CogweaveError) as raised:
        cw.search(url, filter="no_such_column = 1")
    assert SECRET not in everything(raised.value)


def test_the_engines_own_messages(arc: Archive, tmp_path: Path) -> None:
    """DuckDB names what it reads: a path that looks like a signed URL is shown without its secret."""
    path = tmp_path / f"c.parquet?sig={SECRET}"
    path.write_bytes(b"PAR1 this is no parquet PAR1")
    with pytest.raises(cw.CogweaveError) as raised:
        cw.search(f"file://{path}")
    assert SECRET not in everything(raised.value)


def test_dask_graphs_and_progress(arc: Archive) -> None:
    """Where hrefs lie in the catalog's table they are data; names, keys and tokens of a graph hold none."""
    events: list[Any] = []
    da = opened(arc, signed(arc, QUERIES[0]), chunks={"x": 50}, progress=events.append, errors="ignore")
    graph = da.__dask_graph__()
    assert SECRET not in repr(list(graph.keys())) + repr(da) + repr(da.data) + da.data._repr_html_()
    assert SECRET not in repr(list(graph.layers.values()))
    da.compute(scheduler="threads")
    assert events and SECRET not in repr(events)
    told = report_of(da.encoding["cogweave"])
    assert len(told) > 0 and SECRET not in repr(told) + repr(told.to_dict())


def test_options_of_stores_do_not_travel(arc: Archive) -> None:
    options = {"s3://bucket": {"access_key_id": "AK", "secret_access_key": SECRET, "region": "eu-central-1"}}
    da = opened(arc, arc.remote, storage=options)
    told = unpacked(da)
    assert SECRET.encode() not in told and b"eu-central-1" in told
    assert SECRET not in repr(da) + repr(da.encoding) + repr(da.cogweave.plan)
    for wrong in ({"s3://bucket": {"no_such_option": SECRET}}, {"s3://bucket": {"secret_access_key": [SECRET]}}):
        with pytest.raises(cw.CogweaveError) as raised:
            opened(arc, arc.remote, storage=wrong).load()
        assert SECRET not in str(raised.value)


@pytest.mark.parametrize("query", QUERIES)
def test_cache_files(arc: Archive, query: str, tmp_path: Path) -> None:
    before = {name: cw.configure()[name] for name in ("cache_dir", "header_cache")}
    cw.configure(cache_dir=tmp_path, header_cache=0)
    try:
        assert len(cw.headers(signed(arc, query), ["B04"])) == len(arc.items)
        cw.cancel_all()  # waits for what is to be written
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert files
        for path in files:
            assert SECRET.encode() not in path.read_bytes(), path.name
    finally:
        cw.configure(**before)


@pytest.mark.parametrize("name", ["items.json", "stac"])
def test_documents_and_apis(name: str) -> None:
    """What pystac-client tells of a server that it cannot reach has the URL without its server."""
    with pytest.raises(cw.SearchError, match="127.0.0.1:9") as raised:
        cw.search(f"http://127.0.0.1:9/{name}?token={SECRET}")
    assert SECRET not in everything(raised.value)


def test_items_of_a_signed_document_do_not_say_its_signature() -> None:
    item = _api._at({"id": "a", "links": []}, f"https://host/items.json?{QUERIES[0]}")
    assert item["links"] == [{"rel": "self", "href": "https://host/items.json"}]


def test_an_azure_container_is_no_secret() -> None:
    """It is a part of the place: relative hrefs start there."""
    signed = f"abfs://box@a.dfs.core.windows.net/c.parquet?{QUERIES[0]}"
    assert redact(signed) == "abfs://box@a.dfs.core.windows.net/c.parquet"
    assert redact(f"abfs://user:{SECRET}@a.dfs.core.windows.net/c") == "abfs://a.dfs.core.windows.net/c"
    assert redact(f"https://{SECRET}@host/c") == "https://host/c"
