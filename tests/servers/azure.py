"""Azure's blobs: azurite, with an account of the tests' own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path

import pytest

from .process import FOLDER, Server, free_port, program

ACCOUNT, KEY = "tiles", base64.b64encode(b"the key of the account of the tests").decode()
_VERSION = "2021-12-02"


class Azurite(Server):
    """A server of one account."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/{ACCOUNT}"
        super().__init__(
            *(program("node"), str(_main())),
            *("--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)),
            *("--silent", "--skipApiVersionCheck", "--disableTelemetry"),
            port=port,
            log=folder / "azurite.log",
            env={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        )

    def container(self, name: str, *, public: bool = False) -> None:
        headers = {"x-ms-blob-public-access": "blob"} if public else {}
        self._put(f"/{name}", b"", headers, {"restype": "container"})

    def put(self, path: str, body: bytes) -> None:
        self._put(path, body, {"x-ms-blob-type": "BlockBlob"}, {})

    def sas(self, container: str) -> str:
        """A signature for reading a container, for an hour."""
        until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        resource = f"/blob/{ACCOUNT}/{container}"
        text = "\n".join(["r", "", until, resource, "", "", "", _VERSION, "c", "", "", "", "", "", "", ""])
        return urllib.parse.urlencode({"sv": _VERSION, "sp": "r", "sr": "c", "se": until, "sig": _sign(text)})

    def _put(self, path: str, body: bytes, headers: dict[str, str], query: dict[str, str]) -> None:
        headers = {**headers, "x-ms-date": formatdate(usegmt=True), "x-ms-version": _VERSION}
        own = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        place = f"/{ACCOUNT}/{ACCOUNT}{path}" + "".join(f"\n{name}:{query[name]}" for name in sorted(query))
        length, kind = str(len(body) or ""), "application/octet-stream"
        text = "\n".join(["PUT", "", "", length, "", kind, *[""] * 6]) + "\n" + own + place
        sent = {**headers, "Content-Type": kind, "Authorization": f"SharedKey {ACCOUNT}:{_sign(text)}"}
        url = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        urllib.request.urlopen(urllib.request.Request(url, body, sent, method="PUT"), timeout=10).close()


def _main() -> Path:
    main = FOLDER / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not main.exists():
        pytest.skip("LEFT OUT: azurite is not installed (make test-deps): the store is not tried on it")
    return main


def _sign(text: str) -> str:
    return base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
