"""The C ABI, mirrored: every structure and signature of ``capi/include/cogweave.h``, top to bottom.

Nothing here decides anything. `bind` gives the functions of a loaded library their types and
compares its ABI version; `_lib` loads it.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    CDLL,
    POINTER,
    Structure,
    c_char_p,
    c_int32,
    c_int64,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ABI_VERSION: Final = 1

# ---- cw_status ----
OK: Final = 0
ERROR: Final = 1
FORKED: Final = 2
CANCELLED: Final = 3

# ---- kinds of cw_event ----
EVENT_DONE: Final = 1
EVENT_STEP: Final = 2
EVENT_PROGRESS: Final = 3
EVENT_ASK: Final = 4

REPORTED: Final = 1 << 32  # in the value of a DONE event: there is a report

Handle = c_uint64
Text = c_void_p  # a char * that must be freed: c_char_p would turn it into bytes and lose it


class Event(Structure):
    """``cw_event``: what happened to an operation."""

    _fields_ = [
        ("op", Handle),
        ("kind", c_int32),
        ("status", c_int32),
        ("value", c_int64),
    ]


class Axis(Structure):
    """``cw_axis``: positions ``index[0..count)``, or ``start + i * step`` where index is NULL."""

    _fields_ = [
        ("start", c_int64),
        ("step", c_int64),
        ("count", c_int64),
        ("index", c_void_p),
    ]


class Window(Structure):
    """``cw_window``: which cells of a plan's ``(band, time, y, x)`` array."""

    _fields_ = [
        ("struct_size", c_uint64),
        ("pointwise", c_int32),
        ("reserved", c_int32),
        ("band", Axis),
        ("time", Axis),
        ("row", Axis),
        ("col", Axis),
    ]


class Buffer(Structure):
    """``cw_buffer``: memory of the caller's for a result."""

    _fields_ = [
        ("struct_size", c_uint64),
        ("data", c_void_p),
        ("bytes", c_int64),
    ]


_text_out = POINTER(Text)
_handle_out = POINTER(Handle)
_window_in = POINTER(Window)
_buffer_in = POINTER(Buffer)

# name -> (result type, argument types), in the header's order.
_SIGNATURES: Final[dict[str, tuple[Any, Sequence[Any]]]] = {
    # library
    "cw_abi_version": (c_uint32, ()),
    "cw_versions": (c_int32, (_text_out, _text_out)),
    "cw_environment": (c_int32, (c_char_p, _text_out)),
    "cw_configure": (c_int32, (c_char_p, _text_out, _text_out)),
    "cw_stats": (c_int32, (_text_out, _text_out)),
    "cw_notices": (c_int32, (_text_out, _text_out)),
    "cw_cancel_all": (c_int32, (_text_out,)),
    "cw_free": (None, (c_void_p,)),
    # queues
    "cw_queue_open": (c_int32, (POINTER(c_int32), _handle_out, _text_out)),
    "cw_queue_drain": (c_int64, (Handle, POINTER(Event), c_int64)),
    # operations
    "cw_op_cancel": (c_int32, (Handle,)),
    "cw_op_take": (c_int32, (Handle, _handle_out, _text_out)),
    "cw_op_take_buffer": (c_int32, (Handle, POINTER(c_void_p), POINTER(c_int64), _text_out)),
    "cw_op_error": (c_int32, (Handle, _text_out, _text_out)),
    "cw_op_progress": (c_int32, (Handle, _text_out, _text_out)),
    "cw_op_watch": (c_int32, (Handle,)),
    "cw_op_asked": (c_int32, (Handle, c_int64, _text_out, _text_out)),
    "cw_op_asked_block": (
        c_int32,
        (Handle, c_int64, c_int64, POINTER(c_void_p), POINTER(c_int64), _text_out),
    ),
    "cw_op_answer": (c_int32, (Handle, c_int64, c_char_p, _text_out)),
    "cw_release": (c_int32, (Handle,)),
    "cw_buffer_release": (None, (c_void_p,)),
    # tables; streams travel by address
    "cw_table_import": (c_int32, (c_void_p, _handle_out, _text_out)),
    "cw_table_export": (c_int32, (Handle, c_void_p, _text_out)),
    "cw_table_describe": (c_int32, (Handle, _text_out, _text_out)),
    # stages
    "cw_search": (c_int32, (Handle, c_char_p, Handle, _handle_out, _text_out)),
    "cw_headers": (c_int32, (Handle, c_char_p, Handle, _handle_out, _text_out)),
    "cw_plan": (c_int32, (Handle, c_char_p, Handle, Handle, _handle_out, _text_out)),
    "cw_plan_describe": (c_int32, (Handle, _text_out, _text_out)),
    "cw_plan_membership": (c_int32, (Handle, _text_out, _text_out)),
    "cw_reads": (c_int32, (Handle, Handle, _window_in, _handle_out, _text_out)),
    "cw_fetch": (c_int32, (Handle, Handle, _window_in, _handle_out, _text_out)),
    "cw_mosaic": (
        c_int32,
        (Handle, Handle, _window_in, Handle, _buffer_in, _handle_out, _text_out),
    ),
    "cw_read": (
        c_int32,
        (Handle, Handle, _window_in, c_char_p, _buffer_in, _handle_out, _text_out),
    ),
    "cw_write": (
        c_int32,
        (Handle, Handle, _window_in, c_char_p, _handle_out, _text_out),
    ),
    # diagnosis
    "cw_profile": (c_int32, (Handle, c_char_p, _handle_out, _text_out)),
}


# Called for every read, for some microseconds each. The interpreter's lock is kept meanwhile: with many threads,
# getting it back costs more than the call. None of them waits for anything, and nothing native asks for that lock.
_BRIEF = frozenset({"cw_queue_drain", "cw_op_take_buffer", "cw_read"})


def bind(path: str) -> CDLL:
    """Load the library at ``path`` and type its functions.

    Raises
    ------
    OSError
        The file cannot be loaded.
    ImportError
        It speaks another version of the ABI.
    """
    library, brief = ctypes.CDLL(path), ctypes.PyDLL(path)
    for name, (result, arguments) in _SIGNATURES.items():
        if name in _BRIEF:
            setattr(library, name, getattr(brief, name))
        function = getattr(library, name)
        function.restype = result
        function.argtypes = tuple(arguments)
    version = library.cw_abi_version()
    if version != ABI_VERSION:
        raise ImportError(
            f"{path} speaks version {version} of cogweave's ABI, this package version "
            f"{ABI_VERSION}: build both from one source tree (./build.sh)"
        )
    return library
