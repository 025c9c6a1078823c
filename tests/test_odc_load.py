"""`compat.odc_load` and odc-stac on the archive of demo and notebooks: equal in the files' CRS, and exact across zones.

In the files' own CRS both give the same, pixel for pixel. Across zones GDAL, which odc-stac warps with,
interpolates positions between a window's corners to an eighth of a pixel. There the exact transform of every
cell's centre is the judge: cogweave must agree with it in every cell, and so be right wherever the two differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cogweave as cw
import numpy as np
import numpy.typing as npt
import pystac
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from tests import archive
from tests.servers import ROOT

odc_stac = pytest.importorskip("odc.stac")

BANDS = ["B04", "SCL"]
# The engine interpolates coordinates to 2e-5 of a pixel: closer to an edge than that, either pixel is right.
UNDECIDED = 2e-5


@pytest.fixture(scope="module")
def items() -> list[pystac.Item]:
    folder = ROOT / ".demo"  # of `make demo` and the notebooks; made once, as it takes a while
    made = archive.make(folder, archive.DEMO)
    for item in made:
        for asset in item["assets"].values():
            asset["href"] = str(folder / asset["href"])
    return [pystac.Item.from_dict(item) for item in made]


def _zone(item: pystac.Item) -> str:
    return str(item.properties["proj:code"])


@pytest.mark.parametrize("zone", ["EPSG:32632", "EPSG:32633"])
@pytest.mark.parametrize("resolution", [10, 40])
def test_every_pixel_of_a_zone_is_that_of_odc_stac(items: list[pystac.Item], zone: str, resolution: int) -> None:
    of_zone = [item for item in items if _zone(item) == zone]
    call: dict[str, Any] = {"groupby": "solar_day", "crs": zone, "resolution": resolution}
    theirs = odc_stac.load(of_zone, BANDS, **call)
    ours = cw.compat.odc_load(of_zone, BANDS, **call)
    assert dict(ours.sizes) == dict(theirs.sizes) and ours.sizes["time"] == 6
    for band in BANDS:
        np.testing.assert_array_equal(ours[band].values, theirs[band].values)


@dataclass
class Exact:
    """The pixels of both zones on a grid, each cell's centre transformed by itself."""

    box: GeoBox
    items: list[pystac.Item]

    def steps(self, band: str) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]]:
        """Give, for each day, the pixels and where they are beyond doubt."""
        cols, rows = np.meshgrid(np.arange(self.box.shape[1]) + 0.5, np.arange(self.box.shape[0]) + 0.5)
        a = self.box.affine
        centres = a.c + a.a * cols, a.f + a.e * rows
        places = {
            zone: Transformer.from_crs(str(self.box.crs), zone, always_xy=True).transform(*centres)
            for zone in {_zone(item) for item in self.items}
        }
        for day in sorted({item.datetime.date() for item in self.items if item.datetime}):
            out = np.zeros(self.box.shape, int)
            sure = np.ones(self.box.shape, bool)
            for item in sorted(self.items, key=lambda one: one.properties["datetime"]):
                if item.datetime and item.datetime.date() == day:
                    pixels, decided = _at(item.assets[band].href, *places[_zone(item)])
                    sure &= decided | (out != 0)
                    out = np.where(out == 0, pixels, out)
            yield out, sure


def _at(
    path: str, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Give a file's pixels at places in its CRS, 0 outside, and which of them lie clear of an edge."""
    with rasterio.open(path) as src:
        data, t = src.read(1), src.transform
    col, row = (x - t.c) / t.a, (y - t.f) / t.e
    decided = (np.abs(col - np.rint(col)) > UNDECIDED) & (np.abs(row - np.rint(row)) > UNDECIDED)
    c, r = np.floor(col).astype(int), np.floor(row).astype(int)
    inside = (c >= 0) & (c < data.shape[1]) & (r >= 0) & (r < data.shape[0])
    return np.where(inside, data[np.where(inside, r, 0), np.where(inside, c, 0)], 0), decided


def test_where_they_differ_across_zones_the_exact_transform_says_who_is_right(items: list[pystac.Item]) -> None:
    west = min(t.x for t in archive.tiles(archive.DEMO.size) if t.epsg == 32632)
    top = max(t.y for t in archive.tiles(archive.DEMO.size) if t.epsg == 32632)
    side = archive.DEMO.size * 10
    # Around the seam: both zones' tiles, and the seam between a zone's two.
    box = GeoBox.from_bbox(
        (west + 0.6 * side, top - 1.2 * side, west + 1.2 * side, top - 0.6 * side), "EPSG:32632", resolution=10
    )
    theirs: xr.Dataset = odc_stac.load(items, BANDS, geobox=box, groupby="solar_day")
    ours = cw.compat.odc_load(items, BANDS, geobox=box, groupby="solar_day")
    np.testing.assert_array_equal(ours.time.values, theirs.time.values.astype("datetime64[ns]"))
    differ = 0
    for band in BANDS:
        for step, (exact, sure) in enumerate(Exact(box, items).steps(band)):
            mine, other = ours[band].values[step], theirs[band].values[step]
            assert sure.mean() > 0.999
            np.testing.assert_array_equal(mine[sure], exact[sure])
            unequal = sure & (mine != other)
            assert unequal.mean() < 0.05
            differ += int(unequal.sum())
    assert differ > 0, "odc-stac became exact: compare them directly"
