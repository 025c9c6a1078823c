"""S3: versitygw over a folder, with a root user and one more."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from .process import Server, free_port, program

ROOT = ("ROOTKEYROOTKEY", "root-secret-0123456789")
OTHER = ("OTHERKEYOTHER", "other-secret-0123456789")


class Versity(Server):
    """An S3 server whose buckets are folders of `root`."""

    def __init__(self, folder: Path, *, region: str = "us-east-1", virtual_domain: str = "") -> None:
        port = free_port()
        for name in ("data", "iam", "meta"):
            (folder / name).mkdir(parents=True)
        account = {"access": OTHER[0], "secret": OTHER[1], "role": "user", "userID": 1, "groupID": 1, "projectID": 1}
        (folder / "iam" / "users.json").write_text(json.dumps({"accessAccounts": {OTHER[0]: account}}))
        self.region, self.url = region, f"http://127.0.0.1:{port}"
        super().__init__(
            program("versitygw"),
            *("--port", f"127.0.0.1:{port}", "--access", ROOT[0], "--secret", ROOT[1], "--region", region),
            *("--iam-dir", str(folder / "iam"), "--keep-alive", "--quiet"),
            *(("--virtual-domain", virtual_domain) if virtual_domain else ()),
            *("posix", "--sidecar", str(folder / "meta"), str(folder / "data")),
            port=port,
            log=folder / "versitygw.log",
            env={"HOME": str(folder)},
        )

    def bucket(self, name: str, *, readers: str | None = None) -> None:
        """Makes a bucket that a user, or "*", may read beside root."""
        self.put(f"/{name}", b"")
        if readers is not None:
            statement = {
                "Effect": "Allow",
                "Principal": "*" if readers == "*" else {"AWS": [readers]},
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{name}/*",
            }
            self.put(f"/{name}", json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode(), "policy=")

    def put(self, path: str, body: bytes, query: str = "") -> None:
        """A PUT signed by root: just enough of version 4 to fill a bucket."""
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        digest, host = hashlib.sha256(body).hexdigest(), f"127.0.0.1:{self.port}"
        signed = "host;x-amz-content-sha256;x-amz-date"
        request = (
            f"PUT\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{now}\n\n{signed}\n{digest}"
        )
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = b"AWS4" + ROOT[1].encode()
        for part in (now[:8], self.region, "s3", "aws4_request", text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        authorization = f"AWS4-HMAC-SHA256 Credential={ROOT[0]}/{scope}, SignedHeaders={signed}, Signature={key.hex()}"
        headers = {"x-amz-date": now, "x-amz-content-sha256": digest, "Authorization": authorization}
        url = self.url + path + ("?" + query if query else "")
        urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"), timeout=10).close()
