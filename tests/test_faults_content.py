"""Files and catalogs that are not what they should be: rows 17 to 31 of the table of faults.

Every case is read through the public API over HTTP from the fault server: the error's class and reason, the very
requests that were made, bounded memory and time. The decoders' own cases, and many more files, are in Go (core/cog,
mosaic/decode).
"""

from __future__ import annotations

import contextlib
import math
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import rasterio.warp
from affine import Affine

from tests import archive, tiffs
from tests.archive import catalog_table
from tests.servers.faultserver import FaultServer, page

FIRST = (0, 32768)  # the first read of a header; the tiles of a file so small come along with it
GRID = cw.Grid("EPSG:32632", (10, 0, 500000, 0, -10, 5000000), (64, 64))


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(server: FaultServer) -> Iterator[None]:
    before = cw.configure()["cache_dir"]
    cw.configure(cache_dir="")
    server.forget()
    yield
    cw.configure(cache_dir=before)


def table(href: str | None, **changed: Any) -> pa.Table:
    """A catalog of one item with one asset, near the grid."""
    ring = [[8.9, 45.0], [9.2, 45.0], [9.2, 45.3], [8.9, 45.3], [8.9, 45.0]]
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": "one",
        "collection": "files",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [8.9, 45.0, 9.2, 45.3],
        "properties": {"datetime": "2025-01-01T00:00:00Z"},
        "links": [],
        "assets": {"data": {"href": href, "type": "image/tiff; application=geotiff", "roles": ["data"]}},
    }
    return catalog_table([{**item, **changed}], href=lambda h: h)


_names = iter(range(10**6))


def put(server: FaultServer, data: bytes) -> str:
    return server.put(f"/{next(_names)}.tif", data)


def read(href: str) -> Any:
    return cw.open(table(href), grid=GRID).values[0, 0]


def memory_of(field: str) -> int:
    """A line of this process's status, in KiB."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{field}:"))


def memory_now() -> int:
    """What is resident; an earlier peak is forgotten, or no later one that is lower would show."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory_of("VmRSS")


def refused(
    server: FaultServer, data: bytes, reason: str, *named: str, then: tuple[tuple[int, int], ...] = ()
) -> cw.CogweaveError:
    """Reading the file is a DecodeError of that reason, quick and small, that names the item and the file.

    The first bytes of the file are asked for, then nothing but what `then` says.
    """
    server.forget()
    href = put(server, data)
    start, memory = time.monotonic(), memory_now()
    with pytest.raises(cw.DecodeError) as caught:
        read(href)
    error = caught.value
    assert error.reason == reason, error
    assert error.href == href and error.item_id == "one"
    for word in named:
        assert word in str(error)
    assert server.ranges() == [FIRST, *then]
    assert time.monotonic() - start < 3
    assert memory_of("VmHWM") - memory < 200_000
    return error


def test_a_file_made_tag_by_tag_reads(server: FaultServer) -> None:
    """What the cases below break is good before."""
    np.testing.assert_array_equal(read(put(server, tiffs.classic(tiffs.tile()))), 1)
    assert server.ranges() == [FIRST]


HTML = b"<!DOCTYPE html><title>Sign in</title>" + b" " * 5000


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"", "empty"),
        (HTML, HTML[:16].hex()),
        (b"II*\0", "4 bytes"),
        (tiffs.classic(tiffs.tile())[:60], ""),
        (
            b'<VRTDataset rasterXSize="64" rasterYSize="64"><SourceFilename>/etc/passwd</SourceFilename></VRTDataset>',
            "",
        ),
        (b"<MRF_META><Raster><Size x='64' y='64'/></Raster></MRF_META>", ""),
        (b"%PDF-1.7\n" + b"0" * 100, ""),
        (b"<GDAL_WMS><Service name='TMS'/></GDAL_WMS>", ""),
        (b"MEM:::DATAPOINTER=1,PIXELS=64,LINES=64", ""),
    ],
    ids=["empty", "html", "4 bytes", "cut", "vrt", "mrf", "pdf", "wms", "mem"],
)
def test_rows_17_and_28_not_a_tiff(server: FaultServer, data: bytes, shown: str) -> None:
    refused(server, data, "NotATiff", shown)


