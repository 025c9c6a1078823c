"""The headers of 120 files, at equal concurrency: cogweave beside async-tiff, with 30 ms and without latency."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import archive
from benchmarks.harness import Goal, Site, Step, Workload

IN_FLIGHT = 32


def workloads(site: Site) -> Iterator[Workload]:
    """One workload; each step reads files that none before has read, under the names of one zone's dates."""
    near, far = archive.ZONES
    yield Workload(
        "headers-120", "headers of 120 files",
        [Step("30 ms", _request(site, near), "run", 30), Step("0 ms", _request(site, far), "run", 0)],
        {"cogweave": "benchmarks.tools.headers:cogweave", "async-tiff": "benchmarks.tools.headers:async_tiff"},
        Goal(1.3, "30 ms"), what="numbers",
        notes=f"{IN_FLIGHT} requests in flight for both; cogweave also checks and keeps what it reads.",
    )  # fmt: skip


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
