"""Headers are kept on disk for other processes: a second one asks for none, and no secret is kept.

Most cases run in this process, with nothing kept in memory: all then comes from the folder or the network.
"""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow.parquet as pq
import pytest
from affine import Affine

from tests import archive, items, scripts
from tests.conftest import Archive
from tests.servers import RangeServer

READ = """
    import hashlib, os, resource, sys
    import cogweave as cw
    if os.environ.get("FULL"):  # every write to a file fails, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    grid = cw.Grid("EPSG:32632", eval(sys.argv[2]), (200, 200))
    pixels = cw.read(cw.plan(cw.search(sys.argv[1]), grid, bands=["B04", "SCL"]))
    print(hashlib.sha256(pixels.tobytes()).hexdigest())
"""


class Reader:
    """Reads one window of the archive, here or in processes of their own, with one cache folder."""

    def __init__(self, arc: Archive, home: Path) -> None:
        self.arc = arc
        self.home = home
        self.grid = arc.utm_grid((200, 200), 10)

    @property
    def folder(self) -> Path:
        return self.home / "cogweave"

    def there(self, **env: str) -> tuple[str, str]:
        """The digest of the pixels that a new process has read, and what it said on standard error."""
        settings = {"XDG_CACHE_HOME": str(self.home), **env}
        done = scripts.run(READ, self.arc.remote, tuple(self.grid.transform)[:6], env=settings)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip(), done.stderr

    def here(self) -> str:
        """The digest of the pixels as this process reads them."""
        pixels = cw.read(cw.plan(cw.search(self.arc.remote), self.grid, bands=["B04", "SCL"]))
        cw.cancel_all()  # waits for what is to be written
        return hashlib.sha256(pixels.tobytes()).hexdigest()

    def headers(self) -> int:
        """The requests for headers since the last call; a file's first bytes are asked for by nothing else."""
        asked = sum(request["range"].startswith("bytes=0-") for request in self.arc.server.requests())
        self.arc.server.reset()
        return asked

    def entries(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def nothing_in_memory() -> Iterator[None]:
    before = cw.configure()
    cw.configure(header_cache=0, tile_cache=0)
    yield
    cw.configure(**{name: before[name] for name in ("header_cache", "tile_cache", "cache_dir")})


@pytest.fixture
def reader(arc: Archive, tmp_path: Path) -> Reader:
    return Reader(arc, tmp_path / "home")


def test_a_second_process_asks_for_no_header(reader: Reader) -> None:
    """Four processes fill one folder at once; the fifth finds all it needs, in the user's cache folder."""
    cw.configure(cache_dir="")
    want = reader.here()
    asked = reader.headers()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: reader.there(), range(4))) == [(want, "")] * 4
    assert len(reader.entries()) == asked > 0
    reader.headers()
    assert reader.there() == (want, "")
    assert len(reader.arc.server.requests()) > 0
    assert reader.headers() == 0


def test_a_full_disk_costs_one_warning(reader: Reader) -> None:
    got, said = reader.there(FULL="yes")
    assert said.count("UserWarning") == 1 and "no more headers are kept" in said and str(reader.home) in said
    cw.configure(cache_dir="")
    assert got == reader.here()