def test_row_17_an_error_page_with_status_200(server: FaultServer) -> None:
    href = put(server, b"")
    server.always[href.removeprefix(server.url)] = page(200, HTML.decode())
    with pytest.raises(cw.DecodeError) as caught:
        read(href)
    assert caught.value.reason == "NotATiff" and HTML[:16].hex() in str(caught.value)
    assert server.ranges() == [FIRST]


def test_row_18_directories_in_a_loop(server: FaultServer) -> None:
    reduced = tiffs.replaced(tiffs.tile(), (254, tiffs.LONG, [1]))
    refused(server, tiffs.classic(tiffs.tile(), following=[0]), "IFDLoop")
    refused(server, tiffs.classic(tiffs.tile(), reduced, reduced, following=[1, 2, 0]), "IFDLoop")


def test_row_18_too_many_directories(server: FaultServer) -> None:
    page_of = [(254, tiffs.LONG, [2]), (256, tiffs.LONG, [1]), (257, tiffs.LONG, [1])]
    refused(server, tiffs.classic(tiffs.tile(), *[page_of] * 500, size=40_000), "TooManyIFDs")


@pytest.mark.parametrize("number", [258, 324, 325, 33550])
def test_row_19_a_tag_with_more_values_than_the_file_has_bytes(server: FaultServer, number: int) -> None:
    kind = {258: tiffs.SHORT, 33550: tiffs.DOUBLE}.get(number, tiffs.LONG)
    tags = tiffs.replaced(tiffs.tile(), (number, kind, (2**32 - 1, struct.pack("<I", 4096))))
    refused(server, tiffs.classic(tags), "TiffLimit")


def test_row_19_unknown_types_are_skipped(server: FaultServer) -> None:
    tags = tiffs.replaced(tiffs.tile(), (65000, 999, (2**32 - 1, b"\xff" * 4)))
    np.testing.assert_array_equal(read(put(server, tiffs.classic(tags))), 1)
    assert server.ranges() == [FIRST]


@pytest.mark.parametrize(
    "tags",
    [
        tiffs.replaced(tiffs.tile(), (256, tiffs.LONG, [2**32 - 1]), (257, tiffs.LONG, [2**31 - 1])),
        tiffs.tile(side=0),
        tiffs.replaced(tiffs.tile(), (322, tiffs.LONG, [65536]), (323, tiffs.LONG, [65536])),
        tiffs.tile(width=128),
        tiffs.replaced(tiffs.tile(width=256), (324, tiffs.LONG, [4096]), (325, tiffs.LONG, [4096])),
    ],
    ids=["2^31 pixels", "tile of 0", "tile of 65536", "good", "too few offsets"],
)
def test_row_20_absurd_sizes(server: FaultServer, tags: list[tiffs.Tag], request: pytest.FixtureRequest) -> None:
    if "good" in request.node.name:
        np.testing.assert_array_equal(read(put(server, tiffs.classic(tags, size=16384))), 1)
        assert server.ranges() == [FIRST]
    else:
        refused(server, tiffs.classic(tags), "TiffLimit")


def test_row_20_the_limit_of_a_tile_can_be_set(server: FaultServer) -> None:
    data = tiffs.classic(tiffs.tile())
    cw.configure(max_tile_bytes=2048)
    try:
        refused(server, data, "TiffLimit", "2048")
    finally:
        cw.configure(max_tile_bytes="128 MiB")
    np.testing.assert_array_equal(read(put(server, data)), 1)
    assert server.ranges() == [FIRST] * 2


@pytest.mark.parametrize(
    ("reason", "named", "new"),
    [
        ("TiffLimit", "65535 samples of 64 bits", [(277, tiffs.SHORT, [65535]), (258, tiffs.SHORT, [64])]),
        ("ShortTile", "4096 of 12288 bytes", [(258, tiffs.SHORT, [24]), (317, tiffs.SHORT, [2])]),
        ("ShortTile", "4096 of 6144 bytes", [(258, tiffs.SHORT, [12])]),
        ("TiffUnsupported", "floats of 13 bits", [(258, tiffs.SHORT, [13]), (339, tiffs.SHORT, [3])]),
        ("TiffUnsupported", "predictor 3", [(259, tiffs.SHORT, [8]), (317, tiffs.SHORT, [3])]),
        ("TiffUnsupported", "Predictor", [(259, tiffs.SHORT, [8]), (317, tiffs.SHORT, [7])]),
    ],
    ids=["overflow", "24 bits", "12 bits", "float of 13 bits", "float predictor of bytes", "no predictor"],
)
def test_row_21_depths_that_no_decoder_has(server: FaultServer, reason: str, named: str, new: list[tiffs.Tag]) -> None:
    refused(server, tiffs.classic(tiffs.replaced(tiffs.tile(), *new)), reason, named)


