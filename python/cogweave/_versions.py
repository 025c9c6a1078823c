"""show_versions: what a report of a problem wants to tell of the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import Any, Final

from .config import versions

_REQUIRED: Final = ("numpy", "xarray", "pyproj", "nanoarrow")
_OPTIONAL: Final = (
    "dask", "distributed", "geopandas", "odc-geo", "odc-stac", "rioxarray", "rasterix", "rasterio", "pystac",
    "pystac-client", "stac-geoparquet", "pyarrow", "zarr", "matplotlib", "click", "tqdm",
)  # fmt: skip


def installed() -> dict[str, Any]:
    """Give the versions of the engine, of Python and of the packages that cogweave works with.

    Returns
    -------
    dict
        ``engine`` (or ``engine_error``), ``python``, ``platform``, ``processors``, ``required``,
        ``optional``: versions by name, None for what is not installed.
    """
    told: dict[str, Any] = {
        "python": sys.version.split()[0],
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "required": {name: _version(name) for name in _REQUIRED},
        "optional": {name: _version(name) for name in _OPTIONAL},
    }
    try:
        told["engine"] = versions()
    except (ImportError, RuntimeError) as problem:
        told["engine_error"] = str(problem)
    return told


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def show_versions() -> None:
    """Print the versions of cogweave, its engine and the packages around it, for reports of problems."""
    told = installed()
    for name in ("python", "platform", "processors"):
        print(f"{name:<16} {told[name]}")
    for group in ("engine", "required", "optional"):
        print(f"\n{group}")
        for name, version in told.get(group, {"": told.get("engine_error")}).items():
            print(f"  {name:<16} {version or '-'}")