def test_damaged_entries_are_read_again(reader: Reader) -> None:
    cw.configure(cache_dir=reader.folder)
    want = reader.here()
    asked = reader.headers()
    for number, path in enumerate(reader.entries()):
        data = bytearray(path.read_bytes())
        data[(number * 997) % len(data)] ^= 1
        path.write_bytes(data if number % 2 else data[: len(data) // 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reader.here() == want
        assert reader.headers() == asked
        assert reader.here() == want
        assert reader.headers() == 0


def blocked_by_a_file(reader: Reader) -> None:
    reader.home.mkdir()
    reader.folder.write_text("not a folder")


def of_another_user(reader: Reader) -> None:
    path = reader.folder / "headers-1"
    path.mkdir(parents=True)
    try:
        os.chown(path, 12345, 12345)
    except PermissionError:
        pytest.skip("the folder of another user is not tested: only root can make one")


def open_to_others(reader: Reader) -> None:
    path = reader.folder / "headers-1"
    path.mkdir(parents=True)
    path.chmod(0o777)


@pytest.mark.parametrize("spoil", [blocked_by_a_file, of_another_user, open_to_others])
def test_a_folder_that_cannot_be_used_costs_one_warning(reader: Reader, spoil: Callable[[Reader], None]) -> None:
    cw.configure(cache_dir="")
    want = reader.here()
    spoil(reader)
    cw.configure(cache_dir=reader.folder)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert [reader.here(), reader.here()] == [want, want]
    told = [str(warning.message) for warning in caught if "headers are not kept" in str(warning.message)]
    assert len(told) == 1 and str(reader.folder) in told[0]


@pytest.fixture
def replaceable(tmp_path: Path) -> Iterator[tuple[Callable[[int], Path], RangeServer]]:
    """A server over one COG of 300 x 300 pixels, and what replaces it by one with greater values."""
    folder = tmp_path / "files"
    folder.mkdir()

    def put(value: int) -> Path:
        rng = np.random.default_rng(7)  # the same noise, stored as it is: files of equal size
        pixels = (rng.integers(0, 1000, (300, 300)) + value).astype(np.uint16)
        plain: dict[str, Any] = {"compress": "none", "predictor": None, "level": None}
        archive.write_cog(folder / "new.tif", pixels, 32632, Affine(10, 0, 500000, 0, -10, 5000000), 128, **plain)
        os.replace(folder / "new.tif", folder / "a.tif")
        return folder / "a.tif"

    with RangeServer(folder) as server:
        yield put, server


@pytest.mark.parametrize("errors", ["raise", "ignore"])
def test_a_replaced_file_is_noticed_and_read_once_more(replaceable: Any, tmp_path: Path, errors: str) -> None:
    put, server = replaceable
    path = put(1)
    size = path.stat().st_size
    catalog = tmp_path / "items.parquet"
    pq.write_table(items.of_file(path, server.href(path) + "?sig=SECRET&version=3"), catalog)
    cw.configure(cache_dir=tmp_path / "mine")
    grid = cw.Grid("EPSG:32632", (10, 0, 500000, 0, -10, 5000000), (300, 300))
    first = cw.open(catalog, grid=grid, errors=errors).load()
    put(2001)
    assert path.stat().st_size == size
    server.reset()
    second = cw.open(catalog, grid=grid, errors=errors).load()
    np.testing.assert_array_equal(second, first + 2000)
    requests = server.requests()
    assert Counter(request["status"] for request in requests)[412] >= 1
    assert sum(request["range"].startswith("bytes=0-") for request in requests) == 1


def test_nothing_of_an_href_is_kept_and_nobody_else_may_read(replaceable: Any, tmp_path: Path) -> None:
    put, server = replaceable
    path = put(1)
    cw.configure(cache_dir=tmp_path / "mine")
    cw.headers(items.of_file(path, server.href(path) + "?sig=SECRET&X-Amz-Signature=SECRET&unknown=SECRET"))
    cw.cancel_all()
    kept = list((tmp_path / "mine").rglob("*"))
    assert any(entry.is_file() for entry in kept)
    for entry in kept:
        assert stat.S_IMODE(entry.stat().st_mode) == (0o700 if entry.is_dir() else 0o600)
        written = entry.name.encode() + (b"" if entry.is_dir() else entry.read_bytes())
        for secret in b"SECRET", b"127.0.0.1", b"a.tif":
            assert secret not in written


def test_the_signature_is_no_part_of_the_key(replaceable: Any, tmp_path: Path) -> None:
    put, server = replaceable
    path = put(1)
    cw.configure(cache_dir=tmp_path / "mine")
    for query in "sig=1&se=2025", "sig=2&se=2026":
        cw.headers(items.of_file(path, f"{server.href(path)}?{query}"))
        cw.cancel_all()
    assert server.stats().requests == 1
    cw.headers(items.of_file(path, f"{server.href(path)}?sig=2&version=2"))
    assert server.stats().requests == 2


def test_the_folder_is_bounded(replaceable: Any, tmp_path: Path) -> None:
    put, server = replaceable
    path = put(1)
    cw.configure(cache_dir=tmp_path / "mine", cache_size=40_000)
    try:
        for number in range(60):
            cw.headers(items.of_file(path, f"{server.href(path)}?version={number}"))
            cw.cancel_all()
        left = [entry for entry in (tmp_path / "mine").rglob("*") if entry.is_file()]
        assert 1 <= len(left) <= 20
    finally:
        cw.configure(cache_size="256 MiB")
