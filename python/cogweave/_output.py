"""What the command line writes: a COG, a Zarr store, a picture."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .errors import InvalidArgument

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

Writer = Callable[["xr.DataArray"], None]

_STRIP_BYTES: Final = 64 << 20  # of pixels read and written at a time
_BLOCK: Final = 512
_STRETCH: Final = (2, 98)  # percentiles of a picture's darkest and brightest pixels


def writer(path: Path, overwrite: bool) -> Writer:
    """Give what writes an array to a path, by its ending; nothing is read before that is known to work.

    Raises
    ------
    InvalidArgument
        An ending that is none of .tif, .tiff, .zarr, .png; an output that is there; no such folder.
    ImportError
        What writes such a file is not installed.
    """
    kinds: dict[str, tuple[Writer, str]] = {
        ".tif": (lambda data: _cog(data, path), "rasterio"),
        ".tiff": (lambda data: _cog(data, path), "rasterio"),
        ".zarr": (lambda data: _zarr(data, path), "zarr"),
        ".png": (lambda data: _png(data, path), "rasterio"),
    }
    if path.suffix.lower() not in kinds:
        raise InvalidArgument(f"output {str(path)!r} ends in none of {', '.join(kinds)}")
    if path.exists() and not overwrite:
        raise InvalidArgument(f"output {str(path)!r} is there: --overwrite replaces it")
    if not path.absolute().parent.is_dir():
        raise InvalidArgument(f"output {str(path)!r}: there is no folder {str(path.absolute().parent)!r}")
    write, needed = kinds[path.suffix.lower()]
    try:
        __import__(needed)
    except ImportError as problem:
        raise ImportError(f"{path.suffix} wants {needed}: pip install 'cogweave[cli]'") from problem
    return write


def _layers(data: xr.DataArray) -> list[tuple[int, int, str]]:
    """Give band, time step and name of each layer of a raster: all bands of a step, step after step."""
    several = data.sizes["time"] > 1
    days = [str(time)[:19] for time in data.time.values]
    return [
        (b, t, f"{name} {day}" if several else str(name))
        for t, day in enumerate(days)
        for b, name in enumerate(data.band.values)
    ]


def _strips(data: xr.DataArray) -> Iterator[tuple[int, xr.DataArray]]:
    row = data.sizes["x"] * data.dtype.itemsize * data.sizes["band"] * data.sizes["time"]
    height = max(_BLOCK, _STRIP_BYTES // max(1, row) // _BLOCK * _BLOCK)
    for top in range(0, data.sizes["y"], height):
        yield top, data.isel(y=slice(top, top + height)).load()


def _cog(data: xr.DataArray, path: Path) -> None:
    """Write a Cloud-Optimized GeoTIFF, a strip at a time, through a plain one beside it."""
    import rasterio
    import rasterio.shutil
    from rasterio.windows import Window

    grid = data.cogweave.plan.grid
    layers = _layers(data)
    profile = {
        "driver": "GTiff", "count": len(layers), "height": data.sizes["y"], "width": data.sizes["x"],
        "dtype": data.dtype, "crs": grid.crs, "transform": rasterio.Affine(*grid.transform),
        "nodata": data.attrs.get("_FillValue"), "tiled": True, "blockxsize": _BLOCK, "blockysize": _BLOCK,
        "BIGTIFF": "IF_SAFER",
    }  # fmt: skip
    with tempfile.TemporaryDirectory(dir=path.absolute().parent) as folder:
        plain = Path(folder) / "plain.tif"
        with rasterio.open(plain, "w", **profile) as out:
            for number, (_, _, name) in enumerate(layers, 1):
                out.set_band_description(number, name)
            for top, strip in _strips(data):
                window = Window(0, top, strip.sizes["x"], strip.sizes["y"])
                out.write(np.stack([strip.values[b, t] for b, t, _ in layers]), window=window)
        done = Path(folder) / "cog.tif"
        predictor = "YES" if data.dtype.itemsize > 1 else "NO"
        rasterio.shutil.copy(plain, done, driver="COG", compress="deflate", predictor=predictor, blocksize=_BLOCK)
        done.replace(path)


def _zarr(data: xr.DataArray, path: Path) -> None:
    """Write a Zarr store: a variable per band, with GeoZarr's attributes."""
    from ._geozarr import attributes

    variables = {
        str(name): data.sel(band=name).drop_vars(["band", "asset", "common_name", "wavelength"], errors="ignore")
        for name in data.band.values
    }
    import xarray as xr

    dataset = xr.Dataset(variables, attrs=attributes(data.cogweave.plan.grid))
    if path.exists():
        shutil.rmtree(path)
    with warnings.catch_warnings():  # zarr 3 warns of the consolidated metadata that xarray writes by itself
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        dataset.to_zarr(path)


def _png(data: xr.DataArray, path: Path) -> None:
    """Write a picture of one or three bands of the first time step, stretched to eight bits."""
    import rasterio

    if data.sizes["band"] not in (1, 3):
        raise InvalidArgument(f"a .png wants one band or three, red green blue; there are {data.sizes['band']}")
    pixels = data.isel(time=0).values
    nodata = data.attrs.get("_FillValue")
    valid = _valid(pixels, nodata)
    shown = np.stack([_eight_bits(layer, valid) for layer in pixels] + [valid * np.uint8(255)])
    with (
        _no_place(),
        rasterio.open(
            path, "w", driver="PNG", count=len(shown), height=shown.shape[1], width=shown.shape[2], dtype="uint8"
        ) as out,
    ):
        out.write(shown)


@contextlib.contextmanager
def _no_place() -> Iterator[None]:
    """Leave out the warning that a picture is nowhere on earth."""
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def _valid(pixels: NDArray[Any], nodata: Any) -> NDArray[np.bool_]:
    invalid = np.zeros(pixels.shape, "bool")
    if pixels.dtype.kind == "f":
        invalid[np.isnan(pixels)] = True
    if nodata is not None and not np.isnan(nodata):
        invalid[pixels == nodata] = True
    valid: NDArray[np.bool_] = np.logical_not(np.any(invalid, axis=0))
    return valid


def _eight_bits(layer: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    if not valid.any():
        return np.zeros(layer.shape, "uint8")
    low, high = np.percentile(layer[valid], _STRETCH)
    scaled = (layer.astype("float64") - low) / max(high - low, 1e-9)
    shown: NDArray[np.uint8] = (np.clip(np.nan_to_num(scaled), 0, 1) * 255).astype("uint8")
    return shown
