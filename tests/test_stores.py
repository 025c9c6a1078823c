"""A mosaic is the same wherever its files lie: in a bucket of S3, Google's or Azure's store as on the local disk."""

from __future__ import annotations

import asyncio
import base64
import gc
import os
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pytest
from cogweave import _storage

from tests import archive
from tests.conftest import Archive
from tests.pickles import unpacked
from tests.servers.azure import ACCOUNT, KEY, Azurite
from tests.servers.gcs import FakeGCS
from tests.servers.nginx import Nginx
from tests.servers.s3 import OTHER, ROOT, Versity

DAY = "20250504"
BAND = "B04"


@dataclass(frozen=True)
class Scene:
    """The items of one day, the pixels that they give, and a grid for those."""

    made: Archive
    folder: Path
    items: list[dict[str, Any]]
    grid: cw.Grid
    pixels: np.ndarray

    @property
    def files(self) -> list[str]:
        return [item["assets"][BAND]["href"] for item in self.items]

    def catalog(self, name: str, href: Callable[[str], str]) -> Path:
        return archive.write_catalog(self.items, self.folder / f"{name}.parquet", href)

    def check(self, name: str, href: Callable[[str], str], **arguments: Any) -> None:
        """Open a catalog of other hrefs, and compare with the local read."""
        opened = cw.open(self.catalog(name, href), grid=self.grid, bands=[BAND], **arguments)
        np.testing.assert_array_equal(opened.values, self.pixels)


