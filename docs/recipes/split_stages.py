"""The network on the event loop, the processor in a pool of your own.

    python docs/recipes/split_stages.py items.parquet MINX MINY MAXX MAXY CRS RESOLUTION

`read` does both and pipelines them. Splitting is for programs that have a place for each: here, at
most two dates' compressed tiles are held at a time, and pixels are made in a pool of the caller's,
which may as well be shared with other work. `mosaic` makes no request, `fetch` decodes nothing.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import cogweave as cw
import numpy as np


async def composite(plan: cw.Plan, pool: ThreadPoolExecutor, ahead: int = 2) -> np.ndarray:
    """Give the brightest value of each band and cell over all dates."""
    loop = asyncio.get_running_loop()
    held = asyncio.Semaphore(ahead)

    async def date(index: int) -> np.ndarray:
        step = plan[:, index]  # a window of the plan: no search, no request
        async with held:
            tiles = await cw.fetch_async(step)
            return await loop.run_in_executor(pool, cw.mosaic, step, tiles)

    async with asyncio.TaskGroup() as group:  # a date that fails cancels the others
        dates = [group.create_task(date(index)) for index in range(plan.shape[1])]
    return np.concatenate([task.result() for task in dates], axis=1).max(axis=1)


async def main(catalog: str, bbox: tuple[float, ...], crs: str, resolution: float) -> None:
    """Search, plan, read and print a sum for each band."""
    items = await cw.search_async(catalog)
    bands = ["B02", "B03"]
    headers = await cw.headers_async(items, bands)  # network; can be kept as Arrow
    grid = cw.Grid.from_bbox(bbox, crs, resolution)
    plan = await cw.plan_async(items, grid, bands=bands, headers=headers)  # no I/O, since headers are given
    with ThreadPoolExecutor(2) as pool:
        brightest = await composite(plan, pool)
    for name, band in zip(bands, brightest, strict=True):
        print(name, band.shape, int(band.sum(dtype="int64")))


if __name__ == "__main__":
    catalog, *box, crs, resolution = sys.argv[1:8]
    asyncio.run(main(catalog, tuple(map(float, box)), crs, float(resolution)))
