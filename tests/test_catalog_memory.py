"""What an array of very many items holds once it is open: less than a few hundred bytes an item."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from tests.scripts import succeed

COUNT = 200_000

MEASURE = """
import json, sys, time
import cogweave as cw

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) << 10

request = dict(crs=4326, resolution=0.01, bands=["B04"])
cw.open(sys.argv[1], bbox=(0, 0, 0.1, 0.1), datetime="2020-01-01", **request)
before, until = resident(), time.monotonic() + 20
array = cw.open(sys.argv[1], bbox=(-1, -1, 41, 11), **request)
grown = resident() - before
while grown > 350 * int(sys.argv[2]) and time.monotonic() < until:  # memory is given back in the background
    time.sleep(0.2)
    grown = resident() - before
print(json.dumps({"grown": grown, "times": array.sizes["time"], "items": len(array.cogweave.items)}))
"""


def test_items_in_memory(tmp_path: Path) -> None:
    catalog = tmp_path / "items.parquet"
    asset = "'href': 'https://example.com/' || md5(i::VARCHAR) || '.tif', 'type': 'image/tiff; application=geotiff'"
    place = "'proj:transform': [10.0, 0, 500000 + i % 400 * 10, 0, -10, 5000000], 'proj:shape': [1000, 1000]"
    bands = "'raster:bands': [{'nodata': 0, 'data_type': 'uint16'}], 'roles': ['data']"
    duckdb.execute(
        f"COPY (SELECT md5(i::VARCHAR) AS id, 'c' AS collection, 32631 AS \"proj:epsg\", "
        f"make_timestamp(1577836800000000 + i // 400 * 86400000000)::TIMESTAMPTZ AS datetime, "
        f"{{'xmin': i % 40 / 1.0, 'ymin': i % 10 / 1.0, 'xmax': i % 40 + 1.0, 'ymax': i % 10 + 1.0}} AS bbox, "
        f"{{'B04': {{{asset}, {place}, {bands}}}}} AS assets FROM range({COUNT}) r(i)) TO '{catalog}' (FORMAT parquet)"
    )
    told = json.loads(succeed(MEASURE, catalog, COUNT))
    assert told["times"] == COUNT // 400
    assert told["items"] == COUNT  # whose rows were never kept, and are read again
    assert told["grown"] < 350 * COUNT