@pytest.mark.parametrize(
    "tags",
    [
        tiffs.tile(offset=8000),
        tiffs.tile(offset=2**32 - 10),
        tiffs.replaced(tiffs.tile(), (325, tiffs.LONG8, [2**40])),
        tiffs.replaced(tiffs.tile(), (324, tiffs.LONG8, [2**64 - 100])),
        tiffs.replaced(tiffs.tile(width=128), (324, tiffs.LONG, [4096, 4100])),
    ],
    ids=["past the end", "near 2^32", "2^40 bytes", "overflow", "overlapping"],
)
def test_row_22_tiles_outside_the_file(server: FaultServer, tags: list[tiffs.Tag]) -> None:
    error = refused(server, tiffs.classic(tags), "TileOutOfRange")
    assert error.byte_range is not None


def deflated(data: bytes) -> bytes:
    """One tile of 64 x 64 bytes, stored as this stream."""
    tags = tiffs.replaced(tiffs.tile(count=len(data)), (259, tiffs.SHORT, [8]))
    body = tiffs.classic(tags, size=4096)
    return body + data


def test_row_23_a_bomb(server: FaultServer) -> None:
    bomb = zlib.compress(bytes(64 << 20), 9)
    assert len(bomb) < 1 << 17
    tile = (4096, 4096 + len(bomb))
    assert refused(server, deflated(bomb), "DecompressionBomb", "4096", then=(tile,)).byte_range == tile


