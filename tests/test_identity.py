"""Who a machine is: credentials of a role, a sign-on or the machine itself reach the request for the file.

A process is started as it would be in a container or on a machine of that cloud, by its environment and its user's
files; the services that give out credentials listen on loopback (tests/servers/identity.py), and nginx writes
down what reaches the store. Where a service has one link-local address for everybody, all this happens in a network of
its own (tests/servers/cut_off.py).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import archive
from tests.conftest import Archive
from tests.scripts import run
from tests.servers.identity import PROOF, ROLE, SECRET, IdentityServer
from tests.servers.nginx import Nginx

BAND = "B04"
SCRIPT = """
    import sys
    import cogweave as cw
    cw.configure(cache_dir="")
    print(len(cw.headers(cw.search(sys.argv[1]))))
"""


CUT_OFF = """
    import json, sys
    from pathlib import Path
    from tests.servers import cut_off
    given = json.loads(sys.argv[1])
    try:
        cut_off.enter(given["vendor"])
    except OSError as error:
        sys.exit(f"LEFT OUT: {error}")
    from tests.servers.identity import IdentityServer
    from tests.servers.nginx import Nginx
    from tests.test_identity import Place
    folder = Path(given["folder"])
    with (
        Nginx(folder / "nginx", Path(given["files"])) as store,
        IdentityServer(cut_off.METADATA, given["port"]) as machine,
        IdentityServer(cut_off.CONTAINER, given["port"]) as container,
    ):
        places = {"url": store.url, "secure": store.secure, "ca": store.ca}
        environment = {name: text.format_map(places) for name, text in given["environment"].items()}
        requests = Place(folder, given["item"], store, machine).read("home", given["scheme"], environment)
        print(json.dumps({"machine": machine.asked, "container": container.asked, "requests": requests}))
