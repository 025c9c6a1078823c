"""The process-wide runtime: its limits, its counters, its brake."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from ctypes import byref
from typing import Any, Final

from . import _arguments, _ffi, _lib
from .errors import InvalidArgument


def configure(
    *,
    threads: int | None = None,
    memory_limit: int | str | None = None,
    tile_cache: int | str | None = None,
    header_cache: int | str | None = None,
    lookahead: int | None = None,
    max_requests: int | None = None,
    max_requests_per_host: int | None = None,
    initial_requests_per_host: int | None = None,
    requests_per_second: float | None = None,
    max_bytes_in_flight: int | str | None = None,
    retries: int | None = None,
    backoff: float | None = None,
    throttle_pause: float | None = None,
    max_backoff: float | None = None,
    max_retry_after: float | None = None,
    retry_budget: int | None = None,
    hedge: bool | None = None,
    hedge_after: float | None = None,
    connect_timeout: float | None = None,
    tls_timeout: float | None = None,
    first_byte_timeout: float | None = None,
    stall_timeout: float | None = None,
    stall_rate: int | str | None = None,
    attempt_timeout: float | None = None,
    total_timeout: float | None = None,
    header_bytes: int | str | None = None,
    coalesce_gap: int | str | None = None,
    coalesce_waste: float | None = None,
    coalesce_bytes: int | str | None = None,
    max_tile_bytes: int | str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    cache_size: int | str | None = None,
    cache_age: float | None = None,
    ca_bundle: str | os.PathLike[str] | None = None,
    deny_loopback: bool | None = None,
    deny_private: bool | None = None,
    allow_hosts: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Set limits of the process; all reads, threads and event loops share them.

    What is left out stays as it is: without arguments this tells the configuration in force. Either
    everything is set or nothing. Numbers of bytes may be text such as ``"2 GB"`` or ``"512 MiB"``;
    times are seconds.

    Parameters
    ----------
    threads : int, optional
        Workers that decode and resample. Default: one for each CPU that the process may use.
    memory_limit : int or str, optional
        Bytes for caches and work in progress. Default: a quarter of the machine's memory, 2 GiB at most.
    tile_cache : int or str, optional
        Of those, bytes for compressed tiles kept at hand; at most half, 0 for none. Default: an eighth.
    header_cache : int or str, optional
        Of those, bytes for parsed headers kept at hand; at most and by default an eighth.
    lookahead : int, optional
        Layers of items that are read before it is known that they are needed. Default: 1.
    max_requests, max_requests_per_host : int, optional
        Requests in flight, in all and to one server. Default: 64, 64.
    initial_requests_per_host : int, optional
        Requests in flight to a server of which nothing is known. Each 32 successes allow one more, "too
        many requests" (429, or 503 with ``SlowDown``) seven tenths as many. Default: 32.
    requests_per_second : float, optional
        Requests started per second. Default: 0, no limit.
    max_bytes_in_flight : int or str, optional
        Bytes asked for and not there yet, at most and by default an eighth of `memory_limit`.
    retries : int, optional
        Attempts at a range after the first: after 408, 429, 500, 502, 503, 504, a connection that
        breaks or stalls, and an answer that is too short. Default: 4.
    backoff, throttle_pause : float, optional
        The pause before the second attempt is random up to this, and up to twice as long before each
        further one. Default: 0.1; 1 after "too many requests".
    max_backoff : float, optional
        Longest such pause. Default: 10.
    max_retry_after : float, optional
        Longest pause that a server may ask for (``Retry-After``); if it asks for more, the read fails at
        once and says so. Default: 30.
    retry_budget : int, optional
        Tokens of each server, shared by all reads: a retry takes 14, one after "too many requests" 5, a
        success gives 1 back. Without tokens nothing is tried again. Default: 500; 0 for no limit.
    hedge : bool, optional
        Whether a request whose answer is late is sent a second time, for one in twenty at most; the
        first answer counts. Default: False.
    hedge_after : float, optional
        When an answer is late: after this time, and after what 19 of 20 answers of its server stay
        within. Default: 2.
    connect_timeout, tls_timeout, first_byte_timeout : float, optional
        For a connection, a TLS handshake, an answer's first byte. Default: 5, 10, 15.
    stall_timeout : float, optional
        How long an answer may bring less than `stall_rate` bytes a second. Default: 5.
    stall_rate : int or str, optional
        Default: 1024.
    attempt_timeout, total_timeout : float, optional
        For one attempt at a range, and for all of them with their pauses; a second more for each 16 KiB.
        An answer with a STAC document may begin within `attempt_timeout`, if that is longer than
        `first_byte_timeout`. Default: 30, 60.
    header_bytes : int or str, optional
        First read of a header. Default: 32 KiB.
    coalesce_gap : int or str, optional
        Most bytes between two tiles that are read over to save a request. Default: 64 KiB.
    coalesce_waste : float, optional
        Most bytes read over in a request, as a part of its tiles' bytes. Default: 0.01.
    coalesce_bytes : int or str, optional
        Largest request that is made of several tiles. Default: 8 MiB.
    max_tile_bytes : int or str, optional
        Largest decoded tile that a file may have. Default: 128 MiB.
    cache_dir : str or path, optional
        Folder of the headers that processes share, "" for none. Default: ``cogweave`` in
        ``$XDG_CACHE_HOME`` or ``~/.cache``.
    cache_size : int or str, optional
        Bytes of the files in it; those unused for longest go first. Default: 256 MiB; 0 for no limit.
    cache_age : float, optional
        How long a header is kept in it since it was last used. Default: 90 days; 0 for no limit.
    ca_bundle : str or path, optional
        PEM file of the certificates to trust; "" for the system's. Default: "".
    deny_loopback, deny_private : bool, optional
        Refuse hrefs that lead to this machine, or to private networks. Default: False.
    allow_hosts : iterable of str, optional
        Hosts that hrefs may lead to in spite of these two. Default: none.

    Returns
    -------
    dict
        The configuration in force.

    Raises
    ------
    InvalidArgument
        A value that makes no sense; nothing was changed.
    """
    request: dict[str, Any] = {
        "threads": threads,
        "lookahead": lookahead,
        "max_requests": max_requests,
        "max_requests_per_host": max_requests_per_host,
        "initial_requests_per_host": initial_requests_per_host,
        "requests_per_second": requests_per_second,
        "retries": retries,
        "backoff": backoff,
        "throttle_pause": throttle_pause,
        "max_backoff": max_backoff,
        "max_retry_after": max_retry_after,
        "retry_budget": retry_budget,
        "hedge": hedge,
        "hedge_after": hedge_after,
        "connect_timeout": connect_timeout,
        "tls_timeout": tls_timeout,
        "first_byte_timeout": first_byte_timeout,
        "stall_timeout": stall_timeout,
        "attempt_timeout": attempt_timeout,
        "total_timeout": total_timeout,
        "coalesce_waste": coalesce_waste,
        "cache_dir": None if cache_dir is None else os.fspath(cache_dir),
        "cache_age": cache_age,
        "ca_bundle": None if ca_bundle is None else os.fspath(ca_bundle),
        "deny_loopback": deny_loopback,
        "deny_private": deny_private,
        "allow_hosts": _arguments.names(allow_hosts, "allow_hosts"),
    }
    sizes = {
        "memory_limit": memory_limit,
        "tile_cache": tile_cache,
        "header_cache": header_cache,
        "max_bytes_in_flight": max_bytes_in_flight,
        "stall_rate": stall_rate,
        "header_bytes": header_bytes,
        "coalesce_gap": coalesce_gap,
        "coalesce_bytes": coalesce_bytes,
        "max_tile_bytes": max_tile_bytes,
        "cache_size": cache_size,
    }
    request |= {name: _arguments.size(value, name) for name, value in sizes.items() if value is not None}
    for name, value in request.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidArgument(f"{name} is not finite: {value}")
    told = _lib.ask("cw_configure", _lib.encode(request))
    _chosen.update({name: value for name, value in request.items() if value is not None})
    return told


