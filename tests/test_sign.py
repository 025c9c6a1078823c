"""Hrefs are signed when they are read: in batches, by any function, anew before a signature ends or when refused."""

from __future__ import annotations

import asyncio
import functools
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cogweave as cw
import numpy as np
import pytest
from cogweave import _signing

from tests.archive import catalog_table
from tests.conftest import Archive
from tests.servers.signed import SECRET, SignedServer


@pytest.fixture
def server(made: Archive) -> Iterator[SignedServer]:
    with SignedServer(made.folder) as found:
        yield found


@pytest.fixture
def catalog(made: Archive, server: SignedServer) -> Any:
    """The archive's items with hrefs of the server that wants signatures."""
    return relocated(made, server)


def relocated(made: Archive, server: SignedServer, below: str = "") -> Any:
    items = [
        {**item, "assets": {k: {**a, "href": server.href(below + a["href"])} for k, a in item["assets"].items()}}
        for item in made.items
    ]
    return catalog_table(items)


def opened(made: Archive, catalog: Any, sign: Any, **arguments: Any) -> Any:
    return cw.open(catalog, grid=made.utm_grid((200, 200), 10), bands=["B04"], sign=sign, **arguments)


@pytest.fixture
def want(made: Archive) -> np.ndarray[Any, Any]:
    pixels: np.ndarray[Any, Any] = opened(made, made.local, None).values
    assert pixels.any()
    return pixels


def empty_the_tile_cache() -> None:
    size = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    cw.configure(tile_cache=size)


def test_without_a_signature_access_is_denied(made: Archive, catalog: Any, server: SignedServer) -> None:
    with pytest.raises(cw.AccessDenied):
        opened(made, catalog, None).load()
    assert server.count(206) == 0


def kinds(server: SignedServer, calls: list[Any]) -> dict[str, Callable[..., Any]]:
    """One function of each kind; each notes what it was called with."""

    def one(href: str) -> str:
        calls.append(href)
        return server.sign(href)

    def unannotated(link):  # type: ignore[no-untyped-def]
        calls.append(link)
        return server.sign(link)

    def many(hrefs: list[str]) -> list[str]:
        calls.append(hrefs)
        return [server.sign(href) for href in hrefs]

    def hrefs_by_name(hrefs):  # type: ignore[no-untyped-def]
        calls.append(hrefs)
        return (server.sign(href) for href in hrefs)

    async def one_async(href: str) -> str:
        calls.append(href)
        await asyncio.sleep(0.001)
        return server.sign(href)

    async def many_async(hrefs: list[str]) -> list[str]:
        calls.append(hrefs)
        await asyncio.sleep(0.001)
        return [server.sign(href) for href in hrefs]

    class Session:
        async def __call__(self, hrefs: list[str]) -> list[str]:
            return await many_async(hrefs)

    return {
        "one": one,
        "unannotated": unannotated,
        "many": many,
        "by name": hrefs_by_name,
        "one async": one_async,
        "many async": many_async,
        "object": Session(),
        "partial": functools.partial(many),
        "lambda": lambda href: one(href),
        "gives an awaitable": lambda href: one_async(href),
    }


KINDS = sorted(kinds(None, []))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("awaited", [False, True], ids=["called", "awaited"])
def test_every_kind_of_function(
    made: Archive, catalog: Any, server: SignedServer, want: Any, kind: str, awaited: bool
) -> None:
    calls: list[Any] = []
    da = opened(made, catalog, kinds(server, calls)[kind])
    assert not calls, "called before anything was read"
    got = asyncio.run(da.load_async()) if awaited else da.load()
    np.testing.assert_array_equal(got.values, want)
    assert server.count(403) == 0 and server.count(206) > 0
    asked = [href for call in calls for href in ([call] if isinstance(call, str) else call)]
    assert len(asked) == len(set(asked)), "an href was signed twice"
    assert all("?" not in href for href in asked)
    if "many" in kind:
        assert len(calls) <= 2, "not in batches"


def test_an_awaited_read_keeps_plain_functions_off_the_loop(made: Archive, catalog: Any, server: SignedServer) -> None:
    threads = set()

    def slow(hrefs: list[str]) -> list[str]:
        threads.add(threading.get_ident())
        time.sleep(0.3)
        return [server.sign(href) for href in hrefs]

    async def main() -> tuple[float, Any]:
        reading = asyncio.ensure_future(opened(made, catalog, slow).load_async())
        longest, last = 0.0, time.perf_counter()
        while not reading.done():
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        return longest, await reading

    longest, _ = asyncio.run(main())
    assert longest < 0.25
    assert threading.get_ident() not in threads


def test_signatures_are_remembered_for_the_process(made: Archive, catalog: Any, server: SignedServer) -> None:
    calls: list[list[str]] = []

    def sign(hrefs: list[str]) -> list[str]:
        calls.append(hrefs)
        return [server.sign(href) for href in hrefs]

    opened(made, catalog, sign).load()
    before = len(calls)
    empty_the_tile_cache()
    opened(made, catalog, sign).load()
    assert len(calls) == before >= 1


