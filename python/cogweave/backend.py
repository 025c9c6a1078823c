"""The xarray engine: ``xr.open_dataset(catalog, engine="cogweave", ...)``."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from xarray.backends import BackendEntrypoint

from . import _arguments, _properties
from ._arrays import dataset
from ._source import is_stac
from ._steps import Steps, aside, blocking
from .errors import InvalidArgument
from .open import _open, planned
from .tables import Items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import xarray as xr

_SUFFIXES: Final = (".parquet", ".geoparquet", ".pq")
_LARGEST_FOOTER: Final = 64 << 20
# Names in a parquet footer, with the length that thrift writes before them: the file metadata that
# stac-geoparquet asks for, and, in files written before it did, columns that every STAC item has
# and no other table has together.
_METADATA: Final = (b"\x0fstac-geoparquet", b"\x17stac:geoparquet_version")
_COLUMNS: Final = (b"\x06assets", b"\x0cstac_version", b"\x05links")


# The arguments that the engine shares with `cogweave.open`; chunks are xarray's own business.
_SHARED: Final = inspect.Signature(
    [p for p in inspect.signature(_open).parameters.values() if p.kind is p.KEYWORD_ONLY and p.name != "chunks"]
)


def _spelled_out(function: Callable[..., Any]) -> inspect.Signature:
    """Give a function's signature with the shared arguments in place of ``**arguments``."""
    told = inspect.signature(function)
    own = [p for p in told.parameters.values() if p.kind is not p.VAR_KEYWORD]
    return told.replace(parameters=[*own, *_SHARED.parameters.values()])


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
        **arguments: Any,
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
        **arguments
            Whatever `cogweave.open` takes beside its source and ``chunks``, with the same meaning;
            the signature lists it.

        Returns
        -------
        xarray.Dataset
            A variable ``(time, y, x)`` per band, each with its own dtype and nodata.

        Raises
        ------
        InvalidArgument, SearchError, AssetError
            As `cogweave.open`.
        """
        given = _SHARED.bind(**arguments)
        given.apply_defaults()
        if given.arguments["scale"] is True and (
            any(mask_and_scale.values()) if isinstance(mask_and_scale, Mapping) else mask_and_scale
        ):
            raise InvalidArgument(
                "scale=True and mask_and_scale=True would scale twice: mask_and_scale alone gives physical "
                "values, scale=True with mask_and_scale=False each item's by its own scale"
            )
        told = _properties.names(given.arguments["properties"])
        plan, found = yield from planned({"source": filename_or_obj, "chunks": None, **given.arguments}, per_band=True)
        made = yield from aside(
            dataset, plan, found.label, drop=drop_variables, mask_and_scale=mask_and_scale, properties=told
        )
        yield from aside(plan._base.let_go)
        return made

    # xarray and help() read the parameters off the signature.
    _open_dataset.__signature__ = _spelled_out(_open_dataset)  # type: ignore[attr-defined]
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
    return any(key in footer for key in _METADATA) or all(column in footer for column in _COLUMNS)
