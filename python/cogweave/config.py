"""The process-wide runtime: its limits, its counters, its brake."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from ctypes import byref
from typing import Any

from . import _arguments, _ffi, _lib


def configure(
    *,
    threads: int | None = None,
    max_requests: int | None = None,
    max_requests_per_host: int | None = None,
    requests_per_second: float | None = None,
    memory_limit: int | str | None = None,
    tile_cache: int | str | None = None,
    cache_dir: str | None = None,
    lookahead: int | None = None,
    retries: int | None = None,
    connect_timeout: float | None = None,
    first_byte_timeout: float | None = None,
    stall_timeout: float | None = None,
    attempt_timeout: float | None = None,
    total_timeout: float | None = None,
    ca_bundle: str | None = None,
    deny_loopback: bool | None = None,
    deny_private: bool | None = None,
    allow_hosts: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Set limits of the process; all reads, threads and event loops share them.

    What is left out stays as it is. Either everything is set or nothing.

    Parameters
    ----------
    threads : int, optional
        Workers that decode and resample.
    max_requests, max_requests_per_host : int, optional
        Requests in flight.
    requests_per_second : float, optional
        Requests started per second; 0 for no limit.
    memory_limit : int or str, optional
        Bytes for results and work in progress, or text such as ``"2 GB"``.
    tile_cache : int or str, optional
        Bytes for compressed tiles kept at hand.
    cache_dir : str, optional
        Folder of the header cache; "" for none.
    lookahead : int, optional
        Layers of items that are read before it is known that they are needed.
    retries : int, optional
        Attempts at a range after the first.
    connect_timeout, first_byte_timeout, stall_timeout, attempt_timeout, total_timeout : float, optional
        Seconds: for a connection, for an answer's first byte, without any byte, for one attempt,
        and for a range with all its attempts.
    ca_bundle : str, optional
        PEM file of the certificates to trust; "" for the system's.
    deny_loopback, deny_private : bool, optional
        Refuse hrefs that lead to this machine, or to private networks.
    allow_hosts : iterable of str, optional
        The only hosts that hrefs may lead to; none named: all.

    Returns
    -------
    dict
        The configuration in force.

    Raises
    ------
    InvalidArgument
        A value that makes no sense; nothing was changed.
    """
    request = {
        "threads": threads,
        "max_requests": max_requests,
        "max_requests_per_host": max_requests_per_host,
        "requests_per_second": requests_per_second,
        "memory_limit": None if memory_limit is None else _arguments.size(memory_limit, "memory_limit"),
        "tile_cache": None if tile_cache is None else _arguments.size(tile_cache, "tile_cache"),
        "cache_dir": None if cache_dir is None else os.fspath(cache_dir),
        "lookahead": lookahead,
        "retries": retries,
        "connect_timeout": connect_timeout,
        "first_byte_timeout": first_byte_timeout,
        "stall_timeout": stall_timeout,
        "attempt_timeout": attempt_timeout,
        "total_timeout": total_timeout,
        "ca_bundle": None if ca_bundle is None else os.fspath(ca_bundle),
        "deny_loopback": deny_loopback,
        "deny_private": deny_private,
        "allow_hosts": _arguments.names(allow_hosts, "allow_hosts"),
    }
    return _lib.ask("cw_configure", _lib.encode(request))


def stats() -> dict[str, float]:
    """Give the counters of the process since the library was loaded.

    Returns
    -------
    dict of str to number
        ``native_calls`` (operations submitted), ``completions``, ``requests``, ``bytes``,
        ``retries``, ``header_hits``, ``tile_hits``, ``decoded_pixels``; and as they are now
        ``memory`` (bytes), ``in_flight`` (requests), ``threads``.
    """
    return _lib.ask("cw_stats")


class Measurement(Mapping[str, float]):
    """What changed in the counters during a `measure` block; empty until it ends."""

    __slots__ = ("_difference",)

    def __init__(self) -> None:
        self._difference: dict[str, float] = {}

    def __getitem__(self, name: str) -> float:
        return self._difference[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._difference)

    def __len__(self) -> int:
        return len(self._difference)

    def __repr__(self) -> str:
        return f"Measurement({self._difference})"


@contextmanager
def measure() -> Iterator[Measurement]:
    """Measure a block: the difference of `stats` after it and before it.

    Yields
    ------
    Measurement
        A mapping, filled when the block ends.
    """
    measurement = Measurement()
    before = stats()
    try:
        yield measurement
    finally:
        after = stats()
        measurement._difference = {name: after[name] - before.get(name, 0) for name in after}


def cancel_all() -> None:
    """Ask every running operation of the process to stop; each then raises `Cancelled`."""
    error = _ffi.Text()
    _lib.check(_lib.library().cw_cancel_all(byref(error)), error)


def versions() -> dict[str, str]:
    """Give the versions of the engine and of what it is linked with.

    Returns
    -------
    dict of str to str
        ``cogweave, go, gdal, proj, duckdb, arrow``.
    """
    return _lib.ask("cw_versions")
