"""Where machines and single sign-on get their credentials: the services of three clouds, on one port.

Each answers as its vendor documents, and only to a request that proves what the vendor's own client proves; the
credentials it hands out say which service they are from.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

PROOF = "what-the-service-wants-to-see"  # token file, SSO token, container token, identity header
ROLE = "arn:aws:iam::123456789012:role/reader"
SECRET = "s3cr3t-of-the-service"

Answer = tuple[int, dict[str, str], str]


class IdentityServer:
    """A context manager. Attributes: url, and asked: the services that gave credentials, in order."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.asked: list[str] = []
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer((address, port), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.host = f"{address}:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def _refused(why: str) -> Answer:
    return 403, {}, json.dumps({"error": "refused", "error_description": why, "message": why})


class _Handler(BaseHTTPRequestHandler):
    owner: IdentityServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(at.query).items()}
        services: dict[str, Callable[[dict[str, str]], Answer]] = {
            "/federation/credentials": self._sso,
            "/container": self._container,
            "/v2/credentials/task": self._task,
            "/metadata/identity/oauth2/token": self._virtual_machine,
            "/latest/meta-data/iam/security-credentials/": self._instance_role,
            "/latest/meta-data/iam/security-credentials/reader": self._instance,
            "/msi/token": self._app_service,
            "/": lambda _: (200, {"Metadata-Flavor": "Google"}, "computeMetadata/"),  # which Google's kit looks for
            "/computeMetadata/v1/instance/service-accounts/default/token": self._compute,
        }
        service = services.get(at.path)
        self._send(service(query) if service else (404, {}, ""))

    def do_PUT(self) -> None:
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        if self.path != "/latest/api/token" or not ttl:
            return self._send((400, {}, ""))
        return self._send((200, {"X-aws-ec2-metadata-token-ttl-seconds": ttl}, PROOF))

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        want = {"Action": "AssumeRoleWithWebIdentity", "RoleArn": ROLE, "WebIdentityToken": PROOF}
        if any(form.get(name) != [value] for name, value in want.items()):
            return self._send(_refused("not the role or the token"))
        self.owner.asked.append("web identity")
        end = _later().strftime("%Y-%m-%dT%H:%M:%SZ")
        space = "https://sts.amazonaws.com/doc/2011-06-15/"
        return self._send(
            (
                200,
                {"Content-Type": "text/xml"},
                f'<AssumeRoleWithWebIdentityResponse xmlns="{space}"><AssumeRoleWithWebIdentityResult><Credentials>'
                f"<AccessKeyId>ASIAWEB</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
                f"<SessionToken>token-web</SessionToken><Expiration>{end}</Expiration></Credentials>"
                "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
            )
        )

    def _sso(self, query: dict[str, str]) -> Answer:
        if self.headers.get("x-amz-sso_bearer_token") != PROOF or query != {
            "role_name": "reader",
            "account_id": "123456789012",
        }:
            return _refused("not signed in")
        self.owner.asked.append("sso")
        role = {"accessKeyId": "ASIASSO", "secretAccessKey": SECRET, "sessionToken": "token-sso"}
        return 200, {}, json.dumps({"roleCredentials": {**role, "expiration": int(_later().timestamp() * 1000)}})

    def _container(self, _: dict[str, str]) -> Answer:
        if self.headers.get("Authorization") != PROOF:
            return _refused("no container of ours")
        self.owner.asked.append("container")
        return 200, {}, self._keys("ASIACONTAINER", "token-container")

    def _task(self, _: dict[str, str]) -> Answer:
        self.owner.asked.append("task")  # only the container that was told the path can know it
        return 200, {}, self._keys("ASIATASK", "token-task")

    def _instance_role(self, _: dict[str, str]) -> Answer:
        known = self.headers.get("X-aws-ec2-metadata-token") == PROOF
        return (200, {}, "reader") if known else (401, {}, "")

    def _instance(self, _: dict[str, str]) -> Answer:
        if self.headers.get("X-aws-ec2-metadata-token") != PROOF:
            return 401, {}, ""
        self.owner.asked.append("instance")
        return 200, {}, self._keys("ASIAINSTANCE", "token-instance")

    def _keys(self, key: str, token: str) -> str:
        end = _later().strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = {"AccessKeyId": key, "SecretAccessKey": SECRET, "Token": token, "Expiration": end}
        return json.dumps({"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": end, **keys})

    def _app_service(self, query: dict[str, str]) -> Answer:
        right = query.get("resource", "").rstrip("/") == "https://storage.azure.com" and "api-version" in query
        if self.headers.get("X-IDENTITY-HEADER") != PROOF or not right:
            return _refused("not the identity header, or not for storage")
        self.owner.asked.append("managed identity")
        token = {"access_token": "token-azure", "token_type": "Bearer", "resource": query["resource"]}
        return 200, {}, json.dumps({**token, "expires_on": str(int(_later().timestamp()))})

    def _virtual_machine(self, query: dict[str, str]) -> Answer:
        right = query.get("resource", "").rstrip("/") == "https://storage.azure.com" and "api-version" in query
        if self.headers.get("Metadata") != "true" or not right:
            return _refused("no Metadata, or not for storage")
        self.owner.asked.append("virtual machine")
        token = {"access_token": "token-machine", "token_type": "Bearer", "resource": query["resource"]}
        return 200, {}, json.dumps({**token, "expires_in": "3600", "expires_on": str(int(_later().timestamp()))})

    def _compute(self, query: dict[str, str]) -> Answer:
        if self.headers.get("Metadata-Flavor") != "Google" or "devstorage" not in query.get("scopes", ""):
            return _refused("no Metadata-Flavor, or not for storage")
        self.owner.asked.append("compute")
        token = {"access_token": "token-google", "token_type": "Bearer", "expires_in": 3600}
        return 200, {"Metadata-Flavor": "Google"}, json.dumps(token)

    def _send(self, answer: Answer) -> None:
        status, headers, text = answer
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quietly."""