@pytest.fixture(scope="module")
def scene(made: Archive, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("stores")
    items = [{**item, "assets": {BAND: item["assets"][BAND]}} for item in made.items if f"_{DAY}_" in item["id"]]
    grid = made.utm_grid((90, 100), 10)
    local = archive.write_catalog(items, folder / "local.parquet", lambda href: str(made.folder / href))
    pixels = cw.open(local, grid=grid, bands=[BAND]).values
    assert len(items) > 1 and pixels.any()
    return Scene(made, folder, items, grid, pixels)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "GOOGLE_", "AZURE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(scope="module")
def versity(scene: Scene) -> Iterator[Versity]:
    with Versity(scene.folder / "s3") as server:
        server.bucket("public", readers="*")
        server.bucket("private")
        server.bucket("theirs", readers=OTHER[0])
        server.bucket("unread")  # by another test: what is in the caches needs no credentials
        for bucket in ("public", "private", "theirs", "unread"):
            for file in scene.files:
                server.put(f"/{bucket}/{file}", (scene.made.folder / file).read_bytes())
        yield server


@pytest.fixture(scope="module")
def watched(scene: Scene, versity: Versity) -> Iterator[Nginx]:
    """The S3 server behind one that writes down what reaches it, and the disk under /plain/."""
    locations = f"""
    location / {{ proxy_pass {versity.url}; proxy_http_version 1.1; proxy_set_header Host $http_host; }}
    location /plain/ {{ alias {scene.made.folder}/; }}
    location /away/ {{ rewrite ^/away/(.*)$ http://localhost:$server_port/plain/$1 redirect; }}
    location /moved/ {{ add_header X-Amz-Bucket-Region eu-test-1 always; return 301; }}
    """
    with Nginx(scene.folder / "watched", scene.made.folder, locations) as server:
        yield server


@pytest.fixture(scope="module")
def gcs(scene: Scene) -> Iterator[FakeGCS]:
    for file in scene.files:
        copy = scene.folder / "gcs" / "tiles" / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((scene.made.folder / file).read_bytes())
    with FakeGCS(scene.folder / "gcs", scene.folder / "gcs.log") as server:
        yield server


@pytest.fixture(scope="module")
def azurite(scene: Scene) -> Iterator[Azurite]:
    with Azurite(scene.folder / "azure") as server:
        server.container("private")
        server.container("public", public=True)
        for container in ("private", "public"):
            for file in scene.files:
                server.put(f"/{container}/{file}", (scene.made.folder / file).read_bytes())
        yield server


def keys(user: tuple[str, str]) -> dict[str, str]:
    return {"access_key_id": user[0], "secret_access_key": user[1]}


def seen(server: Nginx, path: str, least: int = 1) -> list[dict[str, Any]]:
    """The requests of a path; they are written down a little after they were answered."""
    deadline = time.monotonic() + 5
    while True:
        found = [request for request in server.requests() if path in request["uri"]]
        if len(found) >= least or time.monotonic() > deadline:
            return found
        time.sleep(0.01)


# ---- S3 -----------------------------------------------------------------------------------------


def test_signed_with_given_keys(scene: Scene, versity: Versity) -> None:
    options = {"endpoint": versity.url, **keys(ROOT)}
    scene.check("signed", lambda file: f"s3://private/{file}", storage={"s3://private": options})


async def opened(*args: Any, **kwargs: Any) -> np.ndarray:
    lazy = await cw.open_async(*args, **kwargs)
    return (await lazy.load_async()).values


def test_awaited_too(scene: Scene, versity: Versity) -> None:
    storage = {"s3://private": {"aws_endpoint": versity.url, **keys(ROOT)}}
    catalog = scene.catalog("awaited", lambda file: f"s3://private/{file}")
    pixels = asyncio.run(opened(catalog, grid=scene.grid, bands=[BAND], storage=storage))
    np.testing.assert_array_equal(pixels, scene.pixels)


def test_anonymous_without_configuration(scene: Scene, versity: Versity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", versity.url)
    scene.check("anonymous", lambda file: f"s3://public/{file}")


def test_the_environment_as_it_is_at_the_call(scene: Scene, versity: Versity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", versity.url)
    with pytest.raises(cw.AccessDenied, match="s3://private was read anonymously, since no credentials were found"):
        scene.check("environment", lambda file: f"s3://private/{file}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT[1])
    scene.check("environment", lambda file: f"s3://private/{file}")


def test_a_profile_of_the_users_files(
    scene: Scene, versity: Versity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".aws").mkdir()
    profile = f"[theirs]\naws_access_key_id = {OTHER[0]}\naws_secret_access_key = {OTHER[1]}\n"
    (tmp_path / ".aws" / "credentials").write_text(profile)
    monkeypatch.setenv("AWS_ENDPOINT_URL", versity.url)
    monkeypatch.setenv("AWS_PROFILE", "theirs")
    scene.check("profile", lambda file: f"s3://theirs/{file}")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(cw.InvalidArgument, match="no AWS profile .nobody"):
        scene.check("nobody", lambda file: f"s3://theirs/{file}?nobody")


def test_two_buckets_two_credentials_one_catalog(scene: Scene, versity: Versity) -> None:
    first = scene.files[0]
    storage = {
        "s3://private": {"endpoint": versity.url, **keys(ROOT)},
        "s3://theirs": {"endpoint": versity.url, **keys(OTHER)},
    }

    def href(file: str) -> str:
        return f"s3://{'private' if file == first else 'theirs'}/{file}"

    scene.check("two", href, storage=storage)
    with pytest.raises(cw.AccessDenied, match="s3://private"):
        scene.check("two", href, storage={**storage, "s3://private": storage["s3://theirs"]})


def test_a_wrong_key_is_refused_by_name_and_never_shown(scene: Scene, versity: Versity) -> None:
    options = {"endpoint": versity.url, "access_key_id": ROOT[0], "secret_access_key": "a-wrong-secret"}
    for more in ({}, {"token": "a-token"}):
        with pytest.raises(cw.AccessDenied) as caught:
            scene.check("wrong", lambda file: f"s3://private/{file}", storage={"s3://private": {**options, **more}})
        text = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
        assert "s3://private" in str(caught.value) and "storage=" in str(caught.value)
        assert "a-wrong-secret" not in text and "a-token" not in text and "X-Amz-Signature" not in text


def test_a_key_that_is_missing(scene: Scene, versity: Versity) -> None:
    storage = {"s3://private": {"endpoint": versity.url, **keys(ROOT)}}
    with pytest.raises(cw.AssetNotFound, match="NoSuchKey"):
        scene.check("missing", lambda file: f"s3://private/not/{file}", storage=storage)


def test_requester_pays_and_session_tokens_are_sent(scene: Scene, watched: Nginx) -> None:
    options = {"endpoint": watched.url, "requester_pays": True, **keys(ROOT)}
    scene.check("pays", lambda file: f"s3://private/{file}", storage={"s3://private": options})
    assert {r["x_amz_request_payer"] for r in seen(watched, "/private/")} == {"requester"}
    with pytest.raises(cw.CogweaveError):  # this server has no sessions; what counts is what reaches it
        scene.check("token", lambda file: f"s3://tokens/{file}", storage={"s3://": {**options, "session_token": "abc"}})
    assert {r["x_amz_security_token"] for r in seen(watched, "/tokens/")} == {"abc"}


@pytest.mark.parametrize("version", [1, 2])
def test_what_the_catalog_says_of_its_storage(scene: Scene, watched: Nginx, version: int) -> None:
    bucket = f"said-{version}"
    said: dict[str, Any] = {"storage:requester_pays": True, "storage:region": "eu-said-1"}
    if version == 2:
        scheme = {"type": "aws-s3", "bucket": bucket, "region": "eu-said-1", "requester_pays": True}
        said = {"storage:schemes": {"theirs": scheme}}
    items = [
        {
            **item,
            "properties": {**item["properties"], **said},
            "assets": {BAND: {**item["assets"][BAND], "storage:refs": ["theirs"]}},
        }
        for item in scene.items
    ]
    catalog = archive.write_catalog(
        items, scene.folder / f"said-{version}.parquet", lambda file: f"s3://{bucket}/{file}"
    )
    with pytest.raises(cw.CogweaveError):  # there is no such bucket
        cw.headers(cw.search(catalog), storage={"s3://": {"endpoint": watched.url, **keys(ROOT)}})
    request = seen(watched, f"/{bucket}/")[0]
    assert request["x_amz_request_payer"] == "requester" and "/eu-said-1/s3/" in request["authorization"]


def test_a_bucket_of_another_region(scene: Scene, watched: Nginx) -> None:
    options = {"endpoint": f"{watched.url}/moved", **keys(ROOT)}
    with pytest.raises(cw.AssetError):  # that place always sends on
        scene.check("region", lambda file: f"s3://elsewhere/{file}", storage={"s3://elsewhere": options})
    regions = [r["authorization"].split("/")[2] for r in seen(watched, "/moved/", least=2)]
    assert regions[0] == "us-east-1" and "eu-test-1" in regions and len(regions) <= 3 * len(scene.files)


def test_the_bucket_in_the_host_name_and_a_proxy(
    scene: Scene, versity: Versity, watched: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The proxy, set after the engine was loaded, is what knows the way to the host.
    monkeypatch.setenv("HTTP_PROXY", watched.url)
    options = {"endpoint": "http://s3.test", "virtual_hosted_style_request": True, **keys(ROOT)}
    with pytest.raises(cw.CogweaveError):  # the server behind has no such domain
        scene.check("virtual", lambda file: f"s3://private/virtual/{file}", storage={"s3://private": options})
    assert {r["host"] for r in seen(watched, "/virtual/")} == {"private.s3.test"}


def test_the_catalog_may_lie_in_a_bucket_too(scene: Scene, versity: Versity) -> None:
    catalog = scene.catalog("theirs", lambda file: f"s3://theirs/{file}")
    versity.put("/private/catalog.parquet", catalog.read_bytes())
    user = {"endpoint": versity.url, **keys(OTHER)}
    storage = {"s3://private": {"endpoint": versity.url, **keys(ROOT)}, "s3://theirs": user}
    opened = cw.open("s3://private/catalog.parquet", grid=scene.grid, bands=[BAND], storage=storage)
    np.testing.assert_array_equal(opened.values, scene.pixels)


def test_a_remote_catalog_does_not_get_the_environments_credentials(
    scene: Scene, versity: Versity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", versity.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT[1])
    for bucket in ("private", "unread"):
        catalog = scene.catalog(f"named-{bucket}", lambda file, bucket=bucket: f"s3://{bucket}/{file}")
        versity.put(f"/private/{bucket}.parquet", catalog.read_bytes())
    own = cw.open("s3://private/private.parquet", grid=scene.grid, bands=[BAND])  # the caller named that bucket
    np.testing.assert_array_equal(own.values, scene.pixels)
    with pytest.raises(cw.AccessDenied, match="that only a catalog names"):
        cw.open("s3://private/unread.parquet", grid=scene.grid, bands=[BAND]).load()
    named = cw.open("s3://private/unread.parquet", grid=scene.grid, bands=[BAND], storage={"s3://unread": {}})
    np.testing.assert_array_equal(named.values, scene.pixels)


def test_options_are_checked_before_anything_is_read(scene: Scene) -> None:
    for storage, hint in [
        ({"s3://b": {"acces_key_id": "x"}}, "s3://b: unknown option 'acces_key_id'; did you mean access_key_id"),
        ({"s3://b": {"access_key_id": "x"}}, "belong together"),
        ({"gs://b": {"region": 1}}, "gs://b: unknown option 'region'"),
        ({"s3://b": {"requester_pays": "perhaps"}}, "must be True or False"),
        ({"s3://b": {"endpoint": "ftp://x"}}, "not an http or https URL"),
        ({"ftp://b": {"region": "x"}}, "ftp://b is not a bucket"),
        ({"s3://b": {"credential_provider": 3}}, "credential_provider wants a callable"),
        ("s3://b", "by URL prefix"),
    ]:
        with pytest.raises(cw.InvalidArgument) as caught:
            cw.search(scene.folder / "local.parquet", storage=storage)  # type: ignore[arg-type]
        assert hint in str(caught.value).replace('"', "'")


# ---- credential providers -----------------------------------------------------------------------


class Given:
    """A credential provider that counts."""

    def __init__(self, **more: Any) -> None:
        self.calls, self.more = 0, more

    def __call__(self) -> dict[str, Any]:
        self.calls += 1
        return {"access_key_id": ROOT[0], "secret_access_key": ROOT[1], **self.more}


async def given_later() -> dict[str, Any]:
    await asyncio.sleep(0.001)
    return {
        "access_key_id": ROOT[0],
        "secret_access_key": ROOT[1],
        "expires_at": datetime.now(UTC) + timedelta(hours=1),
    }


def test_a_credential_provider_is_asked_once_until_it_expires(scene: Scene, versity: Versity) -> None:
    lasting = Given(expires_at=datetime.now(UTC) + timedelta(hours=1))
    brief = Given(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    for provider in (lasting, brief):
        storage = {"s3://private": {"endpoint": versity.url, "credential_provider": provider}}
        scene.check("provider", lambda file: f"s3://private/{file}", storage=storage)
    assert lasting.calls == 1 and brief.calls > 1


@pytest.mark.parametrize("provider", [given_later, "tests.test_stores:given_later"])
def test_a_provider_may_be_a_coroutine_or_an_import_path(scene: Scene, versity: Versity, provider: Any) -> None:
    storage = {"s3://private": {"endpoint": versity.url, "credential_provider": provider}}
    scene.check("coroutine", lambda file: f"s3://private/{file}", storage=storage)
    catalog = scene.catalog("coroutine", lambda file: f"s3://private/{file}")
    pixels = asyncio.run(opened(catalog, grid=scene.grid, bands=[BAND], storage=storage))
    np.testing.assert_array_equal(pixels, scene.pixels)


def test_a_provider_that_fails_is_the_callers_exception(scene: Scene, versity: Versity) -> None:
    def broken() -> dict[str, Any]:
        raise LookupError("no vault here")

    storage = {"s3://private": {"endpoint": versity.url, "credential_provider": broken}}
    with pytest.raises(LookupError, match="no vault here"):
        scene.check("broken", lambda file: f"s3://private/{file}", storage=storage)


@dataclass
class ByEquality:
    """Cannot be hashed, as it is equal by what it holds."""

    key: str

    def __call__(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Frozen:
    """Can be hashed, and has equals."""

    key: str

    def __call__(self) -> dict[str, Any]:
        return {}


def test_a_provider_s_name_is_its_own() -> None:
    """Not that of one that is no more, at the same address; and it does not end with that of an equal."""
    assert len({_storage.name_of(ByEquality(str(n))) for n in range(100)}) == 100
    first, second = Frozen("a"), Frozen("a")
    names = _storage.name_of(first), _storage.name_of(second)
    assert names[0] != names[1]
    del first
    gc.collect()
    assert _storage.name_of(second) == names[1]
    assert _storage.name_of(second.__call__) == _storage.name_of(second.__call__)


# ---- Google and Azure ---------------------------------------------------------------------------


def test_google(scene: Scene, gcs: FakeGCS, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.check(
        "gs", lambda file: f"gs://tiles/{file}", storage={"gs://tiles": {"base_url": gcs.url, "anonymous": True}}
    )
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url.removeprefix("http://"))
    scene.check("gs-env", lambda file: f"gs://tiles/{file}")
    with pytest.raises(cw.AssetNotFound):
        scene.check("gs-missing", lambda file: f"gs://tiles/not/{file}")


def test_google_tokens_are_sent(scene: Scene, watched: Nginx) -> None:
    options = {"base_url": f"{watched.url}/plain", "token": "a-token", "requester_pays": True, "project": "mine"}
    with pytest.raises(cw.AssetNotFound):
        scene.check("gs-token", lambda file: f"gs://tokens/{file}", storage={"gs://tokens": options})
    request = seen(watched, "/plain/tokens/")[0]
    assert (request["authorization"], request["x_goog_user_project"]) == ("Bearer a-token", "mine")


def test_azure(scene: Scene, azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    place = {"endpoint": azurite.url, "account_name": ACCOUNT}
    for name, href, options in [
        ("key", "az://private", {"account_key": KEY}),
        ("sas", "abfs://private", {"sas_token": azurite.sas("private")}),
        ("public", "az://public", {}),
        ("account", f"abfss://private@{ACCOUNT}.dfs.core.windows.net", {"azure_storage_account_key": KEY}),
        ("blob", f"https://{ACCOUNT}.blob.core.windows.net/private", {"account_key": KEY}),
    ]:
        base = href
        scene.check(f"az-{name}", lambda file, base=base: f"{base}/{file}", storage={href: {**place, **options}})
    signature = azurite.sas("private")
    scene.check("az-href", lambda file: f"{azurite.url}/private/{file}?{signature}")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", azurite.url)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    scene.check("az-env", lambda file: f"az://private/{file}")


def test_azure_refuses(scene: Scene, azurite: Azurite) -> None:
    wrong = base64.b64encode(b"not the key of the account").decode()
    place = {"endpoint": azurite.url, "account_name": ACCOUNT}
    with pytest.raises(cw.AccessDenied, match="/private was read with the credentials in storage=") as caught:
        scene.check(
            "az-wrong", lambda file: f"az://private/{file}", storage={"az://private": {**place, "account_key": wrong}}
        )
    assert wrong not in str(caught.value) and "sig=" not in str(caught.value)
    with pytest.raises(cw.InvalidArgument, match="no account is named"):
        scene.check("az-nobody", lambda file: f"az://nobody/{file}")


# ---- TLS, HTTP/2, redirects ---------------------------------------------------------------------


@pytest.fixture
def configured() -> Iterator[None]:
    yield
    cw.configure(ca_bundle="")


def test_tls_and_http2(scene: Scene, watched: Nginx, configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(cw.AssetError, match="certificate is not valid"):
        scene.check("tls", lambda file: f"{watched.secure}/plain/{file}")
    monkeypatch.setenv("SSL_CERT_FILE", str(watched.ca))
    scene.check("tls", lambda file: f"{watched.secure}/plain/{file}?environment")
    monkeypatch.delenv("SSL_CERT_FILE")
    cw.configure(ca_bundle=str(watched.ca))
    scene.check("tls", lambda file: f"{watched.secure}/plain/{file}?configured")
    assert {r["protocol"] for r in seen(watched, "?configured")} == {"HTTP/2.0"}
    scene.check("plain", lambda file: f"{watched.url}/plain/{file}?without-tls")
    assert {r["protocol"] for r in seen(watched, "?without-tls")} == {"HTTP/1.1"}


def test_a_redirect_leaves_everything_behind(scene: Scene, watched: Nginx) -> None:
    scene.check("away", lambda file: f"{watched.url}/away/{file}?sig=secret")
    arrived = [r for r in seen(watched, "/plain/") if r["host"].startswith("localhost") and "?" in r["uri"]]
    assert arrived and all(r["authorization"] == r["cookie"] == r["referer"] == "" for r in arrived)
    options = {"endpoint": f"{watched.url}/away", **keys(ROOT)}
    with pytest.raises(cw.AssetError, match="answered 302"):
        scene.check("signed-away", lambda file: f"s3://signed/{file}", storage={"s3://signed": options})
    assert seen(watched, "/away/signed/") and not seen(watched, "/plain/signed/", least=0)  # it was not sent on


# ---- where secrets do not go --------------------------------------------------------------------


def test_no_secret_in_plans_arrays_and_graphs(scene: Scene, versity: Versity) -> None:
    storage = {"s3://private": {"endpoint": versity.url, **keys(ROOT), "session_token": "a-token"}}
    catalog = scene.catalog("secrets", lambda file: f"s3://private/{file}")
    storage["s3://private"].pop("session_token")
    array = cw.open(catalog, grid=scene.grid, bands=[BAND], storage=storage, chunks={})
    texts = [repr(array), repr(array.attrs), repr(array.encoding), repr(dict(array.__dask_graph__()))]
    assert ROOT[1] not in "".join(texts)
    told = unpacked(array)
    assert ROOT[1].encode() not in told and versity.url.encode() in told
