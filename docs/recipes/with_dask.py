"""dask: a graph over chunks, in threads or in processes.

    python docs/recipes/with_dask.py items.parquet MINX MINY MAXX MAXY CRS RESOLUTION

Each chunk is one operation of the engine; however many threads dask has, together they stay within
the process's limits. A loaded engine does not survive a fork: `distributed` spawns its workers, and
every worker has limits of its own.
"""

import asyncio
import sys

import cogweave as cw
import xarray as xr
from dask.distributed import Client, LocalCluster


def median_of(catalog: str, bbox: tuple[float, ...], crs: str, resolution: float) -> xr.DataArray:
    """Give the median over time of every band as a graph; nothing is read yet."""
    array = cw.open(
        catalog,
        bbox=bbox,
        crs=crs,
        resolution=resolution,
        bands=["B02", "B03"],
        chunks={"time": -1, "y": 256, "x": 256},  # all dates of a place together: no rechunking for the median
    )
    return array.median("time")


def limit() -> None:
    """Limit a worker process: two of them share the machine and the store."""
    cw.configure(threads=1, max_requests=32)


async def inside_a_loop(graph: xr.DataArray) -> xr.DataArray:
    """Compute in a thread: load_async of a dask-backed array would hold up the loop."""
    return await asyncio.to_thread(graph.compute)


def main(catalog: str, bbox: tuple[float, ...], crs: str, resolution: float) -> None:
    """Compute the same graph in threads, from within a loop, and in processes."""
    graph = median_of(catalog, bbox, crs, resolution)
    with cw.measure() as spent:
        threads = graph.compute(scheduler="threads", num_workers=16)
    print("threads", int(threads.sum()), f"{spent['native_calls']:.0f} operations")

    awaited = asyncio.run(inside_a_loop(graph))
    print("awaited", int(awaited.sum()))

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.run(limit)
        processes = graph.compute()
    print("processes", int(processes.sum()))


if __name__ == "__main__":  # spawned workers import this file
    catalog, *box, crs, resolution = sys.argv[1:8]
    main(catalog, tuple(map(float, box)), crs, float(resolution))