"""


@dataclass(frozen=True)
class Place:
    """A file behind nginx, and the services that give credentials for it."""

    folder: Path
    item: dict[str, Any]
    store: Nginx
    identity: IdentityServer
    archive: Path = Path()  # what the store serves

    def read(self, name: str, scheme: str, environment: dict[str, str]) -> list[dict[str, Any]]:
        """Read a header in a process of that environment; gives the requests that reached the store."""
        before = len(self.store.requests())
        catalog = archive.write_catalog([self.item], self.folder / f"{name}.parquet", lambda file: f"{scheme}://{file}")
        home = self.folder / name
        home.mkdir(exist_ok=True)
        clean = {key: "" for key in os.environ if key.startswith(("AWS_", "GOOGLE_", "AZURE_"))}
        done = run(SCRIPT, catalog, env={**clean, "HOME": str(home), **environment})
        assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr
        assert SECRET not in done.stderr + done.stdout and PROOF not in done.stderr + done.stdout
        return self.store.requests()[before:]


@pytest.fixture(scope="module")
def place(made: Archive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("identity")
    first = made.items[0]
    item = {**first, "assets": {BAND: first["assets"][BAND]}}
    with Nginx(folder / "nginx", made.folder) as store, IdentityServer() as identity:
        yield Place(folder, item, store, identity, made.folder)


def _amazon(place: Place, name: str, environment: dict[str, str]) -> None:
    """The key and the session token of the service that is called so sign every request."""
    place.identity.asked.clear()
    store = {"AWS_ENDPOINT_URL_S3": place.store.url, "AWS_REGION": "eu-test-1", **environment}
    requests = place.read(name.replace(" ", "-"), "s3", store)
    assert place.identity.asked == [name]
    word = name.split()[0]
    assert [r["x_amz_security_token"] for r in requests] == [f"token-{word}"]
    assert all(f"Credential=ASIA{word.upper()}/" in r["authorization"] for r in requests)


def test_web_identity(place: Place) -> None:
    token = place.folder / "token"
    token.write_text(PROOF)
    role = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": ROLE, "AWS_ENDPOINT_URL_STS": place.identity.url}
    _amazon(place, "web identity", role)


@pytest.mark.parametrize("kind", ["session", "legacy"])
def test_single_sign_on(place: Place, kind: str) -> None:
    portal = "services = here\nsso_account_id = 123456789012\nsso_role_name = reader\nregion = eu-test-1\n"
    services = f"[services here]\nsso =\n  endpoint_url = {place.identity.url}\n"
    if kind == "session":
        cached = "work"
        sign_on = "sso_session = work\n"
        services += "[sso-session work]\nsso_start_url = https://sign.on/start\nsso_region = eu-test-1\n"
    else:
        cached = "https://sign.on/start"
        sign_on = "sso_start_url = https://sign.on/start\nsso_region = eu-test-1\n"
    cache = place.folder / "sso" / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache.parents[1] / "config").write_text(f"[profile signed]\n{portal}{sign_on}{services}")
    end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    kept = {"accessToken": PROOF, "expiresAt": end, "region": "eu-test-1", "startUrl": "https://sign.on/start"}
    (cache / f"{hashlib.sha1(cached.encode()).hexdigest()}.json").write_text(json.dumps(kept))
    _amazon(place, "sso", {"AWS_PROFILE": "signed"})


def test_container(place: Place) -> None:
    service = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{place.identity.url}/container"}
    _amazon(place, "container", {**service, "AWS_CONTAINER_AUTHORIZATION_TOKEN": PROOF})


def test_instance(place: Place) -> None:
    _amazon(place, "instance", {"AWS_EC2_METADATA_SERVICE_ENDPOINT": place.identity.url})


def test_azure_managed_identity(place: Place) -> None:
    place.identity.asked.clear()
    service = {"IDENTITY_ENDPOINT": f"{place.identity.url}/msi/token", "IDENTITY_HEADER": PROOF}
    # A token goes over https only.
    store = {"AZURE_STORAGE_ENDPOINT": place.store.secure, "SSL_CERT_FILE": str(place.store.ca)}
    requests = place.read("azure", "az", {**service, **store, "AZURE_STORAGE_ACCOUNT_NAME": "account"})
    assert place.identity.asked == ["managed identity"]
    assert [r["authorization"] for r in requests] == ["Bearer token-azure"]


def test_google_metadata(place: Place) -> None:
    place.identity.asked.clear()
    machine = {"GCE_METADATA_HOST": place.identity.host, "GOOGLE_BASE_URL": place.store.url}
    requests = place.read("google", "gs", machine)
    assert place.identity.asked == ["compute"]
    assert [r["authorization"] for r in requests] == ["Bearer token-google"]


def _cut_off(
    place: Place, vendor: str, scheme: str, environment: dict[str, str], *, has_identity: bool = True
) -> dict[str, Any]:
    """Read the file on a vendor's machine that has nothing but its loopback, with the services' own addresses on it."""
    folder = place.folder / f"cut-off-{len(list(place.folder.iterdir()))}"
    folder.mkdir()
    given = {"vendor": vendor, "port": 80 if has_identity else 81, "scheme": scheme, "environment": environment}
    where = {"item": place.item, "folder": str(folder), "files": str(place.archive)}
    done = run(CUT_OFF, json.dumps({**given, **where}))
    if done.stderr.startswith("LEFT OUT"):
        pytest.skip(f"{done.stderr.strip()}: the link-local addresses of identity services are not tried")
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


AMAZON = {"AWS_ENDPOINT_URL_S3": "{url}", "AWS_REGION": "eu-test-1"}


def test_a_container_s_own_address(place: Place) -> None:
    environment = {**AMAZON, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/task"}
    seen = _cut_off(place, "somebody", "s3", environment)
    assert (seen["container"], seen["machine"]) == (["task"], [])
    assert [r["x_amz_security_token"] for r in seen["requests"]] == ["token-task"]
    assert all("Credential=ASIATASK/" in r["authorization"] for r in seen["requests"])


def test_an_instance_s_own_address(place: Place) -> None:
    seen = _cut_off(place, "Amazon EC2", "s3", AMAZON)
    assert (seen["container"], seen["machine"]) == ([], ["instance"])
    assert [r["x_amz_security_token"] for r in seen["requests"]] == ["token-instance"]


def test_an_azure_machine_s_own_address(place: Place) -> None:
    store = {"AZURE_STORAGE_ENDPOINT": "{secure}", "SSL_CERT_FILE": "{ca}", "AZURE_STORAGE_ACCOUNT_NAME": "account"}
    seen = _cut_off(place, "Microsoft Corporation", "az", store)
    assert (seen["container"], seen["machine"]) == ([], ["virtual machine"])
    assert [r["authorization"] for r in seen["requests"]] == ["Bearer token-machine"]


def test_a_google_machine_s_own_address(place: Place) -> None:
    seen = _cut_off(place, "Google", "gs", {"GOOGLE_BASE_URL": "{url}"})
    assert (seen["container"], seen["machine"]) == ([], ["compute"])
    assert [r["authorization"] for r in seen["requests"]] == ["Bearer token-google"]


@pytest.mark.parametrize(
    ("vendor", "scheme", "store"),
    [
        ("Amazon EC2", "s3", AMAZON),
        (
            "Microsoft Corporation",
            "az",
            {"AZURE_STORAGE_ENDPOINT": "{url}", "AZURE_STORAGE_ACCOUNT_NAME": "account"},
        ),
        ("Google", "gs", {"GOOGLE_BASE_URL": "{url}"}),
    ],
    ids=["amazon", "azure", "google"],
)
def test_a_machine_without_an_identity_reads_anonymously(
    place: Place, vendor: str, scheme: str, store: dict[str, str]
) -> None:
    seen = _cut_off(place, vendor, scheme, store, has_identity=False)
    assert (seen["container"], seen["machine"]) == ([], [])
    assert [r["authorization"] for r in seen["requests"]] == [""]


def test_no_machine_of_a_cloud_asks_nobody(place: Place) -> None:
    """The addresses would answer, but nothing says that they are worth a request."""
    seen = _cut_off(place, "somebody", "s3", AMAZON)
    assert (seen["container"], seen["machine"]) == ([], [])
    assert [r["authorization"] for r in seen["requests"]] == [""]
