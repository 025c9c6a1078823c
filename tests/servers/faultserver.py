"""An HTTP server on a raw socket that answers as wrongly as it is told to, and remembers every request."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self, TypeAlias


@dataclass(frozen=True)
class Request:
    """What was asked: the path with its query, the bytes [start, end), headers by lower-case name."""

    path: str
    start: int
    end: int
    headers: dict[str, str]


@dataclass(frozen=True)
class Held:
    """A file of the server's. Without etag and modified neither is sent."""

    data: bytes
    etag: str = '"v1"'
    modified: str = ""


class Exchange:
    """One request being answered."""

    def __init__(self, server: FaultServer, connection: socket.socket, request: Request, held: Held) -> None:
        self.server = server
        self.connection = connection
        self.request = request
        self.held = held

    @property
    def start(self) -> int:
        return self.request.start

    @property
    def end(self) -> int:
        """The end of the range asked for, within the file."""
        return min(self.request.end, len(self.held.data))

    @property
    def body(self) -> bytes:
        return self.held.data[self.start : self.end]

    def head(self, status: int, *lines: str) -> None:
        phrase = HTTPStatus(status).phrase
        self.send("\r\n".join([f"HTTP/1.1 {status} {phrase}", *lines, "", ""]).encode())

    def partial(self, *lines: str, length: int | None = None, shift: int = 0, total: int | None = None) -> None:
        """The head of a 206, wrong where it is told to be; a length below 0 leaves Content-Length out."""
        length = self.end - self.start if length is None else length
        total = len(self.held.data) if total is None else total
        told = [f"Content-Range: bytes {self.start + shift}-{self.end + shift - 1}/{total}", *lines]
        if length >= 0:
            told.append(f"Content-Length: {length}")
        if self.held.etag:
            told.append(f"ETag: {self.held.etag}")
        if self.held.modified:
            told.append(f"Last-Modified: {self.held.modified}")
        self.head(206, *told)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)


Reply: TypeAlias = Callable[[Exchange], bool]
"""Answers a request; True where the connection may carry another one."""


@dataclass
class FaultServer:
    """Serves `files` by range, faultlessly, but for what `script` and `always` say. A context manager."""

    files: dict[str, Held] = field(default_factory=dict)
    always: dict[str, Reply] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._scripts: dict[str, list[Reply]] = {}
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def put(self, path: str, data: bytes, etag: str = '"v1"', modified: str = "") -> str:
        """Have a file, new or instead of the one there was; gives its URL."""
        self.files[path] = Held(data, etag, modified)
        return self.url + path

    def script(self, path: str, *replies: Reply) -> None:
        """Have the next requests for a path answered by these, one each."""
        with self._lock:
            self._scripts[path] = list(replies)

    def forget(self) -> None:
        """Forget the requests so far."""
        self.requests.clear()
        self.sent = 0

    def ranges(self) -> list[tuple[int, int]]:
        """The ranges asked for, in order of arrival."""
        return [(request.start, request.end) for request in self.requests]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.close()
        with self._lock:
            for connection in self._open:
                connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                while (request := _read(lines.readline)) is not None:
                    if not self._answer(connection, request):
                        return
        except OSError:
            pass  # the client has left
        finally:
            with self._lock:
                self._open.discard(connection)

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        with self._lock:
            self.requests.append(request)
            script = self._scripts.get(request.path)
            reply = script.pop(0) if script else self.always.get(request.path)
            held = self.files.get(request.path)
        if reply is None:
            reply = serve if held is not None else status(404)
        return reply(Exchange(self, connection, request, held or Held(b"")))


def _read(line: Callable[[], bytes]) -> Request | None:
    first = line().split()
    if len(first) != 3:
        return None
    headers = {}
    while text := line().strip():
        name, _, value = text.partition(b":")
        headers[name.decode().lower()] = value.strip().decode()
    start, _, last = headers.get("range", "bytes=0-0").removeprefix("bytes=").partition("-")
    return Request(first[1].decode(), int(start), int(last) + 1, headers)


def serve(x: Exchange) -> bool:
    """As HTTP wants it: preconditions, the end of the file and all."""
    match, since = x.request.headers.get("if-match"), x.request.headers.get("if-unmodified-since")
    if (match and match != x.held.etag) or (since and since != x.held.modified):
        x.head(412, "Content-Length: 0")
    elif x.start >= len(x.held.data):
        x.head(416, f"Content-Range: bytes */{len(x.held.data)}", "Content-Length: 0")
    else:
        x.partial()
        x.send(x.body)
    return True


def status(code: int, *lines: str) -> Reply:
    """A status without a body."""

    def reply(x: Exchange) -> bool:
        x.head(code, *lines, "Content-Length: 0")
        return True

    return reply


def page(code: int, text: str) -> Reply:
    """An HTML page in place of the file."""

    def reply(x: Exchange) -> bool:
        x.head(code, "Content-Type: text/html", f"Content-Length: {len(text)}")
        x.send(text.encode())
        return True

    return reply


def cut(n: int, reset: bool = False) -> Reply:
    """So many bytes of the range, then the connection's end: FIN, or RST."""

    def reply(x: Exchange) -> bool:
        x.partial()
        x.send(x.body[:n])
        time.sleep(0.02)  # a reset overtakes bytes that the client has not read yet
        if reset:
            x.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            x.connection.shutdown(socket.SHUT_WR)
        return False

    return reply


def short_chunked(n: int) -> Reply:
    """So many bytes in chunks, and a clean end, which many clients take for the whole."""

    def reply(x: Exchange) -> bool:
        x.partial("Transfer-Encoding: chunked", length=-1)
        x.send((b"%x\r\n%s\r\n" % (n, x.body[:n]) if n else b"") + b"0\r\n\r\n")
        return False

    return reply


def about(shift: int = 0, total: int | None = None) -> Reply:
    """A whole answer whose Content-Range speaks of other bytes, or of a file of another size."""

    def reply(x: Exchange) -> bool:
        x.partial(shift=shift, total=total)
        x.send(x.body)
        return False

    return reply


def encoded(x: Exchange) -> bool:
    """A range of a gzip stream."""
    x.partial("Content-Encoding: gzip")
    x.send(x.body)
    return False


def multipart(x: Exchange) -> bool:
    """The form meant for several ranges."""
    part = b"--x\r\nContent-Range: bytes %d-%d/%d\r\n\r\n" % (x.start, x.end - 1, len(x.held.data))
    text = part + x.body + b"\r\n--x--\r\n"
    x.head(206, "Content-Type: multipart/byteranges; boundary=x", f"Content-Length: {len(text)}")
    x.send(text)
    return False


def whole(size: int) -> Reply:
    """The whole file, said to have so many bytes, whatever range was asked for."""

    def reply(x: Exchange) -> bool:
        x.head(200, f"Content-Length: {size}", 'ETag: "v1"')
        chunk = bytes(1 << 16)
        for _ in range(size >> 16):
            x.send(chunk)
            x.server.sent += len(chunk)
        return False

    return reply


def silence(x: Exchange) -> bool:
    """No answer, until the client leaves."""
    x.connection.recv(1)
    return False


def head_only(x: Exchange) -> bool:
    """A faultless head, and then silence."""
    x.partial()
    return silence(x)


def drip(x: Exchange) -> bool:
    """A faultless head, and then 20 bytes a second."""
    x.partial()
    for i in range(len(x.body)):
        x.send(x.body[i : i + 1])
        time.sleep(0.05)
    return False


def redirect(location: str) -> Reply:
    """Somewhere else."""
    return status(302, f"Location: {location}")
