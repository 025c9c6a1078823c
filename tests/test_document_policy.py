"""STAC documents lead to no address that the engine's policy forbids, by link or by redirect."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cogweave as cw
import pytest
from cogweave import _http_policy
from cogweave._http_policy import Guard

from tests.servers.faultserver import Exchange, FaultServer, Reply, redirect, silence

METADATA = "http://169.254.169.254/latest/meta-data"


class Handler(BaseHTTPRequestHandler):
    """Documents by their paths; a text is where a redirect leads."""

    documents: dict[str, Any]

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        told = self.documents[self.path]
        self.send_response(302 if isinstance(told, str) else 200)
        if isinstance(told, str):
            self.send_header("Location", told)
        body = b"" if isinstance(told, str) else json.dumps(told).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(documents: dict[str, Any]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Documents", (Handler,), {"documents": documents}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def configured(**settings: Any) -> Iterator[None]:
    before = cw.configure()
    cw.configure(**settings)
    try:
        yield
    finally:
        cw.configure(**{name: before[name] for name in settings})


def catalog(*links: str) -> dict[str, Any]:
    return {"type": "Catalog", "id": "c", "links": [{"rel": "child", "href": href} for href in links]}


ITEM = {
    "type": "Feature", "id": "a", "stac_version": "1.0.0", "geometry": None, "bbox": [0, 0, 1, 1], "links": [],
    "properties": {"datetime": "2025-05-01T00:00:00Z"}, "assets": {"B04": {"href": "a.tif"}},
}  # fmt: skip


def test_links_to_what_is_allowed_are_followed() -> None:
    with serving({"/c.json": catalog("a.json"), "/a.json": "/b.json", "/b.json": ITEM}) as url:
        assert len(cw.search(f"{url}/c.json")) == 1


@pytest.mark.parametrize("documents", [{"/c.json": catalog(METADATA)}, {"/c.json": METADATA}])
def test_metadata_services_are_not_asked(documents: dict[str, Any]) -> None:
    with serving(documents) as url, pytest.raises(cw.SearchError, match=r"169\.254\.169\.254, which must not"):
        cw.search(f"{url}/c.json")


def test_settings_hold_for_documents() -> None:
    with serving({"/c.json": ITEM}) as url:
        with configured(deny_loopback=True), pytest.raises(cw.SearchError, match=r"leads to 127\.0\.0\.1"):
            cw.search(f"{url}/c.json")
        with configured(deny_loopback=True, allow_hosts=["127.0.0.1"]):
            assert len(cw.search(f"{url}/c.json")) == 1


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"]
)
def test_a_public_source_leads_to_no_private_network(address: str) -> None:
    guard = Guard()
    guard.check("example.com", "192.0.43.8")
    guard.check("example.org", "2606:2800:21f:cb07::1")
    with pytest.raises(cw.SearchError, match="must not be connected to"):
        guard.check("inside.example.com", address)
    own = Guard()
    own.check("minio", address)
    own.check("example.com", "192.0.43.8")
    own.check("minio", address)


@pytest.mark.parametrize("address", ["169.254.1.1", "fe80::1%eth0", "224.0.0.1", "::ffff:169.254.169.254"])
def test_some_addresses_are_never_connected_to(address: str) -> None:
    with configured(allow_hosts=["host"]), pytest.raises(cw.SearchError):
        Guard().check("host", address)


def slowly(head: str, body: bytes, pause: float) -> Reply:
    """An answer that comes byte by byte."""

    def reply(x: Exchange) -> bool:
        x.send((head + "\r\n\r\n").encode())
        for at in range(len(body)):
            x.send(body[at : at + 1])
            time.sleep(pause)
        return False

    return reply


OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json"


def test_a_document_that_comes_in_pieces_is_read_whole() -> None:
    packed = gzip.compress(json.dumps(ITEM).encode())
    with FaultServer() as server:
        server.always["/a.json"] = slowly(f"{OK}\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}", packed, 0)
        assert len(cw.search(f"{server.url}/a.json")) == 1
        assert len(server.requests) == 1


def test_a_search_may_take_longer_than_a_file() -> None:
    """What a POST asks for is not asked for again."""

    def late(x: Exchange) -> bool:
        time.sleep(0.6)
        return slowly(f"{OK}\r\nContent-Length: {len(body)}", body, 0)(x)

    body = json.dumps(ITEM).encode()
    with FaultServer() as server, configured(retries=0, first_byte_timeout=0.2):
        server.always["/a.json"] = late
        assert len(cw.search(f"{server.url}/a.json")) == 1


def test_a_server_of_documents_may_be_neither_silent_nor_slow() -> None:
    limits = {"first_byte_timeout": 0.3, "attempt_timeout": 0.3, "total_timeout": 0.6}
    with FaultServer() as server, configured(retries=1, **limits):
        server.always.update({"/a.json": silence, "/b.json": slowly(OK, b" " * 200, 0.1)})
        for name, told in (("a", "timed out"), ("b", "too slow")):
            start = time.monotonic()
            with pytest.raises(cw.SearchError, match=told):
                cw.search(f"{server.url}/{name}.json")
            assert time.monotonic() - start < 5
        assert [request.path for request in server.requests] == ["/a.json", "/a.json", "/b.json"]


def test_a_document_may_not_be_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http_policy, "_MOST_BYTES", 1 << 20)
    packed = gzip.compress(bytes(4 << 20))
    with FaultServer() as server:
        server.always["/a.json"] = slowly(f"{OK}\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}", packed, 0)
        server.always["/b.json"] = redirect("/b.json")
        with pytest.raises(cw.SearchError, match="more than 1 MiB"):
            cw.search(f"{server.url}/a.json")
        server.forget()
        with pytest.raises(cw.SearchError, match="5 redirects"):
            cw.search(f"{server.url}/b.json")
        assert len(server.requests) == 6
