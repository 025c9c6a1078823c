"""Pixels: memory of the engine's as numpy arrays, and numpy's memory for the engine."""

from __future__ import annotations

import ctypes
import math
from ctypes import byref
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _ffi, _lib
from .errors import CogweaveError, InvalidArgument

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Memory:
    """A pixel buffer of the engine; numpy arrays that view it hold it."""

    __slots__ = ("__array_interface__", "_address", "_give_back")

    def __init__(self, address: int, nbytes: int, give_back: Any) -> None:
        self._address = address
        # A plain C function: right in any thread, after a fork and while the interpreter ends.
        self._give_back = give_back
        self.__array_interface__ = {
            "shape": (nbytes,),
            "typestr": "|u1",
            "data": (address, False),
            "version": 3,
        }

    def __del__(self) -> None:
        self._give_back(self._address)


def take(operation: int, shape: tuple[int, ...] | None, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Take the pixels of a finished operation as an array, without a copy.

    Parameters
    ----------
    operation : int
        Handle of a read or mosaic without a buffer of the caller's.
    shape, dtype
        What the window and its bands say the pixels are; no shape: as many as there are.
    """
    lib = _lib.library()
    data, nbytes, error = ctypes.c_void_p(), ctypes.c_int64(), _ffi.Text()
    _lib.check(lib.cw_op_take_buffer(operation, byref(data), byref(nbytes), byref(error)), error)
    if shape is None:
        shape = (nbytes.value // dtype.itemsize,)
    if not data.value:
        return np.empty(shape, dtype)
    return view(data.value, nbytes.value, shape, dtype)


def view(address: int, nbytes: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Show a pixel buffer of the engine's as an array, which owns the caller's share of it.

    Parameters
    ----------
    address, nbytes : int
        The buffer; an address of 0 is an empty one.
    shape, dtype
        Of the array: at most ``nbytes`` long.
    """
    if not address:
        return np.empty(shape, dtype)
    memory = _Memory(address, nbytes, _lib.library().cw_buffer_release)
    expected = math.prod(shape) * dtype.itemsize
    if nbytes < expected:
        raise CogweaveError(f"the engine gave {nbytes} bytes for {dtype} pixels of shape {shape}")
    return np.asarray(memory)[:expected].view(dtype).reshape(shape)


def check_out(out: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Give a caller's array if the engine can write the pixels into it.

    Raises
    ------
    InvalidArgument
        It has another shape or dtype, is not contiguous, or is read-only.
    """
    if not isinstance(out, np.ndarray):
        raise InvalidArgument(f"out wants a numpy array, and was given {type(out).__name__}")
    if out.shape != shape:
        raise InvalidArgument(f"out has the shape {out.shape}, the pixels have {shape}")
    if out.dtype != dtype:
        raise InvalidArgument(f"out has the dtype {out.dtype}, the pixels have {dtype}")
    if not out.flags.c_contiguous:
        raise InvalidArgument("out is not C-contiguous")
    if not out.flags.writeable or not out.flags.aligned:
        raise InvalidArgument("out is read-only or not aligned")
    return out


def buffer(out: NDArray[Any]) -> _ffi.Buffer:
    """Give the C form of a caller's array; it borrows the array's memory."""
    return _ffi.Buffer(ctypes.sizeof(_ffi.Buffer), out.ctypes.data, out.nbytes)
