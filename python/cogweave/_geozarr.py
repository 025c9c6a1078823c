"""GeoZarr's conventions: where an array lies, as plain attributes of a Zarr array.

Attribute names are those of the ``spatial`` and ``proj`` conventions of zarr-conventions, whose
transform is ``a, b, c, d, e, f`` as in affine, and whose bbox is ``xmin, ymin, xmax, ymax``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _crs

if TYPE_CHECKING:
    from .grid import Grid


def attributes(grid: Grid) -> dict[str, Any]:
    """Give the attributes that say where a grid lies.

    Returns
    -------
    dict of str to str, int, float or list
        ``proj:code`` (or ``proj:wkt2`` where there is no code), ``spatial:dimensions``,
        ``spatial:transform_type``, ``spatial:transform``, ``spatial:shape`` (rows, columns),
        ``spatial:bbox`` in the CRS, ``spatial:registration``.
    """
    code = grid.crs if grid.crs.startswith("EPSG:") else None
    system = {"proj:code": code} if code else {"proj:wkt2": _crs.parsed(grid.crs).to_wkt("WKT2_2019")}
    return {
        **system,
        "spatial:dimensions": ["y", "x"],
        "spatial:transform_type": "affine",
        "spatial:transform": [float(term) for term in grid.transform],
        "spatial:shape": [int(size) for size in grid.shape],
        "spatial:bbox": [float(edge) for edge in grid.bbox],
        "spatial:registration": "pixel",
    }
