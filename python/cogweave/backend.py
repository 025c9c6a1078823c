"""The xarray engine: ``xr.open_dataset(catalog, engine="cogweave", ...)``."""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any, ClassVar, Final

from xarray.backends import BackendEntrypoint

from . import _arguments
from ._arrow import Items
from ._loop import Steps, aside, blocking
from ._source import is_stac
from .arrays import dataset
from .open import planned
from .plan import plan_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import xarray as xr

    from .grouping import TimePeriod

_SUFFIXES: Final = (".parquet", ".geoparquet", ".pq")
_LARGEST_FOOTER: Final = 64 << 20
# Names in a parquet footer, with the length that thrift writes before them: columns that every
# STAC item has, and no other table has together.
_COLUMNS: Final = (b"\x06assets", b"\x0cstac_version", b"\x05links")


class CogweaveBackend(BackendEntrypoint):
    """Opens STAC catalogs of Cloud-Optimized GeoTIFFs: a variable ``(time, y, x)`` per band."""

    description: ClassVar[str] = "STAC catalogs of Cloud-Optimized GeoTIFFs as lazy mosaics"
    url: ClassVar[str] = "https://github.com/cogweave/cogweave"

    @_arguments.names_replacements
    def _open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        mask_and_scale: bool | Mapping[str, bool] = True,
        bbox: Iterable[float] | None = None,
        crs: object = None,
        resolution: float | tuple[float, float] | None = None,
        grid: object = None,
        datetime: object = None,
        filter: str | Mapping[str, Any] | None = None,  # noqa: A002
        ids: str | Iterable[str] | None = None,
        collections: str | Iterable[str] | None = None,
        intersects: object = None,
        sortby: object = None,
        bands: str | Iterable[str] | None = None,
        time_period: TimePeriod = "P1D",
        mosaic_method: str = "first",
        resampling: str | Mapping[str, str] = "nearest",
        overviews: bool = True,
        nodata: float | None = None,
        dtype: object = None,
        errors: str = "raise",
        bbox_crs: object = None,
        storage: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Steps[xr.Dataset]:
        """Open the items of a catalog as a lazy dataset.

        Parameters
        ----------
        filename_or_obj
            The catalog: a source as `cogweave.open` takes it.
        drop_variables : str or iterable of str, optional
            Bands and coordinates to leave out.
        mask_and_scale : bool or dict, optional
            True: floats, NaN where there is nodata, scaled where the scale is known. False: raw
            pixels, equal to those of `cogweave.open`, and ``attrs["_FillValue"]``.
        bbox, crs, resolution, grid, datetime, filter, ids, collections, intersects, sortby, bands,
        time_period, mosaic_method, resampling, overviews, nodata, dtype, errors, bbox_crs, storage
            As in `cogweave.open`.

        Returns
        -------
        xarray.Dataset
            A variable ``(time, y, x)`` per band, each with its own dtype and nodata.

        Raises
        ------
        InvalidArgument, SearchError, AssetError
            As `cogweave.open`.
        """
        plan, found = yield from planned(
            filename_or_obj,
            where={
                "bbox": bbox, "crs": crs, "resolution": resolution, "grid": grid,
                "intersects": intersects, "bbox_crs": bbox_crs,
            },
            query={
                "datetime": datetime, "filter": filter, "ids": ids, "collections": collections,
                "sortby": sortby,
            },
            request=plan_request(
                bands=bands,
                time_period=time_period,
                resampling=resampling,
                mosaic_method=mosaic_method,
                overviews=overviews,
                nodata=nodata,
                dtype=dtype,
                errors=errors,
                per_band=True,
            ),
            storage=storage,
        )  # fmt: skip
        return (yield from aside(dataset, plan, found.label, drop=drop_variables, mask_and_scale=mask_and_scale))

    open_dataset = blocking(_open_dataset)  # type: ignore[arg-type]
    open_dataset_parameters: ClassVar[tuple[str, ...]] = tuple(inspect.signature(open_dataset).parameters)[1:]

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Tell whether this engine is for an object: stac-geoparquet, `Items`, pystac objects."""
        if isinstance(filename_or_obj, Items):
            return True
        if isinstance(filename_or_obj, (str, os.PathLike)):
            return _is_stac_geoparquet(os.fspath(filename_or_obj))
        return is_stac(filename_or_obj)


def _is_stac_geoparquet(path: str) -> bool:
    """Tell by its footer whether a local file is stac-geoparquet."""
    if not path.endswith(_SUFFIXES):
        return False
    try:
        with open(path, "rb") as file:
            file.seek(-8, os.SEEK_END)
            tail = file.read(8)
            length = int.from_bytes(tail[:4], "little")
            if tail[4:] != b"PAR1" or not 0 < length <= _LARGEST_FOOTER:
                return False
            file.seek(-8 - length, os.SEEK_END)
            footer = file.read(length)
    except OSError:
        return False
    return all(column in footer for column in _COLUMNS)
