"""Awaiting several loads at once, the same way for every library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import measures


def gathered(loads: Sequence[Callable[[], Any]]) -> tuple[Any, dict[str, float]]:
    """Awaits all loads at once; gives their arrays, and the gaps of a 1 ms ticker beside them, in ms."""
    ticker = measures.Ticker()

    async def main() -> list[Any]:
        async with ticker.running():
            return await asyncio.gather(*(load() for load in loads))

    loaded = asyncio.run(main())
    gaps = ticker.summary()
    return np.stack([np.asarray(one) for one in loaded]), {"gap": gaps["largest"], "gap p99": gaps["p99"]}
