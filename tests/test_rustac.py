"""A second opinion: rustac's STAC API server as a source, and its client on the files that cogweave reads and writes.

The server and the client are programs of their own (`make test-deps`); searches through the server, and by the client,
give the items that cogweave finds in the parquet file.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import cogweave as cw
import pyarrow as pa
import pytest

from tests.conftest import Archive
from tests.servers.process import FOLDER, Server, free_port

RUSTAC = FOLDER / "rustac"
HOME = {"HOME": str(RUSTAC / "home")}  # where DuckDB finds its extensions


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    if not (RUSTAC / "ready").exists():
        pytest.skip("LEFT OUT: rustac is not installed (make test-deps): its API and its client are not asked")


def ids(items: Any) -> list[str]:
    return list(pa.table(items)["id"].to_pylist())


def absolute(arc: Archive) -> list[dict[str, Any]]:
    return [
        {**i, "assets": {k: {**a, "href": arc.server.href(a["href"])} for k, a in i["assets"].items()}}
        for i in arc.items
    ]


@pytest.fixture(scope="module", params=["memory", "parquet"])
def api(made: Archive, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """rustac's server with the archive's items, in memory and through DuckDB on the file."""
    folder = tmp_path_factory.mktemp("rustac")
    catalog = made.remote
    if request.param == "memory":
        catalog = folder / "items.json"
        catalog.write_text(json.dumps({"type": "FeatureCollection", "features": absolute(made)}))
    port = free_port()
    command = [RUSTAC / "bin" / "rustac", "serve", "--addr", f"127.0.0.1:{port}", "--create-collections", catalog]
    with Server(*map(str, command), port=port, log=folder / "log", env=HOME) as server:
        yield f"http://127.0.0.1:{server.port}"


def point(box: list[float]) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]}


def searches(arc: Archive) -> dict[str, dict[str, Any]]:
    """Searches that cogweave, rustac's server and its client all understand; each finds some items, not all."""
    first, last = arc.items[0], arc.items[-1]
    x, y = point(first["bbox"])["coordinates"]
    return {
        "bbox": {"bbox": (x, y, x + 1e-3, y + 1e-3)},
        "ids": {"ids": [last["id"], first["id"]]},
        "intersects": {"intersects": point(last["bbox"])},
        "an instant": {"datetime": first["properties"]["datetime"]},
        "an interval": {"datetime": "2025-05-01T00:00:00Z/2025-05-31T23:59:59Z"},
        "an open interval": {"datetime": "2025-05-10T00:00:00Z/.."},
        "several": {
            "intersects": point(first["bbox"]), "datetime": "2025-05-10T00:00:00Z/..",
            "ids": [i["id"] for i in arc.items[3:]],
        },
    }  # fmt: skip


def test_the_api_gives_what_the_file_gives(api: str, made: Archive) -> None:
    assert ids(cw.search(api)) == ids(cw.search(made.remote))
    for name, query in searches(made).items():
        want = ids(cw.search(made.remote, **query))
        assert 0 < len(want) < len(made.items), name
        assert ids(cw.search(api, **query)) == want, name


@pytest.mark.parametrize(
    "query",
    [
        {"sortby": "-datetime", "limit": 4},
        {"sortby": ["collection", "eo:cloud_cover"], "datetime": "2025-05"},
        {"limit": 3},
        {"filter": "eo:cloud_cover < 20", "sortby": "-eo:cloud_cover"},
        {"filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]}, "limit": 1},
        {"collections": ["nothing"]},
    ],
    ids=str,
)
def test_what_the_api_does_not_know_is_done_here(api: str, made: Archive, query: dict[str, Any]) -> None:
    with urlopen(f"{api}/conformance") as answer:
        assert not any("filter" in name for name in json.load(answer)["conformsTo"])
    assert ids(cw.search(api, **query)) == ids(cw.search(made.remote, **query))


@pytest.mark.parametrize("api", ["memory"], indirect=True)  # the other one links to no next page
def test_pages_are_followed(api: str, made: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogweave._api._PAGE", 4)
    assert ids(cw.search(api)) == ids(cw.search(made.remote))
    later = cw.search(api, datetime="2025-05-10/..")
    assert len(later) > 4 and ids(later) == ids(cw.search(made.remote, datetime="2025-05-10/.."))


def test_pixels_through_the_api(api: str, made: Archive) -> None:
    grid = made.utm_grid((64, 64), 20)
    assert (cw.open(api, grid=grid, bands="B04").values == cw.open(made.remote, grid=grid, bands="B04").values).all()


def asked(href: Path, queries: list[dict[str, Any]]) -> list[list[str]]:
    """What rustac's client answers."""
    lines = "".join(json.dumps({"href": str(href), **query}) + "\n" for query in queries)
    script = Path(__file__).parent / "servers" / "rustac_client.py"
    done = subprocess.run(
        [RUSTAC / "bin" / "python", script],
        input=lines, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **HOME},
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(queries), done.stderr[-2000:]
    return answers


def test_the_client_finds_the_same_in_files_of_ours_and_of_others(made: Archive, tmp_path: Path) -> None:
    written = {"dicts": tmp_path / "dicts.parquet", "table": tmp_path / "table.parquet"}
    cw.search(absolute(made)).to_parquet(written["dicts"])
    cw.search(made.remote).to_parquet(written["table"])
    queries = [{}, *searches(made).values()]
    queries += [
        {"filter": "eo:cloud_cover < 20"},
        {"filter": "eo:cloud_cover BETWEEN 10 AND 60 AND NOT platform = 'sentinel-2a'"},
        {"filter": {"op": ">=", "args": [{"property": "eo:cloud_cover"}, 20]}},
        {"limit": 3},
    ]
    for path in (made.remote, *written.values()):
        want = [ids(cw.search(path, **query)) for query in queries]
        assert asked(path, queries) == want, path
