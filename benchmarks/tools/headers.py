"""How cogweave and async-tiff read the headers of many files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


def cogweave(request: dict[str, Any]) -> Callable[[], Any]:
    """All headers of the items found, parsed into one table."""
    import cogweave as cw

    cw.configure(cache_dir="", max_requests=request["in_flight"], max_requests_per_host=request["in_flight"])
    items = cw.search(request["catalog"], ids=request["ids"])

    def run() -> Any:
        headers = cw.headers(items, request["bands"])
        return None, {"files": float(len(headers))}

    return run


def async_tiff(request: dict[str, Any]) -> Callable[[], Any]:
    """A TIFF opened for each path, so many at a time."""
    from async_tiff import TIFF
    from async_tiff.store import HTTPStore

    store = HTTPStore.from_url(request["server"], client_options={"allow_http": True})

    async def read() -> int:
        free = asyncio.Semaphore(request["in_flight"])

        async def one(path: str) -> Any:
            async with free:
                return await TIFF.open(path, store=store)

        return len(await asyncio.gather(*map(one, request["paths"])))

    return lambda: (None, {"files": float(asyncio.run(read()))})