# What the user has set in this process, and what it took over from the process of a plan.
_chosen: dict[str, Any] = {}
_inherited: dict[str, Any] = {}

# Share of a dask worker's memory limit for results and work in progress; the rest is dask's and the user's.
_SHARE: Final = 0.5


def portable() -> dict[str, Any]:
    """Give what the user has set in this process, for those that its plans travel to."""
    return dict(_chosen or _inherited)


def inherit(settings: Mapping[str, Any]) -> None:
    """Take over another process's settings, unless this process has its own.

    A dask worker's threads and memory are its own: as many workers share the machine.
    """
    budget = _worker_budget()
    if _chosen:
        return
    wanted = {**settings, **budget}
    if "memory_limit" in budget:  # the others are parts of it: defaults follow this process's own
        wanted = {name: value for name, value in wanted.items() if not (name in _PARTS_OF_MEMORY and value)}
    if wanted and _applied != wanted:
        _lib.ask("cw_configure", _lib.encode(wanted))
        _inherited.clear()
        _inherited.update(settings)
        _applied.clear()
        _applied.update(wanted)


_PARTS_OF_MEMORY = frozenset({"tile_cache", "header_cache", "max_bytes_in_flight"})

# The last request of `inherit`: a graph's tasks all bring the same settings.
_applied: dict[str, Any] = {}


def _worker_budget() -> dict[str, int]:
    """Give the threads and bytes of the dask workers that run in this process; nothing elsewhere."""
    if "distributed.worker" not in sys.modules:
        return {}
    from distributed.worker import Worker

    workers = list(Worker._instances)
    if not workers:
        return {}
    budget = {"threads": sum(worker.state.nthreads for worker in workers)}
    limits = [worker.memory_manager.memory_limit or 0 for worker in workers]
    if all(limits):
        budget["memory_limit"] = int(sum(limits) * _SHARE)
    return budget


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
