"""The recipes of docs/concurrency.md, run as a reader would run them."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cogweave as cw
import numpy as np
import pytest

from tests.conftest import Archive
from tests.scripts import ROOT

CRS, RESOLUTION = "EPSG:32632", 20.0


@pytest.fixture
def pixels(arc: Archive) -> Any:
    """Both bands of every date on the recipes' grid."""
    return cw.open(arc.remote, bbox=box(arc), crs=CRS, resolution=RESOLUTION, bands=["B02", "B03"]).load()


def box(arc: Archive) -> tuple[float, float, float, float]:
    return arc.utm_grid((300, 300), RESOLUTION).bbox


def command(name: str, arc: Archive, *more: object) -> list[str]:
    where = [arc.remote, *box(arc), CRS, RESOLUTION, *more]
    return [sys.executable, str(ROOT / "docs" / "recipes" / f"{name}.py"), *map(str, where)]


def printed(name: str, arc: Archive) -> list[list[str]]:
    done = subprocess.run(command(name, arc), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def test_split_stages(arc: Archive, pixels: Any) -> None:
    brightest = pixels.values.max(axis=1)
    want = [
        [name, "(300,", "300)", str(band.sum(dtype="int64"))]
        for name, band in zip(("B02", "B03"), brightest, strict=True)
    ]
    assert printed("split_stages", arc) == want


def test_with_dask(arc: Archive, pixels: Any) -> None:
    pytest.importorskip("distributed")
    want = str(int(np.median(pixels.values, axis=1).sum()))
    lines = printed("with_dask", arc)
    assert [(line[0], line[1]) for line in lines] == [("threads", want), ("awaited", want), ("processes", want)]
    assert lines[0][2] == "4", "four chunks of 300 x 300 cells: four operations"


def until(condition: Callable[[], bool], seconds: float = 15) -> bool:
    """Less than the server's latency: what it waits for happens because of a cancel, not of an answer."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@contextmanager
def service(arc: Archive) -> Iterator[http.client.HTTPConnection]:
    process = subprocess.Popen(command("web_service", arc, 0), stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        assert process.stdout is not None
        url = urllib.parse.urlsplit(process.stdout.readline().strip())
        yield http.client.HTTPConnection(url.netloc, timeout=60)
    finally:
        process.terminate()
        process.communicate()


def test_web_service(arc: Archive, pixels: Any) -> None:
    pytest.importorskip("tornado")
    minx, miny, maxx, maxy = box(arc)
    query = urllib.parse.urlencode({"minx": minx, "miny": miny + 2000, "maxx": maxx - 2000, "maxy": maxy})
    part = pixels.isel(y=slice(0, 200), x=slice(0, 200))
    valid = part.where(part != part.attrs["_FillValue"])
    with service(arc) as connection:
        connection.request("GET", f"/mean?{query}")
        answer = json.loads(connection.getresponse().read())
    assert answer == pytest.approx({band: float(valid.sel(band=band).mean()) for band in ("B02", "B03")})


def test_web_service_drops_the_work_of_a_client_that_leaves(arc: Archive) -> None:
    pytest.importorskip("tornado")
    minx, miny, maxx, maxy = box(arc)
    query = urllib.parse.urlencode({"minx": minx, "miny": miny, "maxx": maxx, "maxy": maxy})
    with service(arc) as connection:
        arc.server.reset(latency="20s")
        connection.request("GET", f"/mean?{query}")
        assert until(lambda: arc.server.stats().in_flight > 0)
        connection.close()
        assert until(lambda: arc.server.stats().in_flight == 0)
        counters = arc.server.stats()
    arc.server.reset(latency="0s")
    assert counters.aborted == counters.requests > 0