def test_row_24_a_broken_stream(server: FaultServer) -> None:
    good = zlib.compress(bytes(range(256)) * 16)
    np.testing.assert_array_equal(read(put(server, deflated(good))).ravel(), np.tile(np.arange(256), 16))
    for broken in good[: len(good) // 2], good[:20] + b"\xff" * 20 + good[40:], b"\0" * len(good):
        server.forget()
        with pytest.raises(cw.DecodeError) as caught:
            read(put(server, deflated(broken)))
        assert "tile 0" in str(caught.value) and caught.value.item_id == "one"
        assert caught.value.byte_range == (4096, 4096 + len(broken))
        assert server.ranges() == [FIRST]


@pytest.mark.parametrize("codec", ["lzw", "zstd", "jpeg", "webp", "lerc"])
def test_row_24_broken_streams_of_other_codecs(server: FaultServer, codec: str, tmp_path: Path) -> None:
    """Bytes overwritten far behind the rows that are read: an error, or the rows as they were written."""
    path = tmp_path / "a.tif"
    pixels = np.random.default_rng(3).integers(1, 255, (3 if codec == "webp" else 1, 128, 64)).astype(np.uint8)
    options: dict[str, Any] = {"WEBP_LOSSLESS": True} if codec == "webp" else {}
    archive.write_cog(
        path,
        pixels,
        32632,
        Affine(10, 0, 500000, 0, -10, 5000000),
        128,
        compress=codec,
        predictor=None,
        level=None,
        nodata=None,
        **options,
    )
    data = bytearray(path.read_bytes())
    start = len(data) - 2000
    data[start : start + 600] = b"\xff" * 600
    try:
        got = cw.open(
            table(put(server, bytes(data))), grid=GRID, bands=["data.1" if codec == "webp" else "data"]
        ).values
    except cw.DecodeError as error:
        assert error.item_id == "one" and error.byte_range is not None
    else:
        assert codec in ("lzw", "zstd")  # these stop after the rows
        np.testing.assert_array_equal(got[0, 0], pixels[0, :64, :64])
    assert server.ranges() == [FIRST]


def test_row_25_a_jpeg_of_another_size(server: FaultServer, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pixels = np.full((64, 64), 100, np.uint8)
    with rasterio.open(
        path, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint8", compress="jpeg", tiled=True,
        blockxsize=64, blockysize=64, crs="EPSG:32632", transform=Affine(10, 0, 500000, 0, -10, 5000000),
    ) as out:  # fmt: skip
        out.write(pixels, 1)
    data = path.read_bytes()
    np.testing.assert_allclose(read(put(server, data)), 100, atol=1)
    assert server.ranges() == [FIRST]
    side = struct.pack("<HHI", 322, tiffs.SHORT, 1) + struct.pack("<HH", 64, 0)
    assert data.count(side) == 1
    server.forget()
    wider = data.replace(side, struct.pack("<HHI", 322, tiffs.SHORT, 1) + struct.pack("<HH", 128, 0))
    assert refused(server, wider, "DecodeError", "tile 0", "64").byte_range is not None
    tables = struct.pack("<HH", 347, undefined := 7)
    assert data.count(tables) == 1
    refused(server, data.replace(tables, struct.pack("<HH", 348, undefined)), "DecodeError", "tile 0")


@pytest.mark.parametrize(
    ("named", "new"),
    [
        ("EPSG:19999", (34735, tiffs.SHORT, [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 19999])),
        ("GeoAsciiParams", (34737, tiffs.ASCII, b"x" * (10 << 20))),
        ("ModelPixelScale", (33550, tiffs.DOUBLE, [0.0, 0.0, 0.0])),
        ("not finite", (33550, tiffs.DOUBLE, [math.nan, 10.0, 0.0])),
        ("cannot be inverted", (33550, tiffs.DOUBLE, [1e308, 1e308, 0.0])),
        ("cannot be told apart", (33922, tiffs.DOUBLE, [0.0, 0.0, 0.0, 1e300, 5e6, 0.0])),
    ],
    ids=["unknown code", "10 MB of text", "scale 0", "scale NaN", "scale 1e308", "origin 1e300"],
)
def test_row_26_georeferences_that_cannot_be_meant(server: FaultServer, named: str, new: tiffs.Tag) -> None:
    data = tiffs.classic(tiffs.replaced(tiffs.tile(), new), size=16384)
    refused(server, data, "TiffLimit" if named == "GeoAsciiParams" else "GeoReferenceError", named)


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><GDALMetadata><Item name="x">&a;&a;</Item></GDALMetadata>\0'


@pytest.mark.parametrize(
    "new",
    [
        (42112, tiffs.ASCII, ENTITIES),
        (42112, tiffs.ASCII, b"<GDALMetadata><Item sample='0' role='scale'>1e999</Item></GDALMetadata>\0"),
        (42112, tiffs.ASCII, b"<" * 30_000),
        (42113, tiffs.ASCII, b"9" * 5000 + b"\0"),
        (42113, tiffs.ASCII, b"nan\0"),
        (42113, tiffs.ASCII, b"1e999\0"),
    ],
    ids=["entities", "scale 1e999", "no XML", "huge nodata", "NaN nodata of bytes", "infinite nodata of bytes"],
)
def test_row_27_metadata_that_makes_no_sense_is_ignored(server: FaultServer, new: tiffs.Tag) -> None:
    data = tiffs.classic(tiffs.replaced(tiffs.tile(offset=60_000), new), size=70_000)
    href = put(server, data)
    np.testing.assert_array_equal(read(href), 1)
    assert server.ranges() == [FIRST, (60_000, 64_096)]
    told = pa.table(cw.headers(table(href)))["warnings"].to_pylist()
    assert told[0], "nothing was noted"
    assert len(server.requests) == 2


def parquet(path: Path, changed: pa.Table) -> Path:
    pq.write_table(changed, path)
    return path


def test_row_29_catalogs_that_are_none(tmp_path: Path) -> None:
    good = parquet(tmp_path / "good.parquet", table("/a.tif"))
    data = good.read_bytes()
    without = table("/a.tif").drop_columns(["assets"])
    cases = {
        "truncated": data[: len(data) // 2],
        "no footer": data[:-20] + b"\0" * 20,
        "text": b"id,href\n1,a.tif\n",
        "empty": b"",
        "without assets": parquet(tmp_path / "w.parquet", without).read_bytes(),
        "of something else": parquet(tmp_path / "o.parquet", pa.table({"a": [1, 2]})).read_bytes(),
    }
    for name, content in cases.items():
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(content)
        start = time.monotonic()
        with cw.measure() as made, pytest.raises(cw.CogweaveError) as caught:
            cw.open(path, grid=GRID)
        assert made["requests"] == 0
        assert isinstance(caught.value, cw.SearchError), name
        assert caught.value.reason in ("CatalogError", "NotStac"), name
        assert str(path) in str(caught.value), name
        assert time.monotonic() - start < 5


def test_row_29_flipped_bytes_never_crash(tmp_path: Path) -> None:
    data = parquet(tmp_path / "good.parquet", table("/a.tif")).read_bytes()
    rng = np.random.default_rng(11)
    for number in range(25):
        flipped = bytearray(data)
        flipped[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(flipped)
        with cw.measure() as made, contextlib.suppress(cw.CogweaveError):
            cw.search(path)
        assert made["requests"] == 0


def test_row_29_a_million_columns_are_too_many_or_few_enough(tmp_path: Path) -> None:
    wide = table("/a.tif")
    for number in range(3000):
        wide = wide.append_column(f"c{number}", pa.array([number]))
    with cw.measure() as made:
        assert len(cw.search(parquet(tmp_path / "wide.parquet", wide))) == 1
    assert made["requests"] == 0


@pytest.mark.parametrize(
    ("href", "cls", "reason", "item"),
    [
        (None, cw.InvalidArgument, "UnknownBand", None),  # no item has a file at all
        ("", cw.InvalidArgument, "UnknownBand", None),
        ("http://127.0.0.1/a\nb.tif", cw.SearchError, "ItemError", "one"),
        ("http://127.0.0.1/\0.tif", cw.SearchError, "ItemError", "one"),
        ("/vsicurl/http://x/a.tif", cw.SearchError, "ItemError", "one"),
    ],
)
def test_row_30_hrefs_that_name_no_file(
    href: str | None, cls: type[cw.CogweaveError], reason: str, item: str | None
) -> None:
    with cw.measure() as made, pytest.raises(cls) as caught:
        cw.open(pa.concat_tables([table("x").slice(1), table(href)], promote_options="permissive"), grid=GRID).load()
    assert (caught.value.reason, caught.value.item_id) == (reason, item)
    assert made["requests"] == 0


def test_row_30_an_href_of_a_megabyte(server: FaultServer) -> None:
    with cw.measure() as made, pytest.raises(cw.SearchError) as caught:
        cw.open(table(server.url + "/" + "a" * (1 << 20)), grid=GRID).load()
    assert (caught.value.reason, caught.value.item_id) == ("ItemError", "one")
    assert len(str(caught.value)) < 10_000
    assert made["requests"] == 0


def test_row_30_items_that_lack_things(server: FaultServer) -> None:
    href = put(server, tiffs.classic(tiffs.tile()))
    one = table(href)
    null = one.set_column(one.schema.get_field_index("geometry"), "geometry", pa.array([None], pa.binary()))
    np.testing.assert_array_equal(cw.open(null, grid=GRID).values, 1)
    twice = pa.concat_tables([one, one])
    np.testing.assert_array_equal(cw.open(twice, grid=GRID).values, 1)
    assert server.ranges() == [FIRST]  # no time at all: below


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (None, pa.timestamp("us", "UTC"), "neither datetime nor start_datetime"),
        ("yesterday", pa.string(), "yesterday"),
        (5, pa.int64(), "5 is int64, neither time nor text"),
        ("0000-01-01T00:00:00Z", pa.string(), "0000-01-01T00:00:00Z lies outside the years 1678 to 2261"),
        ("1677-12-31T23:59:59.999999Z", pa.string(), "1677-12-31T23:59:59.999999Z lies outside the years"),
        ("2262-01-01", pa.string(), "2262-01-01T00:00:00Z lies outside the years"),
        ("9999-12-31T23:59:59Z", pa.string(), "9999-12-31T23:59:59Z lies outside the years"),
        (-(2**63), pa.timestamp("us", "UTC"), "outside the years"),
        (2**63 - 1, pa.timestamp("us", "UTC"), "outside the years"),
        (2**63 - 1, pa.timestamp("s", "UTC"), "Timestamp"),
    ],
    ids=str,
)
@pytest.mark.parametrize("period", ["P1D", "P1M", None])
def test_row_30_datetimes_that_cannot_be_meant(
    server: FaultServer, value: object, kind: pa.DataType, told: str, period: str | None
) -> None:
    one = table(put(server, tiffs.classic(tiffs.tile())))
    at = one.schema.get_field_index("datetime")
    number = pa.array([value], pa.int64()).cast(kind) if isinstance(value, int) else pa.array([value], kind)
    with pytest.raises(cw.SearchError, match=told) as caught:
        cw.open(one.set_column(at, "datetime", number), grid=GRID, time_period=period)
    if told != "Timestamp":  # DuckDB's word on the whole column
        assert (caught.value.item_id, caught.value.reason) == ("one", "ItemError")
    # The header, where the catalog can be read; no pixel is read for a time that means nothing.
    unreadable = told in ("yesterday", "5 is int64, neither time nor text", "Timestamp")
    assert server.ranges() == ([] if unreadable else [FIRST])


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        ("2025-05-01T12:00:00+02:00", pa.string(), "2025-05-01T10:00:00"),
        (2**62, pa.timestamp("ns", "UTC"), "2116-02-20T23:53:38.427387"),
        (-(10**9), pa.timestamp("s", "UTC"), "1938-04-24T22:13:20"),
    ],
    ids=str,
)
def test_row_30_datetimes_of_many_kinds(server: FaultServer, value: object, kind: pa.DataType, told: str) -> None:
    one = table(put(server, tiffs.classic(tiffs.tile())))
    at = one.schema.get_field_index("datetime")
    number = pa.array([value], pa.int64()).cast(kind) if isinstance(value, int) else pa.array([value], kind)
    da = cw.open(one.set_column(at, "datetime", number), grid=GRID, time_period=None)
    assert da.time.values.tolist() == [np.datetime64(told, "ns").astype(int)]
    np.testing.assert_array_equal(da.values, 1)
    assert server.ranges() == [FIRST]


