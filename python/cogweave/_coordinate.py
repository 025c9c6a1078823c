"""Coordinates as xarray's variables, made without dask.

Given a plain array, xarray asks whether it is one of dask's, and imports dask for that wherever it is installed: 0.3 s,
more than all the rest of an `open` in a new process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray


def along(dim: str, values: NDArray[Any], attrs: Mapping[str, Any] | None = None) -> xr.Variable:
    """Make the coordinate that a dimension is indexed by, of the same name."""
    import pandas as pd
    from xarray.indexes import PandasIndex

    try:
        index = pd.Index(values)
    except UnicodeEncodeError:  # half a surrogate pair in a name
        index = pd.Index(values, dtype="object")
    made: xr.Variable = PandasIndex(index, dim, coord_dtype=values.dtype).create_variables()[dim]
    made.attrs = dict(attrs or {})
    return made


def beside(dims: tuple[str, ...], values: NDArray[Any], attrs: Mapping[str, Any] | None = None) -> xr.Variable:
    """Make a coordinate that is no index."""
    import xarray as xr

    # Without fastpath, which is public but not described, the array is asked whether it is dask's. There is no other
    # way for an array that no pandas.Index holds, such as a scalar.
    return xr.Variable(dims, values, attrs, fastpath=True)
