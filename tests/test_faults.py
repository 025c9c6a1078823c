"""Faults of the network, row by row of the table of faults: the right bytes, or an error that names the thing.

Each case asserts the very requests that were made. The server is a raw socket, scripted (servers/faultserver.py);
times are scaled down by `cw.configure`. Broken TLS and names that no server knows are tested in Go (fetch/httpstore).
"""

from __future__ import annotations

import socket
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import numpy.typing as npt
import pytest
from affine import Affine

from tests import archive, items
from tests.archive import catalog_table
from tests.servers import faultserver as fault
from tests.servers.faultserver import FaultServer, Reply

QUICK: dict[str, Any] = {
    "backoff": 0.005,
    "throttle_pause": 0.01,
    "attempt_timeout": 5,
    "total_timeout": 20,
    "tile_cache": 0,
    "retry_budget": 0,
    "cache_dir": "",
}


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    before = cw.configure()
    cw.configure(**QUICK)
    yield
    cw.configure(**{name: before[name] for name in QUICK})


@dataclass
class Scene:
    """One COG of 384 x 384 pixels in nine stored tiles, on the fault server; its header is known."""

    server: FaultServer
    file: Path
    href: str
    pixels: npt.NDArray[np.uint16]
    table: Any
    tile: tuple[int, int] = (0, 0)  # the bytes of the middle tile

    path = "/scene.tif"

    def read(self, **arguments: Any) -> npt.NDArray[Any]:
        """The middle tile: one request of 32 KiB, where nothing goes wrong."""
        grid = cw.Grid("EPSG:32632", (10, 0, 500000 + 1280, 0, -10, 5000000 - 1280), (128, 128))
        read: npt.NDArray[Any] = cw.open(self.table, grid=grid, **arguments).values[0, 0]
        return read

    @property
    def middle(self) -> npt.NDArray[np.uint16]:
        return self.pixels[128:256, 128:256]


def picture(seed: int) -> npt.NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(1, 60000, (384, 384)).astype(np.uint16)


def stored(path: Path, pixels: npt.NDArray[np.uint16]) -> bytes:
    plain: dict[str, Any] = {"compress": "none", "predictor": None, "level": None}
    archive.write_cog(path, pixels, 32632, Affine(10, 0, 500000, 0, -10, 5000000), 128, **plain)
    return path.read_bytes()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    file = tmp_path / "scene.tif"
    pixels = picture(1)
    data = stored(file, pixels)
    with FaultServer() as server:
        href = server.put(Scene.path, data)
        made = Scene(server, file, href, pixels, items.of_file(file, href + "?sig=SECRET"))
        server.files[Scene.path + "?sig=SECRET"] = server.files[Scene.path]
        np.testing.assert_array_equal(made.read(), made.middle)
        header, made.tile = server.ranges()
        assert header == (0, 32768) and made.tile[1] - made.tile[0] == 128 * 128 * 2
        server.forget()
        yield made


PATH = Scene.path + "?sig=SECRET"


def fails(scene: Scene, cls: type[cw.CogweaveError], reason: str, requests: int) -> cw.CogweaveError:
    """Reads, and checks the error: class, reason, all that it must name, and the requests made."""
    with pytest.raises(cls) as caught:
        scene.read()
    error = caught.value
    assert type(error) is cls
    assert error.reason == reason
    assert (error.item_id, error.band) == ("scene", "data")
    assert error.href is not None and error.href.startswith(scene.href) and "SECRET" not in str(error)
    assert error.byte_range == scene.tile
    assert scene.server.ranges() == [scene.tile] * requests
    assert {request.path for request in scene.server.requests} == {PATH}
    assert error.attempts == requests
    return error


@pytest.mark.parametrize(
    ("code", "cls", "reason"),
    [
        (404, cw.AssetNotFound, "NotFound"),
        (403, cw.AccessDenied, "AccessDenied"),
        (401, cw.AccessDenied, "AccessDenied"),
    ],
)
def test_row_1_refused(scene: Scene, code: int, cls: type[cw.CogweaveError], reason: str) -> None:
    scene.server.always[PATH] = fault.status(code)
    fails(scene, cls, reason, 1)


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_row_2_a_server_in_trouble_for_a_while(scene: Scene, code: int) -> None:
    scene.server.script(PATH, fault.status(code), fault.status(code))
    np.testing.assert_array_equal(scene.read(), scene.middle)
    assert scene.server.ranges() == [scene.tile] * 3