def test_signed_again_shortly_before_the_end(made: Archive, catalog: Any, server: SignedServer) -> None:
    """Eight chunks over three seconds, with signatures of two: none is refused."""
    server.lifetime = 2
    calls: list[float] = []

    def sign(hrefs: list[str]) -> list[str]:
        calls.append(time.monotonic())
        return [server.sign(href) for href in hrefs]

    da = opened(made, catalog, sign)
    size = cw.configure()["tile_cache"]
    cw.configure(tile_cache=0)
    try:
        for step in range(8):
            da.isel(y=slice(25 * step, 25 * step + 25)).copy().load()
            time.sleep(0.4)
    finally:
        cw.configure(tile_cache=size)
    assert server.count(403) == 0
    assert 2 <= len(calls) <= 16


def test_refused_signatures_are_made_anew_once(made: Archive, catalog: Any, server: SignedServer, want: Any) -> None:
    calls: list[list[str]] = []

    def sign(hrefs: list[str]) -> list[str]:
        calls.append(hrefs)
        return [server.sign(href) for href in hrefs]

    da = opened(made, catalog, sign)
    da.isel(x=[0], y=[0]).load()
    server.revoke()
    np.testing.assert_array_equal(da.load().values, want)
    assert server.count(403) > 0

    calls.clear()

    def stale(href: str) -> str:
        calls.append([href])
        return f"{href}?sv=1&se=2099-01-01T00:00:00Z&sig={SECRET}"

    empty_the_tile_cache()
    before = server.count(403)
    with pytest.raises(cw.AccessDenied) as denied:
        opened(made, catalog, stale).isel(time=0, x=[0], y=[0]).load()
    assert SECRET not in str(denied.value)
    asked = [href for (href,) in calls]  # each twice; what it gives again is not requested again
    assert server.count(403) - before == len(set(asked))
    assert all(asked.count(href) == 2 for href in asked)


def test_what_came_back_unsigned_is_asked_about_again_once(made: Archive, server: SignedServer) -> None:
    """A function that gives an href as it is has another chance when that is refused, and only one."""
    asset = made.items[0]["assets"]["B04"]
    one = catalog_table([{**made.items[0], "assets": {"B04": {**asset, "href": server.href(asset["href"])}}}])
    calls: list[str] = []

    def without_a_token_at_first(href: str) -> str:
        calls.append(href)
        return href if len(calls) == 1 else server.sign(href)

    def never_signs(href: str) -> str:
        calls.append(href)
        return href

    cw.configure(cache_dir="")
    assert len(cw.headers(one, ["B04"], sign=without_a_token_at_first)) == 1
    assert (server.count(403), server.count(206), len(calls)) == (1, 1, 2)

    fresh = SignedServer(made.folder)
    calls.clear()
    with fresh, pytest.raises(cw.AccessDenied, match="403"):
        href = fresh.href(asset["href"])
        cw.headers(
            catalog_table([{**made.items[0], "assets": {"B04": {**asset, "href": href}}}]), ["B04"], sign=never_signs
        )
    assert (fresh.count(403), len(calls)) == (1, 2)


def test_the_functions_own_error_is_raised(made: Archive, catalog: Any) -> None:
    class NoKeyError(Exception):
        pass

    mine = NoKeyError("the vault is closed")

    def fails(href: str) -> str:
        raise mine

    async def fails_async(href: str) -> str:
        raise mine

    for sign in (fails, fails_async):
        for errors in ("raise", "ignore"):
            with pytest.raises(NoKeyError) as raised:
                opened(made, catalog, sign, errors=errors).load()
            assert raised.value is mine
        with pytest.raises(NoKeyError) as raised:
            asyncio.run(opened(made, catalog, sign).load_async())
        assert raised.value is mine


def gives_none(href: str) -> None: ...


def gives_one_for_many(hrefs: list[str]) -> list[str]:
    return hrefs[:1]


def gives_text_for_many(hrefs: list[str]) -> str:
    return hrefs[0]


def breaks_lines(href: str) -> str:
    return href + "?sig=1\r\nHost: elsewhere"


@pytest.mark.parametrize("sign", [gives_none, gives_one_for_many, gives_text_for_many, breaks_lines])
def test_a_function_that_gives_something_else(made: Archive, catalog: Any, sign: Any) -> None:
    with pytest.raises(cw.InvalidArgument, match="sign"):
        opened(made, catalog, sign).load()


def test_what_is_no_function_is_refused_at_once(made: Archive, catalog: Any) -> None:
    for wrong in ("token", 3, lambda: ""):
        with pytest.raises(cw.InvalidArgument, match="sign"):
            opened(made, catalog, wrong)


