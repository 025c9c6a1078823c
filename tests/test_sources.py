"""Every form in which a catalog comes gives the same items: files, folders, URLs, tables, STAC objects, documents."""

from __future__ import annotations

import copy
import datetime
import json
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cogweave as cw
import pyarrow as pa
import pyarrow.parquet as pq
import pystac
import pytest
import shapely
from cogweave import _stac, _stac_table

from tests.conftest import Archive
from tests.corpus import CORPUS, needs_corpus


def ids(items: Any) -> list[str]:
    return list(pa.table(items)["id"].to_pylist())


def absolute(arc: Archive) -> list[dict[str, Any]]:
    """The archive's items with hrefs that say where the files lie."""
    return [
        {**i, "assets": {k: {**a, "href": str(arc.folder / a["href"])} for k, a in i["assets"].items()}}
        for i in arc.items
    ]


@contextmanager
def no_network() -> Iterator[None]:
    """Resolving any name fails the test."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError(f"a name was resolved: {args}")

    kept, socket.getaddrinfo = socket.getaddrinfo, refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        socket.getaddrinfo = kept


def test_stac_objects_give_what_the_file_gives(arc: Archive) -> None:
    features = absolute(arc)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        objects = pystac.ItemCollection(features)
    for item in objects:  # a link that to_dict would follow
        item.add_link(pystac.Link("root", "https://stac.invalid/catalog.json"))
    query = {"datetime": "2025-05", "filter": "eo:cloud_cover < 60", "sortby": "-eo:cloud_cover"}
    want = ids(cw.search(arc.remote, **query))
    assert 0 < len(want) < len(arc.items)
    sources: dict[str, Any] = {
        "dicts": features,
        "FeatureCollection": {"type": "FeatureCollection", "features": features},
        "ItemCollection": objects,
        "pystac Items": list(objects),
        "a generator": (item for item in features),
    }
    with no_network():
        for name, source in sources.items():
            assert ids(cw.search(source, **query)) == want, name
        assert ids(cw.search(objects[0])) == [arc.items[0]["id"]]


def test_pixels_of_stac_objects(arc: Archive) -> None:
    grid = arc.utm_grid((64, 64), 20)
    want = cw.open(arc.local, grid=grid, bands=["B04", "B03"]).values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        objects = pystac.ItemCollection(absolute(arc))
    for source in (absolute(arc), objects):
        assert (cw.open(source, grid=grid, bands=["B04", "B03"]).values == want).all()


def test_stac_objects_are_grouped_by_a_property(arc: Archive) -> None:
    """What a table of STAC objects leaves out is not what items are grouped by."""
    grid = arc.utm_grid((64, 64), 20)
    want = cw.open(arc.local, grid=grid, bands=["B04"], time_period="grid:code")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        objects = pystac.ItemCollection(absolute(arc))
    for source in (absolute(arc), objects):
        for beside in (None, ["platform"]):
            got = cw.open(source, grid=grid, bands=["B04"], time_period="grid:code", properties=beside)
            assert got.sizes == want.sizes
            assert (got.values == want.values).all()


def test_an_item_may_lack_the_property_that_groups_others(arc: Archive) -> None:
    """Those that lack it are a group of their own, whether the plan is made by open or of items that were searched."""
    items = copy.deepcopy(absolute(arc))
    del items[1]["properties"]["platform"]
    grid = arc.utm_grid((64, 64), 20)
    want = cw.open(items, grid=grid, bands=["B04"], time_period="platform")
    for period in ("platform", "properties.platform"):
        plan = cw.plan(cw.search(items), grid, bands=["B04"], time_period=period)
        assert (cw.read(plan) == want.values).all()
    with pytest.raises(cw.InvalidArgument, match="neither an ISO"):
        cw.plan(cw.search(items), grid, bands=["B04"], time_period="plattform")


def test_a_whole_number_is_the_same_key_from_every_source(arc: Archive) -> None:
    """JSON is searched as floats, and a column with gaps may be one of floats: an orbit is 22, not 22.0."""
    items = copy.deepcopy(absolute(arc))
    for number, item in enumerate(items):
        item["properties"]["sat:relative_orbit"] = 22 + number % 2
    items[1]["properties"]["sat:relative_orbit"] = 22.5
    grid = arc.utm_grid((64, 64), 20)
    period = "sat:relative_orbit"
    plan = cw.plan(cw.search(items), grid, bands=["B04"], time_period=period)
    assert plan.groups is not None
    assert set(plan.groups) == {"22", "22.5", "23"}
    assert list(cw.open(items, grid=grid, bands=["B04"], time_period=period).group.values) == list(plan.groups)


def test_a_callable_that_groups_sees_properties_as_columns(arc: Archive) -> None:
    """Of STAC objects too: the same function groups the same items of every source alike."""
    grid = arc.utm_grid((64, 64), 20)
    times = [
        cw.open(source, grid=grid, bands=["B04"], time_period=lambda item: item["platform"] + item["grid:code"])
        for source in (arc.local, absolute(arc))
    ]
    assert times[0].group.values.tolist() == times[1].group.values.tolist()


def test_assets_that_are_nearly_alike_are_told_apart() -> None:
    """Descriptions of assets are written once for all that are equal: 1, 1.0 and True are not."""
    differing: list[dict[str, Any]] = [{"nodata": value} for value in (1, 1.0, True, "1", None, float("nan"))]
    differing += [{"nodata": 1, "proj:shape": [2, 3]}, {"proj:shape": [2, 3], "nodata": 1}, {}]
    differing += [{"proj:code": "EPSG:4326", "created": datetime.datetime(2025, 1, 1)}]  # which marshal does not know
    items = []
    for number, fields in enumerate([*differing, *differing]):
        item = pystac.Item(str(number), None, None, datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC), {})
        item.add_asset("b", pystac.Asset(f'https://h/{number}"\\.tif', media_type="image/tiff", extra_fields=fields))
        items.append(item)
    part = _stac_table._Part({"narrow": True, "bands": ["b"]})
    for item in items:
        asset = _stac.of_asset(item.assets["b"])
        planned = {name: value for name, value in asset.items() if name != "created"}
        alone = json.loads(_stac.as_json({"b": planned}))
        for told in (item.assets, {"b": asset}):
            assert json.dumps(json.loads(part.assets(told)), sort_keys=True) == json.dumps(alone, sort_keys=True)


def test_outlines_are_those_of_shapely() -> None:
    """Polygons of one ring are written at once, beside others: with heights, with holes, of several parts, none."""
    ring = [[0, 0], [1.5, 0], [1, 1], [0, 0]]
    plain = [{"type": "Polygon", "coordinates": [[[x + n, y] for x, y in ring]]} for n in range(3)]
    plain.append({"type": "Polygon", "coordinates": [[*ring[:3], [-1, 2], [0, 0]]]})
    odd = [
        None,
        {"type": "Polygon", "coordinates": [ring, ring]},
        {"type": "MultiPolygon", "coordinates": [[ring], [ring, ring]]},
        {"type": "Point", "coordinates": (1, 2)},
    ]
    high = {"type": "Polygon", "coordinates": [[[x, y, 7] for x, y in ring]]}
    for shapes in (plain, [*plain, *odd, *plain], odd, [*plain, high, plain[0]], []):
        for written, shape in zip(_stac_table._outlines(shapes), shapes, strict=True):
            want = None if shape is None else shapely.to_wkb(shapely.force_2d(shapely.geometry.shape(shape)))
            assert written == want
    for broken in ([[0, 0], [1], [1, 1, 1], [0, 0]], [[0, 0], "ab", [1, 1], [0, 0]]):
        with pytest.raises((TypeError, ValueError)):
            _stac_table._outlines([*plain, {"type": "Polygon", "coordinates": [broken]}])


def test_datetimes_of_pystac_are_exact() -> None:
    """To the microsecond, in any year and zone, beside items without one."""
    utc, zone = datetime.UTC, datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    moments = [
        datetime.datetime(1, 1, 1, tzinfo=utc),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=utc),
        datetime.datetime(2024, 2, 29, 12, 34, 56, 65536, tzinfo=utc),
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=utc),
    ]
    first = datetime.datetime(1970, 1, 1, tzinfo=utc)
    micros = [(moment - first) // datetime.timedelta(microseconds=1) for moment in moments]
    assert _stac_table._microseconds(moments).tolist() == micros

    def item(number: int, moment: datetime.datetime | None) -> pystac.Item:
        span = {"start_datetime": "2020-01-01T00:00:00Z", "end_datetime": "2020-01-02T00:00:00Z"}
        return pystac.Item(f"i{number:03}", None, None, moment, {} if moment else span)

    late = datetime.datetime(2025, 1, 1, tzinfo=zone)  # 2024-12-31 18:30 in UTC
    day = datetime.datetime(2025, 1, 1, tzinfo=utc)
    for others in ([day], [late], [None], [day, late, None]):
        # more than are written at once
        found = [item(n, day + datetime.timedelta(microseconds=n)) for n in range(300)]
        found += [item(300 + n, moment) for n, moment in enumerate(others)]
        assert ids(cw.search(found, datetime="2025-01-01T00:00:00.000298Z/2025-01-01T00:00:00.000299Z")) == [
            "i298",
            "i299",
        ]
        assert len(cw.search(found, datetime="2024-12-31")) == others.count(late)
        assert len(cw.search(found, datetime="2020-01-01")) == others.count(None)


def test_the_bad_item_is_named() -> None:
    good = {"type": "Feature", "id": "good", "properties": {"datetime": "2025-01-01T00:00:00Z"}, "assets": {}}
    for broken in ({"geometry": {"type": "Circle", "coordinates": []}}, {"bbox": [1, 2, 3]}, {"assets": ["a"]}):
        with pytest.raises(cw.InvalidArgument, match="position 1") as caught:
            cw.search([good, {**good, "id": "bad", **broken}])
        assert caught.value.item_id == "bad"
    with pytest.raises(cw.InvalidArgument, match="empty"):
        cw.search({"type": "FeatureCollection", "features": []})
    assert ids(cw.search([{**good, "geometry": None, "bbox": None}])) == ["good"]


def test_nan_in_properties_is_text(arc: Archive) -> None:
    item = {**arc.items[0], "properties": {**arc.items[0]["properties"], "odd": float("nan")}}
    assert ids(cw.search([item], filter="odd = 'nan'")) == [item["id"]]


# ---- written, and read by others ----


def test_to_parquet_is_read_by_stac_geoparquet(arc: Archive, tmp_path: Path) -> None:
    from stac_geoparquet.arrow import stac_table_to_items

    for name, source in (("table", arc.remote), ("dicts", arc.items)):
        path = tmp_path / f"{name}.parquet"
        cw.search(source, datetime="2025-05").to_parquet(path)
        assert ids(cw.search(path)) == ids(cw.search(arc.remote, datetime="2025-05"))
        back = list(stac_table_to_items(pq.read_table(path)))
        assert [item["id"] for item in back] == ids(cw.search(path))
        want = next(i for i in arc.items if i["id"] == back[0]["id"])
        assert back[0]["geometry"]["type"] == want["geometry"]["type"]
        assert back[0]["properties"]["eo:cloud_cover"] == want["properties"]["eo:cloud_cover"]
        assert back[0]["assets"].keys() == want["assets"].keys()


# ---- remote parquet, over real HTTP ----


def test_remote_parquet(arc: Archive) -> None:
    url = arc.server.href("remote.parquet")
    assert ids(cw.search(url)) == ids(cw.search(arc.remote))
    assert ids(cw.search(url, datetime="2025-05", sortby="-eo:cloud_cover")) == ids(
        cw.search(arc.remote, datetime="2025-05", sortby="-eo:cloud_cover")
    )
    assert ids(cw.search([url, str(arc.remote)])) == 2 * ids(cw.search(arc.remote))
    grid = arc.utm_grid((64, 64), 20)
    assert (cw.open(url, grid=grid, bands=["B04"]).values == cw.open(arc.remote, grid=grid, bands=["B04"]).values).all()


def test_remote_parquet_that_is_none(arc: Archive) -> None:
    with pytest.raises(cw.AssetNotFound):
        cw.search(arc.server.href("none.parquet"))
    (arc.folder / "page.parquet").write_text("<html>not here</html>" * 10)
    with pytest.raises(cw.SearchError, match="no parquet"):
        cw.search(arc.server.href("page.parquet"))


def test_one_tile_of_a_sorted_remote_catalog_takes_few_requests(arc: Archive) -> None:
    count = 100_000
    tile = pa.array([i // 1000 for i in range(count)])
    x = pa.array([float(i // 1000) for i in range(count)])
    box = pa.StructArray.from_arrays(
        [x, pa.array([0.0] * count), pa.array([float(i // 1000) + 0.9 for i in range(count)]), pa.array([0.9] * count)],
        ["xmin", "ymin", "xmax", "ymax"],
    )
    names = pa.array([f"item-{i:06}" for i in range(count)])
    hrefs = pa.array([f"https://example.com/{i * 7919 % count:x}/{i}.tif" for i in range(count)])
    assets = pa.StructArray.from_arrays([pa.StructArray.from_arrays([hrefs], ["href"])], ["B04"])
    times = pa.array([(i % 1000) * 86_400_000_000 for i in range(count)], pa.timestamp("us", "UTC"))
    table = pa.table(
        {"id": names, "collection": tile.cast(pa.string()), "datetime": times, "bbox": box, "assets": assets}
    )
    path = arc.folder / "sorted.parquet"
    pq.write_table(table, path, row_group_size=5000, compression="zstd")
    before = arc.server.stats()
    found = cw.search(arc.server.href("sorted.parquet"), bbox=(40.1, 0.1, 40.2, 0.2))
    after = arc.server.stats()
    assert len(found) == 1000
    assert after.requests - before.requests <= 8
    assert after.bytes - before.bytes < path.stat().st_size / 4


# ---- documents and APIs ----


def static_catalog(folder: Path, items: list[dict[str, Any]]) -> Path:
    links = []
    for n, item in enumerate(items):
        place = folder / f"c{n % 2}" / f"{item['id']}.json"
        place.parent.mkdir(exist_ok=True)
        relative = {k: {**a, "href": f"../files/{a['href']}"} for k, a in item["assets"].items()}
        place.write_text(json.dumps({**item, "assets": relative, "links": []}))
        links.append((n % 2, {"rel": "item", "href": f"./{place.name}"}))
    for n in (0, 1):
        back = {"rel": "root", "href": "../catalog.json"}
        here = [link for which, link in links if which == n]
        (folder / f"c{n}" / "collection.json").write_text(
            json.dumps(
                {
                    "type": "Collection",
                    "id": f"c{n}",
                    "links": [back, {"rel": "child", "href": "../catalog.json"}, *here],
                }
            )
        )
    root = folder / "catalog.json"
    children = [{"rel": "child", "href": f"./c{n}/collection.json"} for n in (0, 1)]
    root.write_text(json.dumps({"type": "Catalog", "id": "root", "links": children}))
    return root


def test_a_static_catalog(arc: Archive, tmp_path: Path) -> None:
    root = static_catalog(tmp_path, arc.items)
    found = cw.search(root)
    assert sorted(ids(found)) == sorted(i["id"] for i in arc.items)
    assert ids(found)[: (len(arc.items) + 1) // 2] == [i["id"] for i in arc.items[::2]]
    (tmp_path / "files").symlink_to(arc.folder)
    grid = arc.utm_grid((64, 64), 20)
    want = cw.open(arc.local, grid=grid, bands="B04", sortby="id").values
    assert (cw.open(root, grid=grid, bands="B04", sortby="id").values == want).all()


def test_documents_that_are_none(tmp_path: Path) -> None:
    for name, text, word in (
        ("a.json", "{", "JSON"),
        ("b.json", "[]", "STAC"),
        ("c.geojson", '{"type": "Point"}', "STAC"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(cw.SearchError, match=word):
            cw.search(tmp_path / name)
    with pytest.raises(cw.SearchError, match="no such file"):
        cw.search(tmp_path / "none.json")


@needs_corpus
def test_items_of_every_kind() -> None:
    """Each JSON document of the corpus that holds items is read, or refused with a reason."""
    read = 0
    for path in sorted((CORPUS / "stac").rglob("*.json"))[:200]:
        try:
            document = json.loads(path.read_text())
        except ValueError:
            continue
        if isinstance(document, dict) and document.get("type") in ("Feature", "FeatureCollection"):
            try:
                read += len(cw.search(document))
            except cw.CogweaveError as problem:
                assert str(problem)
    assert read > 20


class Handler(BaseHTTPRequestHandler):
    """A STAC API's item search: pages of two, by POST or GET, with bbox, datetime, ids and collections."""

    server: StacServer

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        told = {name: values[0] for name, values in parse_qs(parts.query).items()}
        for name in ("ids", "collections", "bbox"):
            if name in told:
                told[name] = told[name].split(",")  # type: ignore[assignment]
        if parts.path == "/broken":
            return self.answer(b"boom", 500)
        if parts.path == "/page":
            return self.answer(b"<html>hello</html>", kind="text/html")
        return self.answer(self.server.landing() if parts.path != "/search" else self.search(told))

    def do_POST(self) -> None:
        self.answer(self.search(json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

    def search(self, told: dict[str, Any]) -> dict[str, Any]:
        self.server.asked.append((self.command, told))
        found = self.server.items
        if "ids" in told:
            found = [item for item in found if item["id"] in told["ids"]]
        if "bbox" in told:
            west, south, east, north = map(float, told["bbox"])
            found = [
                i for i in found
                if i["bbox"][0] <= east and i["bbox"][2] >= west and i["bbox"][1] <= north and i["bbox"][3] >= south
            ]  # fmt: skip
        start = int(told.get("token", 0))
        page = {"type": "FeatureCollection", "features": found[start : start + 2], "links": []}
        if start + 2 < len(found):
            step: dict[str, Any] = {"rel": "next", "href": f"{self.server.url}/search", "method": self.command}
            if self.command == "POST":
                step.update(body={**told, "token": str(start + 2)})
            else:
                rest = "&".join(
                    f"{k}={','.join(v) if isinstance(v, list) else v}" for k, v in told.items() if k != "token"
                )
                step["href"] += f"?{rest}&token={start + 2}"
            page["links"] = [step]
        return page

    def answer(self, body: Any, status: int = 200, kind: str = "application/json") -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


class StacServer(ThreadingHTTPServer):
    def __init__(self, items: list[dict[str, Any]], methods: tuple[str, ...], conformance: tuple[str, ...]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.items, self.methods, self.conformance = items, methods, conformance
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def landing(self) -> dict[str, Any]:
        search = [
            {"rel": "search", "href": f"{self.url}/search", "method": method, "type": "application/geo+json"}
            for method in self.methods
        ]
        core = ("https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search")
        return {
            "type": "Catalog", "id": "api", "description": "d", "stac_version": "1.0.0",
            "conformsTo": [*core, *self.conformance], "links": [{"rel": "self", "href": self.url}, *search],
        }  # fmt: skip


@contextmanager
def api(arc: Archive, *methods: str, conformance: tuple[str, ...] = ()) -> Iterator[StacServer]:
    with StacServer(absolute(arc), methods, conformance) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_stac_api(arc: Archive, method: str) -> None:
    """Pages are followed; what the API does not know is done here, and means the same as for a file."""
    with api(arc, method) as server:
        assert ids(cw.search(server.url)) == [i["id"] for i in arc.items]
        assert {command for command, _ in server.asked} == {method}
        assert len(server.asked) == (len(arc.items) + 1) // 2
        box = tuple(arc.items[0]["bbox"])
        query: dict[str, Any] = {"bbox": box, "filter": "eo:cloud_cover < 50", "sortby": "-eo:cloud_cover", "limit": 3}
        assert ids(cw.search(server.url, **query)) == ids(cw.search(arc.remote, **query))
        assert "filter" not in server.asked[-1][1], "the API does not conform to filters"
        # Of these the server knows the limit alone.
        last: dict[str, Any] = {"datetime": arc.items[-1]["properties"]["datetime"], "limit": 1}
        assert ids(cw.search(server.url, **last)) == ids(cw.search(arc.remote, **last)) != []
        assert ids(cw.search(server.url, ids="none", filter="eo:cloud_cover < 50", sortby="platform")) == []
        grid = arc.utm_grid((64, 64), 20)
        want = cw.open(arc.local, grid=grid, bands="B04").values
        assert (cw.open(server.url, grid=grid, bands="B04").values == want).all()
        assert "bbox" in server.asked[-1][1]


def test_a_filter_goes_to_an_api_that_takes_it(arc: Archive) -> None:
    conformance = ("http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2", "https://api.stacspec.org/v1.0.0-rc.2/item-search#filter",
                   "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter")  # fmt: skip
    condition = {"op": "<", "args": [{"property": "eo:cloud_cover"}, 50]}
    with api(arc, "POST", conformance=conformance) as server:
        assert ids(cw.search(server.url, filter=condition)) == ids(cw.search(arc.remote, filter=condition))
        assert server.asked[0][1]["filter"] == condition


def test_an_api_that_fails_is_named(arc: Archive) -> None:
    with api(arc, "POST") as server:
        for place, word in (("/broken", "500"), ("/page", "no STAC API")):
            with pytest.raises(cw.SearchError, match=word) as caught:
                cw.search(f"{server.url}{place}?token=SECRET")
            assert "SECRET" not in str(caught.value)
            assert server.url in str(caught.value)
    with pytest.raises(cw.SearchError, match="cannot be asked"):
        cw.search(server.url)