def test_row_2_a_server_in_trouble_for_good(scene: Scene) -> None:
    scene.server.always[PATH] = fault.status(503)
    fails(scene, cw.AssetError, "HTTP503", 5)
    scene.server.forget()
    cw.configure(retries=1)
    try:
        fails(scene, cw.AssetError, "HTTP503", 2)
    finally:
        cw.configure(retries=4)


def test_row_3_a_thousand_assets_share_one_budget_of_retries(scene: Scene) -> None:
    cw.configure(retry_budget=500)
    known = {
        "type": "image/tiff; application=geotiff",
        "roles": ["data"],
        "proj:code": "EPSG:32632",
        "proj:shape": [384, 384],
        "proj:transform": [10, 0, 500000, 0, -10, 5000000],
        "raster:bands": [{"data_type": "uint16", "nodata": 0}],
    }
    rows = []
    for number in range(1000):
        path = f"/{number}.tif"
        scene.server.always[path] = fault.status(503)
        rows.append(
            {
                "type": "Feature",
                "stac_version": "1.1.0",
                "id": str(number),
                "geometry": {"coordinates": [[[8, 44], [10, 44], [10, 46], [8, 46], [8, 44]]]},
                "bbox": [8.0, 44.0, 10.0, 46.0],
                "properties": {"datetime": "2025-01-01T00:00:00Z"},
                "links": [],
                "assets": {"data": {**known, "href": scene.server.url + path}},
            }
        )
    table = catalog_table(rows)
    grid = cw.Grid("EPSG:32632", (10, 0, 500000, 0, -10, 5000000), (64, 64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan = cw.plan(cw.search(table), grid, errors="ignore", bands=["data"])
        assert not cw.read(plan).any()
    retries = 500 // 14  # what the budget pays for, at 14 tokens each
    assert len(scene.server.requests) == 1000 + retries
    assert len({request.path for request in scene.server.requests}) == 1000
    scene.server.forget()
    with pytest.raises(cw.AssetError) as caught:
        cw.read(cw.plan(cw.search(table), grid, bands=["data"]))
    assert caught.value.reason == "RetryBudgetExhausted"
    asked = [request.path for request in scene.server.requests]
    assert asked and len(set(asked)) == len(asked)  # nothing is left to retry with
    assert scene.server.url in caught.value.message


def test_row_4_retry_after(scene: Scene) -> None:
    scene.server.script(PATH, fault.status(429, "Retry-After: 1"))
    start = time.monotonic()
    np.testing.assert_array_equal(scene.read(), scene.middle)
    assert time.monotonic() - start >= 1
    assert scene.server.ranges() == [scene.tile] * 2


def test_row_4_retry_after_an_hour(scene: Scene) -> None:
    scene.server.always[PATH] = fault.status(429, "Retry-After: 3600")
    start = time.monotonic()
    error = fails(scene, cw.AssetError, "HTTP429", 1)
    assert time.monotonic() - start < 5
    assert "1h" in error.message


@pytest.mark.parametrize("reset", [False, True])
def test_row_5_a_connection_that_breaks_is_resumed(scene: Scene, reset: bool) -> None:
    scene.server.script(PATH, fault.cut(20_000, reset))
    np.testing.assert_array_equal(scene.read(), scene.middle)
    first, (again, end) = scene.server.ranges()
    assert first == scene.tile and end == scene.tile[1] and first[0] <= again <= first[0] + 20_000
    assert again > first[0] or reset
    assert scene.server.requests[1].headers["if-match"] == '"v1"'


@pytest.mark.parametrize("reply", [fault.cut(0), fault.short_chunked(0)])
def test_rows_6_and_7_a_short_answer_is_never_taken_for_the_whole(scene: Scene, reply: Reply) -> None:
    scene.server.always[PATH] = reply
    error = fails(scene, cw.AssetError, "ShortRead", 5)
    assert "32768" in error.message


@pytest.mark.parametrize("reply", [fault.cut(10_000), fault.short_chunked(10_000)])
def test_rows_6_and_7_a_short_answer_is_completed(scene: Scene, reply: Reply) -> None:
    scene.server.script(PATH, reply)
    np.testing.assert_array_equal(scene.read(), scene.middle)
    start, end = scene.tile
    assert scene.server.ranges() == [(start, end), (start + 10_000, end)]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (fault.about(shift=128), "RangeMismatch"),
        (fault.about(total=10**9), "RangeMismatch"),
        (fault.multipart, "RangeMismatch"),
        (fault.encoded, "EncodingError"),
    ],
)
def test_rows_8_10_and_11_an_answer_about_something_else(scene: Scene, reply: Reply, reason: str) -> None:
    scene.server.always[PATH] = reply
    fails(scene, cw.AssetError, reason, 1)


