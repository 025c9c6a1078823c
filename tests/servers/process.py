"""Servers of other makers: found in build/test-servers, started on loopback ports, stopped by process id."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "build" / "test-servers"


def program(name: str) -> str:
    """The path of a server; the test is skipped, and says so, where it could not be installed."""
    for found in (str(FOLDER / name), shutil.which(name), f"/usr/sbin/{name}"):
        if found and os.access(found, os.X_OK):
            return found
    pytest.skip(f"LEFT OUT: {name} is not installed (make test-deps): the store is not tried on it")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A process that listens on a port of 127.0.0.1; a context manager."""

    def __init__(self, *command: str, port: int, log: Path, env: dict[str, str] | None = None) -> None:
        self.port, self.log = port, log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **(env or {})}
            )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError(f"{command[0]} does not start: {log.read_text()[-2000:]}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