def test_every_stage_signs(made: Archive, catalog: Any, server: SignedServer, want: Any) -> None:
    def sign(href: str) -> str:
        return server.sign(href)

    items = cw.search(catalog, sign=sign)
    headers = cw.headers(items, ["B04"], sign=sign)
    plan = cw.plan(items, made.utm_grid((200, 200), 10), bands=["B04"], headers=headers, sign=sign)
    np.testing.assert_array_equal(cw.mosaic(plan, cw.fetch(plan)), want)
    np.testing.assert_array_equal(cw.read(plan), want)
    for step in cw.stream(plan):
        np.testing.assert_array_equal(step.array, want[:, step.index])
    item = {**made.items[0], "assets": {"B04": {**made.items[0]["assets"]["B04"]}}}
    item["assets"]["B04"]["href"] = server.href(item["assets"]["B04"]["href"])
    assert cw.open_item(item, sign=sign).isel(x=slice(64), y=slice(64)).load().any()


HREFS: list[str] = []


def by_import_path(href: str) -> str:
    """Found by its import path in another process."""
    HREFS.append(href)
    return href


def test_arrays_pickle_with_the_functions_import_path(made: Archive, catalog: Any) -> None:
    da = opened(made, catalog, by_import_path)
    pickled = pickle.dumps(da)
    assert pickle.loads(pickled).encoding["cogweave"]._base.sign.call is by_import_path
    HREFS.clear()
    empty_the_tile_cache()
    with pytest.raises(cw.AccessDenied):  # it gives the href as it is, and is asked for it
        pickle.loads(pickled).load()
    assert HREFS
    with pytest.raises(cw.InvalidArgument, match="sign"):
        pickle.dumps(opened(made, catalog, lambda href: href))


def test_planetary_computer(made: Archive, server: SignedServer, want: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One token for each container, kept until its end; renewed when refused; with the environment's key."""
    monkeypatch.setenv("PC_SDK_SUBSCRIPTION_KEY", "key-1")
    files = sorted({asset["href"] for item in made.items for asset in item["assets"].values()})
    account = made.folder / "account"
    (account / "sentinel").mkdir(parents=True, exist_ok=True)
    for name in files:
        link = account / "sentinel" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(made.folder / name)
    catalog = relocated(made, server, "account/sentinel/")
    sign = cw.sign.PlanetaryComputer(f"{server.url}/token")
    server.busy = 1
    da = opened(made, catalog, sign)
    np.testing.assert_array_equal(da.load().values, want)
    assert server.tokens == ["account/sentinel"] * 2  # the first was answered with 503
    assert server.keys == ["key-1"] * 2
    assert server.count(403) == 0
    assert "token" not in repr(sign) and pickle.loads(pickle.dumps(sign))([]) == []

    monkeypatch.setattr("cogweave.sign._FRESH_SECONDS", 0.0)
    server.revoke()
    again = opened(made, catalog, sign)
    empty_the_tile_cache()
    np.testing.assert_array_equal(again.load().values, want)
    assert server.count(403) > 0 and len(server.tokens) > 2

    with pytest.raises(cw.AccessDenied, match="account/closed"):
        sign([server.href("account/closed/a.tif")])
    untouched = [
        "s3://bucket/key",
        "https://host/a/b.tif",
        f"{server.url}/account/sentinel/a.tif?sig=mine",
        "/a/b/c.tif",
    ]
    assert sign(untouched) == untouched


def test_planetary_computer_follows_the_environment(server: SignedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PC_SDK_SAS_URL", f"{server.url}/token/")
    sign = pickle.loads(pickle.dumps(_signing.Sign(cw.sign.planetary_computer))).call
    assert sign is cw.sign.planetary_computer
    href = "https://account.blob.core.windows.net/container/a%20b.tif"
    (signed,) = sign([href])
    assert signed.startswith(f"{href}?sv=") and "sig=" in signed
    assert server.tokens == ["account/container"]


class Vault:
    """Signs by what it holds."""

    def sign(self, href: str) -> str:
        return href


def test_a_method_of_an_object_does_not_travel(made: Archive, catalog: Any) -> None:
    """Its import path is that of a function without the object."""
    with pytest.raises(cw.InvalidArgument, match=r"sign is 'Vault.sign' of an object"):
        pickle.dumps(opened(made, catalog, Vault().sign))


def test_plans_with_another_signer_are_others(made: Archive, catalog: Any) -> None:
    """A worker that failed without the signer must not answer for the array that has it."""
    without = opened(made, catalog, None).cogweave.plan
    signed = opened(made, catalog, by_import_path).cogweave.plan
    assert signed == opened(made, catalog, by_import_path).cogweave.plan != without
    assert opened(made, catalog, lambda href: href).cogweave.plan not in (signed, without)
    kept = pickle.loads(pickle.dumps(without))
    again = pickle.loads(pickle.dumps(signed))
    assert kept._base.sign is None and again._base.sign.call is by_import_path
