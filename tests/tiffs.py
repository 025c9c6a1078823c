"""TIFFs made tag by tag, so that each can be wrong in one place."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 12: 8, 16: 8}
_CODES: Final = {1: "B", 3: "H", 4: "I", 12: "d", 16: "Q"}

BYTE, ASCII, SHORT, LONG, DOUBLE, LONG8 = 1, 2, 3, 4, 12, 16

Tag = tuple[int, int, Any]
"""Number, type, values: a list, or bytes as they are."""


def tile(width: int = 64, height: int = 64, side: int = 64, offset: int = 4096, count: int = 64 * 64) -> list[Tag]:
    """The tags of one uncompressed tile of bytes, placed in UTM zone 32."""
    tiles = -(-width // side) * -(-height // side) if side else 1
    return [
        (256, LONG, [width]),
        (257, LONG, [height]),
        (258, SHORT, [8]),
        (259, SHORT, [1]),
        (262, SHORT, [1]),
        (277, SHORT, [1]),
        (322, LONG, [side]),
        (323, LONG, [side]),
        (324, LONG, [min(offset + count * i, 2**32 - 1) for i in range(min(tiles, 64))]),
        (325, LONG, [min(count, 2**32 - 1)] * min(tiles, 64)),
        (33550, DOUBLE, [10.0, 10.0, 0.0]),
        (33922, DOUBLE, [0.0, 0.0, 0.0, 500000.0, 5000000.0, 0.0]),
        (34735, SHORT, [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32632]),
    ]


def replaced(tags: Sequence[Tag], *new: Tag) -> list[Tag]:
    """Tags with some replaced or added."""
    kept = {tag[0]: tag for tag in tags}
    kept.update({tag[0]: tag for tag in new})
    return [kept[number] for number in sorted(kept)]


def classic(*directories: Sequence[Tag], following: Sequence[int] = (), size: int = 8192) -> bytes:
    """A little-endian classic TIFF of these directories, filled up with 1s.

    following overrides where each directory says that the next one lies (a directory's number: that one).
    """
    starts, at = [], 8
    for tags in directories:
        starts.append(at)
        at += 2 + 12 * len(tags) + 4
    head = struct.pack("<2sHI", b"II", 42, starts[0] if starts else 0)
    bodies, extra = [], b""
    for n, tags in enumerate(directories):
        body = struct.pack("<H", len(tags))
        for number, kind, values in tags:
            count, data = _values(kind, values)
            if len(data) > 4:
                body += struct.pack("<HHII", number, kind, count, at + len(extra))
                extra += data + b"\0" * (len(data) % 2)
            else:
                body += struct.pack("<HHI", number, kind, count) + data.ljust(4, b"\0")
        after = starts[following[n]] if n < len(following) else (starts[n + 1] if n + 1 < len(starts) else 0)
        bodies.append(body + struct.pack("<I", after))
    out = head + b"".join(bodies) + extra
    return out + b"\1" * (size - len(out))


def _values(kind: int, values: Any) -> tuple[int, bytes]:
    if isinstance(values, tuple):  # a count that is not true, and four bytes
        return values
    if isinstance(values, bytes):
        return len(values) // _SIZES[kind], values
    return len(values), struct.pack(f"<{len(values)}{_CODES[kind]}", *values)