def test_row_9_the_whole_file_for_a_range(scene: Scene) -> None:
    scene.server.always[PATH] = fault.whole(10 << 30)
    fails(scene, cw.AssetError, "RangeNotSupported", 1)
    time.sleep(0.05)
    assert scene.server.sent < 8 << 20  # what fits into the buffers of both sockets


@pytest.mark.parametrize(
    ("reply", "reason"),
    [(fault.silence, "FirstByteTimeout"), (fault.head_only, "StallTimeout"), (fault.drip, "StallTimeout")],
)
def test_row_12_a_server_that_says_nothing_more(scene: Scene, reply: Reply, reason: str) -> None:
    scene.server.always[PATH] = reply
    before = cw.configure()
    short = {"retries": 0, "first_byte_timeout": 0.4, "stall_timeout": 0.4}
    cw.configure(**short)
    try:
        start = time.monotonic()
        fails(scene, cw.FetchTimeout, reason, 1)
        assert 0.3 < time.monotonic() - start < 5
    finally:
        cw.configure(**{name: before[name] for name in short})


def test_row_13_a_file_replaced_between_header_and_tile(scene: Scene) -> None:
    new = picture(2)
    data = stored(scene.file, new)
    assert len(data) == len(scene.server.files[PATH].data)
    scene.server.put(PATH, data, etag='"v2"')
    np.testing.assert_array_equal(scene.read(), new[128:256, 128:256])
    # The tile of the version that is no more, the header of the new one, its tile.
    assert scene.server.ranges() == [scene.tile, (0, 32768), scene.tile]
    assert [request.headers.get("if-match") for request in scene.server.requests] == ['"v1"', None, '"v2"']


def test_row_13_a_file_that_never_stays_the_same(scene: Scene) -> None:
    def changed(x: fault.Exchange) -> bool:
        fault.serve(x)
        scene.server.put(PATH, x.held.data, etag=f'"{len(scene.server.requests)}"')
        return True

    scene.server.always[PATH] = changed
    scene.server.put(PATH, scene.server.files[PATH].data, etag='"other"')
    with pytest.raises(cw.AssetChanged) as caught:
        scene.read()
    assert caught.value.item_id == "scene"
    assert len(scene.server.requests) == 3


def test_row_13_no_entity_tag_but_another_date(scene: Scene) -> None:
    old, new = picture(3), picture(4)
    path = "/dated.tif"
    href = scene.server.put(path, stored(scene.file, old), "", "Wed, 21 Oct 2015 07:28:00 GMT")
    scene.table = items.of_file(scene.file, href)
    with pytest.warns(UserWarning, match="no strong entity tags"):
        np.testing.assert_array_equal(scene.read(), old[128:256, 128:256])
    header, tile = scene.server.ranges()
    scene.server.forget()
    scene.server.put(path, stored(scene.file, new), "", "Thu, 22 Oct 2015 07:28:00 GMT")
    np.testing.assert_array_equal(scene.read(), new[128:256, 128:256])
    # The tile of the version that is no more, the header of the new one, its tile.
    assert scene.server.ranges() == [tile, header, tile]


DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.filterwarnings("ignore:.*no strong entity tags")
@pytest.mark.parametrize(
    ("tags", "date", "asked"),
    [
        (('"v1"', '"v2"'), "", ["tile", "header", "tile"]),
        (("", ""), "", ["header", "tile"]),
        (("", ""), DATE, ["header", "tile"]),
        (('W/"v"', 'W/"v"'), "", ["header", "tile"]),
    ],
    ids=["strong tags", "neither tag nor date", "one date", "one weak tag"],
)
def test_row_13_a_signature_that_leads_to_another_file(
    scene: Scene, tags: tuple[str, str], date: str, asked: list[str]
) -> None:
    """Of the same size, after the first file's header was read by another signature."""
    pictures = [picture(5), picture(6)]
    for number, tag in enumerate(tags):
        data = stored(scene.file, pictures[number])
        for query in ("?SECRET=first", "?SECRET=second"):
            scene.server.put(f"/place{number}.tif{query}", data, tag, date)
    scene.table = items.of_file(scene.file, f"{scene.server.url}/named.tif")

    def read(number: int, query: str) -> tuple[Any, list[tuple[str, tuple[int, int]]]]:
        scene.server.forget()
        pixels = scene.read(sign=lambda href: f"{scene.server.url}/place{number}.tif?SECRET={query}")
        requests = zip(scene.server.requests, scene.server.ranges(), strict=True)
        return pixels, [(request.path, asked_for) for request, asked_for in requests]

    pixels, requests = read(0, "first")
    np.testing.assert_array_equal(pixels, pictures[0][128:256, 128:256])
    ranges = dict(zip(["header", "tile"], [asked_for for _, asked_for in requests], strict=True))
    # Another query at the same place: the header serves.
    pixels, requests = read(0, "second")
    np.testing.assert_array_equal(pixels, pictures[0][128:256, 128:256])
    assert requests == [("/place0.tif?SECRET=second", ranges["tile"])]
    pixels, requests = read(1, "first")
    np.testing.assert_array_equal(pixels, pictures[1][128:256, 128:256])
    assert requests == [("/place1.tif?SECRET=first", ranges[what]) for what in asked]


