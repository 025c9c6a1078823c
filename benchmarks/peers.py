"""The tools of the benchmarks, and the environments below ``.bench/`` that they are installed in.

`make bench` makes each environment of its list in ``benchmarks/environments/``; a line
``# python >= 3.12`` there says which interpreter it wants. A tool whose environment is not there is
left out, loudly.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.servers import ROOT

LISTS = Path(__file__).resolve().parent / "environments"
OWN = "cogweave"

# tool -> (environment, distribution whose version is told, words)
TOOLS: dict[str, tuple[str, str, str]] = {
    "cogweave": (OWN, "cogweave", "cogweave"),
    "lazycogs": ("lazycogs", "lazycogs", "lazycogs"),
    "odc-stac": ("odc-stac", "odc-stac", "odc-stac"),
    "stackstac": ("stackstac", "stackstac", "stackstac"),
    "rasteret": ("rasteret", "rasteret", "rasteret"),
    "rasterio": ("rasterio", "rasterio", "rasterio"),
    "rioxarray": ("rasterio", "rioxarray", "rioxarray"),
    "async-tiff": ("async-tiff", "async-tiff", "async-tiff"),
}


def environment(tool: str) -> str:
    """The environment that a tool runs in; cogweave's own for names that are no peer."""
    return TOOLS[tool][0] if tool in TOOLS else OWN


def installed() -> dict[str, str]:
    """Environment -> interpreter, of those that are there."""
    found = {OWN: sys.executable}
    for listed in sorted(LISTS.glob("*.txt")):
        python = ROOT / ".bench" / listed.stem / "bin" / "python"
        if python.exists():
            found[listed.stem] = str(python)
    return found


def missing() -> list[str]:
    """Environments that are listed and not there."""
    there = installed()
    return [listed.stem for listed in sorted(LISTS.glob("*.txt")) if listed.stem not in there]


_ASK = """
import importlib.metadata, json, platform, sys
told = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        told[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
try:
    import rasterio
    told["GDAL"] = rasterio.__gdal_version__
except ImportError:
    pass
print(json.dumps(told))
"""


def versions(interpreters: dict[str, str]) -> dict[str, dict[str, str]]:
    """Environment -> versions of what matters in it."""
    asked = ["xarray", "dask", "numpy", "obstore", "rustac"]
    told = {}
    for name, python in interpreters.items():
        packages = [package for where, package, _ in TOOLS.values() if where == name]
        done = subprocess.run([python, "-c", _ASK, *packages, *asked], capture_output=True, text=True, check=False)
        told[name] = json.loads(done.stdout) if done.returncode == 0 else {"failed": done.stderr[-200:]}
    return told
