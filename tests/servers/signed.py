"""A server that gives files to signed hrefs only, and hands out tokens, as cloud stores do."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

SECRET = "s3cr3t-0123456789abcdef"  # part of every signature: no output may show it


class SignedServer:
    """A folder behind HTTP with byte ranges, whose files want ``?se=...&sig=...``.

    A signature holds for every path that begins with the one it was made for, until ``se``, or until
    `revoke`. ``/token/{account}/{container}`` hands out one for ``/{account}/{container}/``.
    """

    def __init__(self, root: Path, lifetime: float = 3600) -> None:
        self.root, self.lifetime = root, lifetime
        self.requests: list[tuple[str, str, int]] = []  # path, query, status
        self.tokens: list[str] = []  # containers that tokens were asked for
        self.keys: list[str | None] = []  # subscription keys that came along
        self.busy = 0  # answers to token requests that are to be 503 first
        self._version = 0
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def href(self, path: str | Path) -> str:
        path = Path(path)
        return f"{self.url}/{path.relative_to(self.root) if path.is_absolute() else path}"

    def query(self, prefix: str, lifetime: float | None = None) -> str:
        """A signature for every path that begins with prefix."""
        end = time.time() + (self.lifetime if lifetime is None else lifetime)
        se = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"sv=2021-06-08&p={prefix}&se={se}&sig={self._sig(prefix, se)}"

    def sign(self, href: str, lifetime: float | None = None) -> str:
        return f"{href}?{self.query(urlsplit(href).path, lifetime)}"

    def revoke(self) -> None:
        """Refuse every signature made so far."""
        self._version += 1

    def count(self, status: int) -> int:
        return sum(s == status for _, _, s in self.requests)

    def _sig(self, prefix: str, se: str) -> str:
        text = f"{self._version} {prefix} {se}"
        return SECRET + hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()

    def allows(self, path: str, query: str) -> bool:
        given = {name: values[0] for name, values in parse_qs(query).items()}
        prefix, se = given.get("p", "\0"), given.get("se", "")
        if not path.startswith(prefix) or given.get("sig") != self._sig(prefix, se):
            return False
        return datetime.fromisoformat(se).timestamp() >= time.time()

    def log(self, path: str, query: str, status: int) -> None:
        with self._lock:
            self.requests.append((path, query, status))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: SignedServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/token/"):
            self._token(parts.path.removeprefix("/token/"))
            return
        path = self.owner.root / parts.path.lstrip("/")
        if not self.owner.allows(parts.path, parts.query):
            self._answer(403, b"", parts.path, parts.query)
        elif not path.is_file():
            self._answer(404, b"", parts.path, parts.query)
        else:
            self._file(path, parts.path, parts.query)

    def _token(self, container: str) -> None:
        self.owner.tokens.append(container)
        self.owner.keys.append(self.headers.get("Ocp-Apim-Subscription-Key"))
        if self.owner.busy > 0:
            self.owner.busy -= 1
            self._answer(503, b"")
        elif container.endswith("/closed"):
            self._answer(403, b"")
        else:
            query = self.owner.query(f"/{container}/")
            self._answer(200, json.dumps({"msft:expiry": parse_qs(query)["se"][0], "token": query}).encode())

    def _file(self, path: Path, name: str, query: str) -> None:
        data = path.read_bytes()
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last) if last else len(data) - 1, len(data) - 1)
        tag = f'"{len(data)}-{path.stat().st_mtime_ns}"'
        self._answer(
            206,
            data[start : end + 1],
            name,
            query,
            {
                "Content-Range": f"bytes {start}-{end}/{len(data)}",
                "ETag": tag,
            },
        )

    def _answer(
        self, status: int, body: bytes, path: str = "", query: str = "", headers: dict[str, str] | None = None
    ) -> None:
        if path:
            self.owner.log(path, query, status)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass
