"""A mosaic is the same wherever its files lie: in a bucket of S3, Google's or Azure's store as on the local disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cogweave as cw
import numpy as np
import pytest

from tests import archive
from tests.conftest import Archive
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
    items = [
        {**item, "assets": {BAND: item["assets"][BAND]}} for item in made.items if f"_{DAY}_" in item["id"]
    ]
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
        for bucket in ("public", "private", "theirs"):
            for file in scene.files:
                server.put(f"/{bucket}/{file}", (scene.made.folder / file).read_bytes())
        yield server


def keys(user: tuple[str, str]) -> dict[str, str]:
    return {"access_key_id": user[0], "secret_access_key": user[1]}


def test_signed_with_given_keys(scene: Scene, versity: Versity) -> None:
    options = {"endpoint": versity.url, **keys(ROOT)}
    scene.check("signed", lambda file: f"s3://private/{file}", storage={"s3://private": options})


def test_anonymous_without_configuration(scene: Scene, versity: Versity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", versity.url)
    scene.check("anonymous", lambda file: f"s3://public/{file}")


def test_the_environment_as_it_is_at_the_call(
    scene: Scene, versity: Versity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", versity.url)
    with pytest.raises(cw.AccessDenied, match="s3://private was read anonymously, since no credentials were found"):
        scene.check("environment", lambda file: f"s3://private/{file}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT[1])
    scene.check("environment", lambda file: f"s3://private/{file}")


def test_two_buckets_two_credentials_one_catalog(scene: Scene, versity: Versity) -> None:
    first = scene.files[0]
    storage = {
        "s3://private": {"endpoint": versity.url, **keys(ROOT)},
        "s3://theirs": {"endpoint": versity.url, **keys(OTHER)},
    }
    href = lambda file: f"s3://{'private' if file == first else 'theirs'}/{file}"  # noqa: E731
    scene.check("two", href, storage=storage)
    with pytest.raises(cw.AccessDenied, match="s3://private"):
        scene.check("two", href, storage={**storage, "s3://private": storage["s3://theirs"]})
