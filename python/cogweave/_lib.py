"""Loads the native library on first use, and calls it.

Importing cogweave loads nothing and starts nothing. After a fork every call raises
`errors.ForkedProcess`, within the time of an attribute look-up.
"""

from __future__ import annotations

import ctypes
import json
import os
import threading
from ctypes import byref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import _ffi, errors

if TYPE_CHECKING:
    from collections.abc import Mapping

# Another build of the library, for instance one with the panic probe.
_PATH_VARIABLE: Final = "COGWEAVE_LIBRARY"

# What Go code may want of the environment. Go reads only the environment that the process was
# started with, so that what Python sets later has to be handed over.
_PREFIXES: Final = ("AWS_", "GOOGLE_", "AZURE_", "SSL_CERT_")
_NAMES: Final = frozenset(
    {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"}
    | {"http_proxy", "https_proxy", "no_proxy", "all_proxy"}
    | {"HOME", "CLOUDSDK_CONFIG", "STORAGE_EMULATOR_HOST", "GS_USER_PROJECT"}
    | {"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "GCE_METADATA_HOST"}
)

_lock = threading.Lock()
_library: ctypes.CDLL | None = None
# Set before the library is loaded: a fork in the middle of loading counts as one after it.
_owner: int | None = None
_forked = False


def library() -> ctypes.CDLL:
    """Give the loaded library, loading it if this is the first use.

    Raises
    ------
    ForkedProcess
        The process was forked after the library had been loaded.
    ImportError
        There is no library, or it is of another version.
    """
    if _forked:
        raise errors.forked()
    return _library or _load()


def loaded() -> ctypes.CDLL | None:
    """Give the library if it is loaded and usable in this process, for finalisers."""
    return None if _forked else _library


def _load() -> ctypes.CDLL:
    global _library, _owner
    with _lock:
        if _library is not None:
            return _library
        _owner = os.getpid()
        path = os.environ.get(_PATH_VARIABLE) or str(Path(__file__).parent / "libcogweave.so")
        try:
            found = _ffi.bind(path)
        except OSError as problem:
            _owner = None
            if not Path(path).exists():
                raise ImportError(f"cogweave's native library is missing: {path}. ./build.sh makes it") from problem
            raise ImportError(f"cogweave's native library cannot be loaded: {problem}") from problem
        _keep_headers(found)
        _library = found
        return found


def _keep_headers(found: ctypes.CDLL) -> None:
    """Name the user's cache folder to the engine, which does not see Python's environment."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    if not os.path.isabs(root):  # a relative one is to be ignored; no home, no cache
        return
    answer, error = _ffi.Text(), _ffi.Text()
    found.cw_configure(encode({"cache_dir": os.path.join(root, "cogweave")}), byref(answer), byref(error))
    for text in (answer, error):
        if text.value:
            found.cw_free(text)


def _after_fork() -> None:
    global _lock, _forked
    _lock = threading.Lock()
    _forked = _owner is not None and _owner != os.getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def take_text(text: ctypes.c_void_p) -> str:
    """Copy a string that the library handed over, and free it."""
    lib = _library
    if not text.value or lib is None:
        return ""
    try:
        return ctypes.string_at(text.value).decode("utf-8", "replace")
    finally:
        lib.cw_free(text)


def check(status: int, error: ctypes.c_void_p) -> None:
    """Raise what a call reported, if it failed."""
    if status == _ffi.OK:
        return
    text = take_text(error)
    if status == _ffi.FORKED:
        raise errors.forked()
    if text:
        raise errors.from_json(text)
    if status == _ffi.CANCELLED:
        raise errors.Cancelled("the operation was cancelled")
    raise errors.InvalidArgument("a handle of the engine that is stale or of another kind")


def ask(name: str, *arguments: Any) -> dict[str, Any]:
    """Call ``cw_<name>(*arguments, &json, &error)`` and give the JSON object."""
    told: dict[str, Any] = json.loads(ask_text(name, *arguments))
    return told


def ask_text(name: str, *arguments: Any) -> str:
    """Call ``cw_<name>(*arguments, &json, &error)`` and give the JSON as it is."""
    answer, error = _ffi.Text(), _ffi.Text()
    check(getattr(library(), name)(*arguments, byref(answer), byref(error)), error)
    return take_text(answer) or "{}"


def release(handle: int) -> None:
    """Give a handle back; does nothing for 0, after a fork, or before the library is loaded."""
    lib = loaded()
    if handle and lib is not None:
        lib.cw_release(handle)


def encode(request: dict[str, Any]) -> bytes:
    """Write a request as JSON, without the members that are None."""
    members = {name: value for name, value in request.items() if value is not None}
    try:
        return json.dumps(members, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as problem:
        raise errors.InvalidArgument(f"an argument that JSON cannot hold: {problem}") from None


def environment() -> dict[str, str]:
    """Give the variables that stores, proxies and certificates depend on, as they are now."""
    return {name: value for name, value in os.environ.items() if name in _NAMES or name.startswith(_PREFIXES)}


_surroundings = threading.Lock()
_seen: Mapping[Any, Any] = {}  # os.environ when it was last looked at
_handed: dict[str, str] = {}  # what the engine has of it


def hand_over_environment(lib: ctypes.CDLL) -> None:
    """Tell the engine of variables that changed since the last call; 1 us where nothing has."""
    global _seen, _handed
    # The dict within os.environ, where there is one: comparing that decodes nothing.
    now = getattr(os.environ, "_data", os.environ)
    if now == _seen:
        return
    with _surroundings:
        looked_at = dict(now)
        variables = environment()
        if variables != _handed:
            error = _ffi.Text()
            check(lib.cw_environment(encode(variables), byref(error)), error)
            _handed = variables
        _seen = looked_at
