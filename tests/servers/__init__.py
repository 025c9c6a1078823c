"""The HTTP servers that demo, tests and benchmarks read from."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).resolve().parent / "rangeserver"
BINARY = ROOT / "build" / "test-servers" / "rangeserver"


def build() -> Path:
    """Builds rangeserver where it is missing or older than its source; standard library only."""
    newest = max(path.stat().st_mtime for path in SOURCE.glob("*.go"))
    if not BINARY.exists() or BINARY.stat().st_mtime < newest:
        BINARY.parent.mkdir(parents=True, exist_ok=True)
        fresh = BINARY.with_suffix(f".{os.getpid()}")
        subprocess.run(
            ["go", "build", "-o", str(fresh), "./tests/servers/rangeserver"],
            cwd=ROOT,
            env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"},
            check=True,
        )
        fresh.replace(BINARY)
    return BINARY


@dataclass(frozen=True)
class Counters:
    """What the server was asked for since its start or its last reset."""

    requests: int
    bytes: int
    in_flight: int
    max_in_flight: int
    aborted: int


class RangeServer:
    """A folder behind real HTTP, with byte ranges, a latency and counters.

    Use it as a context manager, or call `stop`. It ends by itself when this process ends, because
    its standard input is a pipe from here.
    """

    def __init__(self, root: str | os.PathLike[str], latency: str = "0s") -> None:
        self.root = Path(root)
        self._process = subprocess.Popen(
            [str(build()), "--root", str(self.root), "--latency", latency],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"

    def href(self, path: str | os.PathLike[str]) -> str:
        """The URL of a file below root, given absolute or relative to it."""
        path = Path(path)
        relative = path.relative_to(self.root) if path.is_absolute() else path
        return f"{self.url}/{relative.as_posix()}"

    def stats(self) -> Counters:
        return Counters(**self._call("GET", "/_stats"))

    def requests(self) -> list[dict[str, Any]]:
        """Every request since the last reset: method, path, range, status, bytes; aborted_ns if the client left."""
        log: list[dict[str, Any]] = self._call("GET", "/_requests")
        return log

    def reset(self, latency: str | None = None) -> None:
        self._call("POST", "/_reset" + (f"?latency={latency}" if latency else ""))

    def stop(self) -> None:
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _call(self, method: str, path: str) -> Any:
        request = urllib.request.Request(self.url + path, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)
