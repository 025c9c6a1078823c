"""Google's object store: fake-gcs-server over a folder of buckets."""

from __future__ import annotations

from pathlib import Path

from .process import Server, free_port, program


class FakeGCS(Server):
    """A server of the buckets that are folders of `root`."""

    def __init__(self, root: Path, log: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(
            program("fake-gcs-server"),
            *("-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-public-host", f"127.0.0.1:{port}"),
            *("-backend", "memory", "-data", str(root), "-log-level", "error"),
            port=port,
            log=log,
        )
