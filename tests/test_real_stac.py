"""Every real STAC document of the corpus is opened, or refused for a reason that is listed here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio

from tests.corpus import CORPUS, needs_corpus

STAC = CORPUS / "stac"
# The globe: every item lies on it.
GRID = cw.Grid("EPSG:4326", (1, 0, -180, 0, -1, 90), (180, 360))

# The description of an API's collection, whose items lie there.
ELSEWHERE = "earth-search/collection.json"
# What none can open, by the reason and a word of the message.
REFUSED = {
    "odd/naip-minimal_stac-924-features.json": (None, "position 0: it has no id"),
    # JPEG 2000, GRIB, or no media type and no name of a GeoTIFF.
    "rio-tiler-fixtures/stac_grib.json": ("UnknownBand", "no item has a GeoTIFF asset"),
    "rio-tiler-fixtures/stac_wrong_stats.json": ("UnknownBand", "no item has a GeoTIFF asset"),
    **{
        f"sentinel2-stactools/{name}.json": ("UnknownBand", "no item has a GeoTIFF asset")
        for name in (
            "S2A_MSIL1C_20200717T221941_R029_T01LAC_20200717T234135.SAFE",
            "S2A_MSIL2A_20230625T234621_N0509_R073_T01WCP_20230626T022158",
            "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825",
            "S2A_T01LAC_20200717T221944_L1C",
        )
    },
}


class Stand:
    """Files of this machine in the place of assets: of one band, but where the catalog counts on more."""

    def __init__(self, folder: Path) -> None:
        self.files = {count: self._file(folder / f"{count}.tif", count) for count in (1, 16)}
        self.many: set[str] = set()

    def _file(self, path: Path, count: int) -> str:
        place = rasterio.transform.from_origin(0, 1, 0.01, 0.01)
        with rasterio.open(
            path, "w", driver="GTiff", width=64, height=64, count=count, dtype="uint8", crs="EPSG:4326", transform=place
        ) as file:
            file.write(np.ones((count, 64, 64), np.uint8))
        return str(path)

    def sign(self, href: str) -> str:
        return self.files[16 if href.rpartition("/")[2] in self.many else 1]

    def expect(self, path: Path) -> None:
        """Notes the names of the files that a document gives several bands."""
        if path.suffix == ".parquet":
            self._walk(pq.read_table(path).to_pylist())
        elif path.suffix == ".ndjson":
            self._walk([json.loads(line) for line in path.read_text().splitlines()])
        else:
            self._walk(json.loads(path.read_text()))

    def _walk(self, node: Any) -> None:
        if isinstance(node, dict):
            if any(len(node.get(name) or ()) > 1 for name in ("bands", "raster:bands", "eo:bands")) and "href" in node:
                self.many.add(node["href"].rpartition("/")[2])
            node = list(node.values())
        for one in node if isinstance(node, list) else ():
            self._walk(one)


@needs_corpus
@pytest.mark.filterwarnings("ignore")  # the files contradict each catalog
def test_every_document_opens_or_is_refused_by_name(tmp_path: Path) -> None:
    """Nothing is asked of the network: signing gives each asset a file of this machine in its place."""
    documents = {str(path.relative_to(STAC)): path for path in sorted(STAC.rglob("*")) if path.is_file()}
    assert len(documents) == 83
    del documents[ELSEWHERE]
    stand = Stand(tmp_path)
    for path in documents.values():
        stand.expect(path)
    refused, wrong = {}, []
    for name, path in documents.items():
        try:
            data = cw.open(path, grid=GRID, time_period="id", sign=stand.sign)
            assert data.sizes["time"] == len(cw.search(path)) > 0, name
            assert data.sizes["band"] > 0, name
        except cw.CogweaveError as error:
            refused[name] = error.reason
            if name not in REFUSED or REFUSED[name][1] not in str(error):
                wrong.append((name, type(error).__name__, str(error)))
    assert not wrong
    assert refused == {name: reason for name, (reason, _) in REFUSED.items()}
