"""The headers of 120 files, at equal concurrency: cogweave beside async-tiff, with 30 ms and without latency."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import archive, floor
from benchmarks.harness import Goal, Site, Step, Workload

IN_FLIGHT = 32


def workloads(site: Site) -> Iterator[Workload]:
    """One workload; each step reads files that none before has read, under the names of one zone's dates."""
    near, far = archive.ZONES
    yield Workload(
        "headers-120", "headers of 120 files",
        [_step(site, near, 30), _step(site, far, 0)],
        {"cogweave": "benchmarks.tools.headers:cogweave", "async-tiff": "benchmarks.tools.headers:async_tiff"},
        Goal(1.3, "30 ms"), what="numbers",
        notes=f"{IN_FLIGHT} requests in flight for both; cogweave also checks and keeps what it reads.",
    )  # fmt: skip


def _step(site: Site, zone: int, latency: int) -> Step:
    request = _request(site, zone)
    urls = [request["server"] + "/" + path for path in request["paths"]]
    return Step(f"{latency} ms", request, "run", latency, floor=lambda: floor.headers(urls, IN_FLIGHT))


def _request(site: Site, zone: int) -> dict[str, Any]:
    items = [item for item in site.archive.items if item["properties"]["proj:code"] == f"EPSG:326{zone}"]
    paths = [item["assets"][band]["href"] for item in items for band in archive.BANDS]
    return {
        "catalog": str(site.catalog),
        "ids": [item["id"] for item in items],
        "bands": list(archive.BANDS),
        "server": site.server.url,
        "paths": [Path(path).as_posix() for path in paths],
        "in_flight": IN_FLIGHT,
    }
