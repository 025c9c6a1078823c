"""What a pickle says once all that it holds packed is unpacked: a secret in compressed bytes is seen by nobody else."""

from __future__ import annotations

import pickle
import pickletools
import zlib
from typing import Any


def unpacked(value: Any) -> bytes:
    """The pickle of a value, and behind it what its compressed parts hold, theirs included."""
    return _unpacked(pickle.dumps(value))


def _unpacked(pickled: bytes) -> bytes:
    out = [pickled]
    for _, part, _ in pickletools.genops(pickled):
        if isinstance(part, bytes) and part[:1] == b"x":
            inner = zlib.decompress(part)
            out.append(_unpacked(inner) if inner[:1] == b"\x80" else inner)
    return b"".join(out)
