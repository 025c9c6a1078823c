"""Warnings that name the user's line."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

_BETWEEN: Final = ("cogweave", "xarray", "dask")  # packages that stand between the user's line and a warning


def warn(text: str) -> None:
    """Warn of something at the user's line, however deep below it that was found."""
    level = 2
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _BETWEEN:
        level, frame = level + 1, frame.f_back
    # An executor's thread, in which awaitable forms work, ends in no line of the user's.
    warnings.warn(text, UserWarning, stacklevel=level)
