"""Users of lazycogs change an import; calls of odc-stac give what odc-stac gives, pixel for pixel."""

from __future__ import annotations

import inspect
from typing import Any

import cogweave as cw
import numpy as np
import pystac
import pytest
import xarray as xr

from tests.conftest import Archive

odc_stac = pytest.importorskip("odc.stac")


@pytest.fixture(scope="module")
def items(made: Archive) -> list[pystac.Item]:
    """The archive's items of one zone, out of order, with absolute hrefs."""
    out = []
    for item in made.items:
        if item["properties"]["proj:code"] != "EPSG:32632":
            continue
        assets = {key: {**a, "href": str(made.folder / a["href"])} for key, a in item["assets"].items()}
        out.append(pystac.Item.from_dict({**item, "assets": assets}))
    return out[::-1]


CALLS: dict[str, dict[str, Any]] = {
    "an instant a step": {},
    "solar days": {"groupby": "solar_day"},
    "an item a step": {"groupby": "id"},
    "a property": {"groupby": "grid:code"},
    "in a bbox": {"groupby": "solar_day", "bbox": (11.95, 45.5, 11.99, 45.53), "crs": "EPSG:32632", "resolution": 10},
    "coarser": {"groupby": "solar_day", "crs": "EPSG:32632", "resolution": 20},
    "centred": {"groupby": "solar_day", "crs": "EPSG:32632", "resolution": 10, "anchor": "center"},
    "degrees": {"groupby": "solar_day", "crs": "EPSG:4326", "resolution": 0.0002},
    "dask": {"groupby": "solar_day", "chunks": {"x": 256, "y": 512}},
    "floats": {"groupby": "solar_day", "dtype": "float32", "nodata": float("nan")},
    "original order": {"groupby": "solar_day", "preserve_original_order": True},
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_odc_load_gives_what_odc_stac_gives(items: list[pystac.Item], call: dict[str, Any]) -> None:
    bands = ["B04", "SCL"]
    theirs = odc_stac.load(items, bands, **call)
    ours = cw.compat.odc_load(items, bands, **call)
    assert dict(ours.sizes) == dict(theirs.sizes)
    np.testing.assert_array_equal(ours.time.values, theirs.time.values.astype("datetime64[ns]"))
    for name in theirs.sizes:
        if name != "time":
            np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-6)
    for band in bands:
        assert ours[band].dtype == theirs[band].dtype
        np.testing.assert_equal(ours[band].attrs.get("nodata"), theirs[band].attrs.get("nodata"))
        same = (ours[band].values == theirs[band].values) | (
            np.isnan(ours[band].values) & np.isnan(theirs[band].values)
        )
        # odc-stac lets GDAL miss a pixel's place by an eighth where it transforms coordinates.
        assert same.all() if call.get("crs") != "EPSG:4326" else same.mean() > 0.85
    if "chunks" in call:
        assert ours.B04.chunks is not None and ours.B04.chunks[2][0] == 256
    else:
        assert ours.B04.variable._in_memory


def test_geobox_and_like_say_where(items: list[pystac.Item]) -> None:
    first = odc_stac.load(items, ["B04"], crs="EPSG:32632", resolution=40)
    for where in ({"geobox": first.odc.geobox}, {"like": first}):
        ours = cw.compat.odc_load(items, "B04", **where)
        np.testing.assert_array_equal(ours.B04, first.B04)
    with pytest.raises(cw.InvalidArgument, match="geobox"):
        cw.compat.odc_load(items, "B04", geobox=first.odc.geobox, crs="EPSG:32632")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [({"items": []}, "at least one"), ({"chunks": {"lat": 3}}, "lat"), ({"bands": "B99"}, "B99")],
)
def test_what_cannot_be_loaded_is_named(items: list[pystac.Item], arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(cw.InvalidArgument, match=match):
        cw.compat.odc_load(**{"items": items, **arguments})


def test_calls_of_lazycogs_need_another_import_only(made: Archive) -> None:
    from cogweave.compat import MeanMethod, open  # noqa: A004

    box = made.utm_grid((40, 50), 10).bbox
    da = open(
        str(made.local), datetime="2025-05-01/2025-06-30", bbox=box, crs="EPSG:32632", resolution=10.0,
        filter=None, ids=None, bands=["B04"], chunks=None, sortby=None, nodata=None, dtype=None,
        mosaic_method=MeanMethod, time_period="P1D", errors="raise",
    )  # fmt: skip
    expected = cw.open(made.local, bbox=box, crs="EPSG:32632", resolution=10, bands=["B04"], mosaic_method="mean")
    xr.testing.assert_identical(da, expected)
    with pytest.raises(TypeError, match="storage="):
        open(str(made.local), bbox=box, crs="EPSG:32632", resolution=10.0, store=object())
    with pytest.raises(TypeError, match="first argument"):
        open(href=str(made.local), bbox=box, crs="EPSG:32632", resolution=10.0)


def test_every_argument_of_odc_stac_is_taken_or_answered(items: list[pystac.Item]) -> None:
    theirs = inspect.signature(odc_stac.load).parameters
    ours = inspect.signature(cw.compat.odc_load).parameters
    for name in (name for name, told in theirs.items() if told.kind is told.KEYWORD_ONLY and name not in ours):
        with pytest.raises(TypeError, match=rf"'{name}': use "):
            cw.compat.odc_load(items, **{name: None})
    assert {"patch_url", "groupby", "like", "anchor"} <= set(ours)


def test_patched_urls_are_what_is_read(items: list[pystac.Item], made: Archive) -> None:
    nowhere = "https://nowhere.invalid"

    def patch(url: str) -> str:
        return made.server.href(url.removeprefix(f"{nowhere}{made.folder}/"))

    moved = [item.clone() for item in items]
    for item in moved:
        for asset in item.assets.values():
            asset.href = nowhere + asset.href
    got = cw.compat.odc_load(moved, "B04", patch_url=patch)
    xr.testing.assert_equal(got, cw.compat.odc_load(items, "B04"))