def test_row_14_no_entity_tag_warns_once(scene: Scene) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(3):
            href = scene.server.put(f"/untagged{number}.tif", scene.server.files[PATH].data, etag="")
            scene.table = items.of_file(scene.file, href)
            np.testing.assert_array_equal(scene.read(), scene.middle)
    told = [str(w.message) for w in caught if "no strong entity tags" in str(w.message)]
    assert len(told) == 1 and scene.server.url in told[0]
    paths = [request.path for request in scene.server.requests]
    assert paths == [f"/untagged{number}.tif" for number in (0, 0, 1, 1, 2, 2)]


def test_row_15_redirects(scene: Scene) -> None:
    scene.server.script(PATH, fault.redirect(scene.href))
    np.testing.assert_array_equal(scene.read(), scene.middle)
    assert [request.path for request in scene.server.requests] == [PATH, Scene.path]
    assert "SECRET" not in str([request.headers for request in scene.server.requests])


def test_row_15_a_loop_of_redirects(scene: Scene) -> None:
    scene.server.always[PATH] = fault.redirect(scene.href + "?sig=SECRET")
    with pytest.raises(cw.AssetError) as caught:
        scene.read()
    assert caught.value.reason == "TooManyRedirects"
    assert "SECRET" not in str(caught.value)
    assert scene.server.ranges() == [caught.value.byte_range] * 6


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("file:///etc/passwd", "RedirectRefused"),
        ("http://169.254.169.254/latest/meta-data", "AddressRefused"),
        ("http://user:pw@127.0.0.1/", "RedirectRefused"),
    ],
)
def test_row_15_a_redirect_that_must_not_be_followed(scene: Scene, location: str, reason: str) -> None:
    scene.server.always[PATH] = fault.redirect(location)
    fails(scene, cw.AssetError, reason, 1)


def test_row_16_nobody_listens(scene: Scene) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # not listening: refused
        href = f"http://127.0.0.1:{held.getsockname()[1]}/a.tif"
        start = time.monotonic()
        with cw.measure() as made, pytest.raises(cw.AssetError) as caught:
            cw.headers(items.of_file(scene.file, href))
    assert made["requests"] == 1
    assert caught.value.reason == "Refused" and caught.value.attempts == 1
    assert time.monotonic() - start < 1


def test_row_31_an_item_that_fails_is_never_silent(scene: Scene) -> None:
    """errors="ignore" leaves nodata, and the report says whose."""
    scene.server.always[PATH] = fault.status(404)
    grid = cw.Grid("EPSG:32632", (10, 0, 500000, 0, -10, 5000000), (128, 128))
    da = cw.open(scene.table, grid=grid, errors="ignore")
    assert not da.values.any()
    assert "scene" in str(da.cogweave.report())
    assert len(scene.server.requests) == 1


def counted(call: Callable[[], object], server: FaultServer) -> int:
    before = len(server.requests)
    call()
    return len(server.requests) - before


def test_the_catalog_s_own_fields_open_without_a_request(tmp_path: Path) -> None:
    """Fields proj: and raster: are enough for `open` and for the repr."""
    with FaultServer() as server:
        spec = archive.SMALL
        row = archive._item(
            archive.tiles(spec.size)[0], spec.passes[0], [[11, 45], [12, 45], [12, 46], [11, 46], [11, 45]]
        )
        table = catalog_table([row], lambda href: f"{server.url}/{href}")
        da = None

        def opened() -> None:
            nonlocal da
            da = cw.open(table, bbox=tuple(row["bbox"]), crs="EPSG:4326", resolution=0.01, bands=["B04", "B02"])

        assert counted(opened, server) == 0
        assert da is not None and da.dtype == np.uint16 and counted(lambda: repr(da), server) == 0
