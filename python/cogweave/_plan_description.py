"""What the engine says of a plan: bands, time steps, membership of items."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _arguments, _lib

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Band:
    """A band of a plan.

    Attributes
    ----------
    name : str
        As it was asked for.
    asset : str
        Key of its asset.
    common_name : str
        STAC's common name, or "".
    index : int
        Band within the asset, from 1.
    dtype : numpy.dtype
    nodata : float, int or None
    resampling : str
    scale, offset : float
        Physical value = scale * pixel + offset; 1 and 0 where nothing is known, where pixels are
        physical already (``scale=True``), and where the mosaic method leaves no such pair.
    mixed_scale : bool
        The catalog gives some items another scale or offset than that.
    wavelength : float
        Of the band's centre, micrometres; NaN where nothing is known.
    """

    name: str
    asset: str
    common_name: str
    index: int
    dtype: np.dtype[Any]
    nodata: float | int | None
    resampling: str
    scale: float = 1.0
    offset: float = 0.0
    wavelength: float = float("nan")
    mixed_scale: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """What the engine says of a plan; enough to lay out arrays without the engine.

    Attributes
    ----------
    times : numpy.ndarray
        Start of each time step, datetime64[ns].
    groups : numpy.ndarray of str or None
        Key of each step, where steps are not instants or periods.
    bands : tuple of Band
    dtype, nodata
        Common to all bands.
    item_count : int
    step_items : numpy.ndarray of int64
        Items of each step.
    chunk : (int, int) or None
        Rows and columns of a window that fits the files' tiles.
    warnings : tuple of str
        What the user should know, a sentence each.
    """

    times: NDArray[np.datetime64]
    groups: NDArray[np.str_] | None
    bands: tuple[Band, ...]
    dtype: np.dtype[Any]
    nodata: float | int | None
    item_count: int
    step_items: NDArray[np.int64]
    chunk: tuple[int, int] | None
    warnings: tuple[str, ...]

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Description:
        """Make one of the engine's JSON."""
        dtype = np.dtype(told["dtype"])
        groups, chunk = told.get("groups"), told.get("chunk")
        return cls(
            times=_nanoseconds(np.asarray(told["times"], dtype="int64")),
            groups=None if groups is None else np.asarray(groups, dtype="U"),
            bands=tuple(_band(band) for band in told["bands"]),
            dtype=dtype,
            nodata=_arguments.nodata_of(told.get("nodata"), dtype),
            item_count=int(told.get("item_count", 0)),
            step_items=np.asarray(told.get("step_items") or [], dtype="int64"),
            chunk=None if not chunk else (int(chunk[0]), int(chunk[1])),
            warnings=tuple(told.get("warnings") or ()),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # As JSON would have it: numpy's own pickles are not read by every version of numpy.
        bands = [{**asdict(band), "dtype": band.dtype.name} for band in self.bands]
        told = {
            "times": self.times.astype("datetime64[us]").astype("int64").tolist(),
            "groups": None if self.groups is None else self.groups.tolist(),
            "bands": bands,
            "dtype": self.dtype.name,
            "nodata": self.nodata,
            "item_count": self.item_count,
            "step_items": self.step_items.tolist(),
            "chunk": self.chunk,
            "warnings": self.warnings,
        }
        return Description.read, (told,)


def _band(told: Mapping[str, Any]) -> Band:
    dtype = np.dtype(told["dtype"])
    return Band(
        name=told["name"],
        asset=told["asset"],
        common_name=told.get("common_name") or "",
        index=int(told.get("index", 1)),
        dtype=dtype,
        nodata=_arguments.nodata_of(told.get("nodata"), dtype),
        resampling=told.get("resampling") or "",
        scale=float(told.get("scale") or 1.0),
        offset=float(told.get("offset") or 0.0),
        mixed_scale=bool(told.get("mixed_scale")),
        wavelength=float(told.get("wavelength") or "nan"),
    )


def _nanoseconds(micros: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return micros.astype("datetime64[us]").astype("datetime64[ns]")  # the engine refuses what does not fit


@dataclass(frozen=True, slots=True)
class Membership:
    """What a plan made of its items.

    Attributes
    ----------
    steps : numpy.ndarray of int32
        Time step of each item, by its position in `Plan.times` of the whole plan.
    digest : str
        The same for the same items, in whatever process.
    """

    steps: NDArray[np.int32]
    digest: str


def membership_of(handle: int) -> Membership:
    """Ask the engine what a plan made of its items."""
    told = _lib.ask("cw_plan_membership", handle)
    return Membership(np.asarray(told["steps"], "int32"), told["digest"])
