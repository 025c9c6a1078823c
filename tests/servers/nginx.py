"""nginx: HTTP/1.1, HTTP/2 and TLS over a folder, redirects, and a look at what reaches a server behind it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from .process import Server, free_port, program

_HEADERS = (
    "host",
    "authorization",
    "x_amz_security_token",
    "x_amz_request_payer",
    "x_goog_user_project",
    "range",
    "cookie",
    "referer",
)


class Nginx(Server):
    """A folder over http and over https with HTTP/2, and further locations as nginx writes them.

    Attributes
    ----------
    url, secure : str
        Of the folder.
    ca : Path
        Certificate of the authority that the https server's was made by.
    """

    def __init__(self, folder: Path, root: Path, locations: str = "") -> None:
        found = program("nginx")
        folder.mkdir(parents=True)
        port, secure = free_port(), free_port()
        self.url, self.secure = f"http://127.0.0.1:{port}", f"https://localhost:{secure}"
        self.ca = authority(folder)
        self._requests = folder / "requests.log"
        members = ", ".join(f'"{name}": "$http_{name}"' for name in _HEADERS)
        temporary = " ".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = f"""daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{ {temporary}
  log_format seen escape=json '{{"uri": "$request_uri", "status": $status, "protocol": "$server_protocol", {members}}}';
  access_log {self._requests} seen;
  server {{
    listen 127.0.0.1:{port}; listen 127.0.0.1:{secure} ssl http2; server_name _; root {root};
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    {locations}
  }} }}"""
        (folder / "nginx.conf").write_text(config)
        command = (found, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf"))
        super().__init__(*command, port=port, log=folder / "out.log")

    def requests(self) -> list[dict[str, Any]]:
        """Every request so far, with the headers that matter here."""
        return [json.loads(line) for line in self._requests.read_text().splitlines()]


def authority(folder: Path) -> Path:
    """Makes a certificate authority and a server's certificate for localhost."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=tests")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl("x509", "-req", "-in", "server.csr", *signing, "-out", "server.pem")
    return folder / "ca.pem"