def placed(server: FaultServer, epsg: int, x: float, y: float, value: int) -> str:
    """A file of 64 x 64 cells of 10 m, or of 1e-4 degrees, all of one value."""
    step = 10.0 if epsg > 5000 else 1e-4
    model, key = (1, 3072) if epsg > 5000 else (2, 2048)
    tags = tiffs.replaced(
        tiffs.tile(),
        (33550, tiffs.DOUBLE, [step, step, 0.0]),
        (33922, tiffs.DOUBLE, [0.0, 0.0, 0.0, x, y, 0.0]),
        (34735, tiffs.SHORT, [1, 1, 0, 2, 1024, 0, 1, model, key, 0, 1, epsg]),
    )
    data = tiffs.classic(tags)
    return put(server, data[:4096] + bytes([value]) * 4096)


def test_row_31_across_the_antimeridian(server: FaultServer) -> None:
    """A scene of zone 1 just east of 180 degrees, on a grid of zone 60 that reaches across: where rasterio puts it."""
    href = placed(server, 32601, 166_100, 5_000, 7)
    ring = [[179.9, -0.1], [180.1, -0.1], [180.1, 0.2], [179.9, 0.2], [179.9, -0.1]]
    catalog = table(href, geometry={"type": "Polygon", "coordinates": [ring]}, bbox=[-180.0, -1.0, 180.0, 1.0])
    grid = cw.Grid("EPSG:32660", (10, 0, 833_000, 0, -10, 6_000), (200, 200))
    got = cw.open(catalog, grid=grid).values[0, 0]
    source = np.full((64, 64), 7, np.uint8)
    want = np.zeros((200, 200), np.uint8)
    rasterio.warp.reproject(
        source,
        want,
        src_transform=Affine(10, 0, 166_100, 0, -10, 5_000),
        src_crs="EPSG:32601",
        dst_transform=Affine(10, 0, 833_000, 0, -10, 6_000),
        dst_crs="EPSG:32660",
    )
    assert (want == 7).sum() > 1000
    assert (got != want).mean() < 0.005
    assert server.ranges() == [FIRST]


def test_row_31_crs_and_types_of_many_kinds_in_one_step(server: FaultServer) -> None:
    """Two files of different CRS meet on one grid; each lies where it says."""
    hrefs = placed(server, 32632, 500_000, 5_000_000, 3), placed(server, 4326, 9.0082, 45.1537, 5)
    left, right = map(table, hrefs)  # the second about 640 m to the east
    both = pa.concat_tables([left, right.set_column(right.schema.get_field_index("id"), "id", pa.array(["two"]))])
    grid = cw.Grid("EPSG:32632", (10, 0, 500_000, 0, -10, 5_000_000), (64, 128))
    got = cw.open(both, grid=grid).values[0, 0]
    assert (got[:, :64] == 3).all()
    assert set(np.unique(got[:, 64:])) <= {0, 5} and (got == 5).sum() > 1000
    assert sorted((request.path, request.start, request.end) for request in server.requests) == sorted(
        (href.removeprefix(server.url), *FIRST) for href in hrefs
    )
