"""What the command line writes: a COG, by the engine; a Zarr store, a picture."""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ._cog import write_cog
from .errors import InvalidArgument

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr
    from numpy.typing import NDArray

Writer = Callable[["xr.DataArray"], None]

_STRETCH: Final = (2, 98)  # percentiles of a picture's darkest and brightest pixels


def writer(path: Path, overwrite: bool, overview_resampling: str | None = None) -> Writer:
    """Give what writes an array to a path, by its ending; nothing is read before that is known to work.

    Parameters
    ----------
    path : pathlib.Path
    overwrite : bool
        Replace what is there.
    overview_resampling : str, optional
        Of a COG.

    Raises
    ------
    InvalidArgument
        An ending that is none of .tif, .tiff, .zarr, .png; an output that is there, or is a folder where
        a file is to be written; no such folder.
    ImportError
        What writes such a file is not installed.
    """

    def cog(data: xr.DataArray) -> None:
        write_cog(data.cogweave.plan, path, overview_resampling=overview_resampling)

    kinds: dict[str, tuple[Writer, str | None]] = {
        ".tif": (cog, None),
        ".tiff": (cog, None),
        ".zarr": (lambda data: _zarr(data, path), "zarr"),
        ".png": (lambda data: _png(data, path), "rasterio"),
    }
    kind = path.suffix.lower()
    if kind not in kinds:
        raise InvalidArgument(f"output {str(path)!r} ends in none of {', '.join(kinds)}")
    if path.exists() and not overwrite:
        raise InvalidArgument(f"output {str(path)!r} is there: --overwrite replaces it")
    if path.is_dir() and kind != ".zarr":
        raise InvalidArgument(f"output {str(path)!r} is a folder")
    if not path.absolute().parent.is_dir():
        raise InvalidArgument(f"output {str(path)!r}: there is no folder {str(path.absolute().parent)!r}")
    if overview_resampling is not None and kind not in (".tif", ".tiff"):
        raise InvalidArgument(f"--overview-resampling is of a .tif, and output {str(path)!r} is none")
    write, needed = kinds[kind]
    try:
        if needed is not None:
            __import__(needed)
    except ImportError as problem:
        raise ImportError(f"{path.suffix} wants {needed}: pip install '.[cli]' in a checkout of cogweave") from problem
    return write


def _zarr(data: xr.DataArray, path: Path) -> None:
    """Write a Zarr store: a variable per band, with GeoZarr's attributes."""
    from ._geozarr import attributes

    variables = {
        str(name): data.sel(band=name).drop_vars(["band", "asset", "common_name", "wavelength"], errors="ignore")
        for name in data.band.values
    }
    import xarray as xr

    dataset = xr.Dataset(variables, attrs=attributes(data.cogweave.plan.grid))
    fresh = path.with_name(f".{path.name}.{os.getpid()}")  # what is there stays until the new one is complete
    try:
        with warnings.catch_warnings():  # zarr 3 warns of the consolidated metadata that xarray writes by itself
            warnings.filterwarnings("ignore", message="Consolidated metadata")
            dataset.to_zarr(fresh)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        fresh.replace(path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


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
