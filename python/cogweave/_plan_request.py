"""How items are to be combined, as the engine's request has it."""

from __future__ import annotations

from typing import Any

from . import _arguments, _grouping, _methods
from . import mask as masks


def plan_request(
    *,
    bands: object,
    time_period: object,
    resampling: object,
    mosaic_method: object,
    overviews: object,
    nodata: object,
    dtype: object,
    errors: object,
    mask: object = None,
    mask_dilate: object = 0,
    min_valid: object = None,
    consistent: object = False,
    scale: object = False,
    per_band: bool = False,
) -> dict[str, Any]:
    """Check how items are to be combined, and write it as the engine's request has it."""
    return {
        "bands": _arguments.bands(bands),  # type: ignore[arg-type]
        "time_period": _grouping.check(time_period),
        "resampling": _arguments.resampling(resampling),
        "mosaic_method": _methods.method(mosaic_method),
        "overviews": masks.flag(overviews, "overviews"),
        "nodata": _arguments.nodata(nodata),
        "dtype": _arguments.dtype(dtype),
        "errors": _arguments.one_of(errors, "errors", ("raise", "ignore")),
        "mask": masks.masks(mask),
        "mask_dilate": _arguments.count(mask_dilate, "mask_dilate"),
        "min_valid": masks.fraction(min_valid, "min_valid"),
        "consistent": masks.flag(consistent, "consistent"),
        "scale": masks.flag(scale, "scale"),
        "per_band": per_band,
    }
