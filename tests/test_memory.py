"""A read's memory beside its result: a few tiles, whatever the size of what is read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from tests.scripts import succeed

SIDE = 4096

MEASURE = """
import json, sys
import cogweave as cw

def of(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":")) << 10

cw.configure(threads=2, tile_cache=0)
da = cw.open_item(sys.argv[1])
da[:, :600, :600].load()
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # forget the peak
before = of("VmRSS")
data = da.load().values
beside = of("VmHWM") - before - data.nbytes
print(json.dumps({"beside": beside, "held": cw.stats()["memory"] - data.nbytes, "sum": int(data.sum())}))
"""


def test_memory_beside_the_result(tmp_path: Path) -> None:
    """32 MB in 64 tiles, which the file holds in 1 MB; the slack is for allocators and the collector."""
    path = tmp_path / "large.tif"
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    data = (x // 3 + y + x * y % 7).astype("uint16")
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=SIDE, width=SIDE, dtype="uint16", crs="EPSG:32632", tiled=True,
        blockxsize=512, blockysize=512, compress="deflate", predictor=2, zlevel=1,
        transform=Affine(10, 0, 500000, 0, -10, 5000000),
    ) as out:  # fmt: skip
        out.write(data, 1)
    told = json.loads(succeed(MEASURE, path))
    assert told["sum"] == int(data.sum())
    assert told["held"] < 1 << 20  # headers
    assert told["beside"] < path.stat().st_size + (48 << 20), told
