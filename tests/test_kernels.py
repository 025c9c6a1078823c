"""Every kernel equals an exact oracle: over pairs of CRSs, scales, dtypes, and transforms of every kind.

`python -m benchmarks.parity` prints the same comparison at full size as a table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pytest
import rasterio
from affine import Affine

from tests import kernels

SIDE, SHAPE = 160, (52, 60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("kernels")
    return made


def _check(cases: list[kernels.Difference]) -> None:
    """At least 99.9 % of the pixels, 99.9 % of validity, over all cases together."""

    def mean(name: str) -> Any:
        return np.mean([getattr(case, name) for case in cases])

    assert mean("valid") > 0.2, "the cases must show something"
    assert mean("pixels") <= 1e-3
    assert mean("validity") <= 1e-3


@pytest.mark.parametrize("kernel", ["bilinear", "lanczos", "average", "med"])
@pytest.mark.parametrize("pair", kernels.PAIRS)
def test_pairs_of_crs(folder: Path, pair: str, kernel: str) -> None:
    path = kernels.source(folder, pair, "uint16", SIDE)
    _check([kernels.compare(path, pair, kernel, 2.3 if kernel == "lanczos" else 1.0, SHAPE)])


@pytest.mark.parametrize("kernel", kernels.KERNELS)
@pytest.mark.parametrize("factor", kernels.SCALES)
def test_scales(folder: Path, factor: float, kernel: str) -> None:
    path = kernels.source(folder, "UTM to UTM", "int16", SIDE)
    _check([kernels.compare(path, "UTM to UTM", kernel, factor, SHAPE)])


@pytest.mark.parametrize("kernel", ["cubic", "rms", "mode", "q3"])
@pytest.mark.parametrize("dtype", kernels.DTYPES)
def test_dtypes(folder: Path, dtype: str, kernel: str) -> None:
    path = kernels.source(folder, "UTM to UTM", dtype, SIDE)
    _check([kernels.compare(path, "UTM to UTM", kernel, 1.5, SHAPE)])


def test_nearest_is_pyproj_s(folder: Path) -> None:
    """99.99 % of many cells, by coordinates of every one."""
    found = [
        kernels.compare(kernels.source(folder, pair, "uint16", 300), pair, "nearest", 1.0, (200, 200))
        for pair in kernels.PAIRS
    ]
    assert np.mean([case.unequal for case in found]) <= 1e-4
    assert np.mean([case.validity for case in found]) <= 1e-4


@pytest.mark.parametrize("kernel", ["nearest", "bilinear", "average", "mode", "min", "max", "med"])
def test_antimeridian(tmp_path: Path, kernel: str) -> None:
    """A grid across it is like one that is not, over a world that was turned by half."""
    y, x = np.mgrid[0:180, 0:360]
    world = (1000 + 300 * np.sin(np.radians(x - 180)) + 2 * y).astype("float32")

    def read(central: int, data: Any, name: str) -> Any:
        path = tmp_path / name
        with rasterio.open(
            path, "w", driver="GTiff", count=1, height=180, width=360, dtype="float32", crs="EPSG:4326",
            transform=Affine(1, 0, -180, 0, -1, 90),
        ) as out:  # fmt: skip
            out.write(data, 1)
        size = 230_000  # two degrees and a little: some cells have the antimeridian inside
        grid = cw.Grid(
            f"+proj=merc +lon_0={central} +datum=WGS84", (size, 0, -9.4 * size, 0, -size, 5 * size), (10, 19)
        )
        return cw.open_item(path, grid=grid, resampling=kernel, overviews=False).values[0]

    across = read(180, world, "across.tif")
    plain = read(0, np.roll(world, 180, axis=1), "plain.tif")
    straddling = [8, 9, 10] if kernel == "bilinear" else []
    whole = [col for col in range(19) if col not in straddling]
    np.testing.assert_allclose(across[:, whole], plain[:, whole], rtol=1e-6)
    # Bilinear weights end at the raster's edge.
    step = np.radians(1) * 300
    np.testing.assert_allclose(across[:, straddling], plain[:, straddling], rtol=0, atol=2.01 * step)
    assert not np.isnan(across).any()
