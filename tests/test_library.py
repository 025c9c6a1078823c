"""The shared libraries load where they must: small TLS, few symbols, nothing at import."""

from __future__ import annotations

import importlib.metadata
import itertools
import subprocess
import sys
from pathlib import Path

import cogweave as cw
import pytest

PACKAGE = Path(cw.__file__).parent
ENGINE = PACKAGE / "libcogweave.so"
DUCKDB = PACKAGE / "libduckdb-cw.so"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_licences_of_all_that_is_linked_come_along() -> None:
    told = subprocess.run(["go", "version", "-m", ENGINE], capture_output=True, text=True, check=True).stdout
    modules = [line.split()[1:3] for line in told.splitlines() if line.split()[:1] == ["dep"]]
    assert len(modules) > 40
    licences = (PACKAGE / "THIRD_PARTY_LICENSES").read_text()
    headings = [line for line in licences.splitlines() if line.startswith("==== ")]
    for name, version in modules:
        assert any(f"==== {name}@{version}/" in line for line in headings), name
    assert "==== go/LICENSE" in headings
    assert "Stichting DuckDB Foundation" in licences and "Apache License" in licences


def test_thread_local_storage_fits_the_static_block() -> None:
    """dlopen of a c-shared Go library fails when its TLS block exceeds what glibc has spare."""
    headers = subprocess.run(["readelf", "-lW", ENGINE], capture_output=True, text=True, check=True).stdout
    sizes = [int(line.split()[5], 16) for line in headers.splitlines() if line.split()[:1] == ["TLS"]]
    assert len(sizes) == 1 and sizes[0] <= 64


@pytest.mark.parametrize(("library", "prefix"), [(ENGINE, "cw_"), (DUCKDB, "duckdb_")], ids=["engine", "duckdb"])
def test_only_our_own_symbols_are_exported(library: Path, prefix: str) -> None:
    table = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    symbols = [line.split() for line in table.splitlines()]
    assert len(symbols) > 10
    assert [s for s in symbols if not s[-1].startswith(prefix)] == []
    assert [s for s in symbols if s[-2] == "u"] == [], "unique symbols are shared by every copy in the process"


def test_every_function_of_the_header_is_exported() -> None:
    header = (PACKAGE.parents[1] / "capi" / "include" / "cogweave.h").read_text()
    words = header.replace("*", " ").replace("(", " (").split()
    declared = {w for w, following in itertools.pairwise(words) if w.startswith("cw_") and following.startswith("(")}
    table = subprocess.run(["nm", "-D", "--defined-only", ENGINE], capture_output=True, text=True, check=True).stdout
    exported = {line.split()[-1] for line in table.splitlines()}
    assert len(declared) > 20
    assert declared - exported == set()


def test_import_loads_no_library_and_starts_no_thread() -> None:
    report = run(
        "import cogweave, threading\n"
        "maps = open('/proc/self/maps').read()\n"
        "print('libcogweave' in maps, 'libduckdb' in maps, threading.active_count())\n"
        "cogweave.stats()\n"
        "print('libcogweave' in open('/proc/self/maps').read())"
    )
    assert report.split() == ["False", "False", "1", "True"]


def test_import_brings_little_beyond_numpy_and_xarray() -> None:
    report = run(
        "import sys, time, numpy, xarray\n"
        "before = set(sys.modules)\n"
        "start = time.perf_counter()\n"
        "import cogweave\n"
        "print(time.perf_counter() - start)\n"
        "print(' '.join(sorted(set(sys.modules) - before)))"
    )
    seconds, modules = report.splitlines()[0], set(report.splitlines()[1].split())
    heavy = {"pyarrow", "rasterio", "dask", "polars", "duckdb", "pyproj", "matplotlib", "shapely", "geopandas", "odc"}
    assert {m.split(".")[0] for m in modules} & heavy == set()
    assert len(modules) < 120
    assert float(seconds) < 1.5  # the budget is 0.15 s; a busy machine is allowed ten times that


def test_versions_are_told() -> None:
    # Releasing sets three: see CONTRIBUTING.md.
    assert cw.__version__ == cw.versions()["cogweave"] == importlib.metadata.version("cogweave")
