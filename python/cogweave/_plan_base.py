"""What the windows of one plan share: items, request, the engine's handle; and how that travels."""

from __future__ import annotations

import collections
import dataclasses
import functools
import hashlib
import json
import pickle
import threading
import weakref
import zlib
from typing import TYPE_CHECKING, Any, Final, cast

from . import _lib, _methods, _recipe, _signing, config
from . import _storage as stores
from ._gathered import Gathered
from ._plan_description import Description, Membership, membership_of
from ._ports import Request
from ._recipe import Found
from ._source import Source
from ._steps import Steps, aside, ask, drive
from .progress import Tracker, followed
from .search import find, take_handle
from .tables import Headers, Items

if TYPE_CHECKING:
    import ctypes

    from ._answers import Answerers
    from .grid import Grid

_KEPT: Final = 4  # unpickled plans that stay at hand although nothing holds them


class Base:
    """What the windows of one plan share: the items, the request, and the engine's plan.

    It pickles as a recipe, without secrets (`_recipe`), and is planned anew where it is first used
    after that.

    Parameters
    ----------
    items : Items or Found
        The items, or how to find them.
    """

    def __init__(
        self,
        items: Items | Found,
        headers: Headers | None,
        grid: Grid,
        request: dict[str, Any],
        storage: dict[str, dict[str, Any]] | None,
        sign: _signing.Sign | None = None,
        progress: Tracker | None = None,
    ) -> None:
        self._items: Items | None = None if isinstance(items, Found) else items
        self._found: Found | None = items if isinstance(items, Found) else None
        self.headers, self.grid = headers, grid
        self.request, self.storage, self.sign = request, storage, sign
        self.progress, self.gathered = progress, Gathered()
        self.described: Description | None = None
        self._handle = 0
        self._lock = threading.Lock()
        self._digest: str | None = None
        self._identity = None if self._items is None else self._items._identity
        self._membership: Membership | None = None

    @property
    def items(self) -> Items:
        """The items that were planned; found again where they came by reference."""
        if self._items is None:
            drive(self.ready())
        return drive(self._reread()) if self._items is None else self._items

    def ready(self) -> Steps[int]:
        """Give the engine's handle, planning first where there is none yet."""
        if (handle := self._handle) != 0:
            return handle
        if self.headers is not None:
            yield from aside(getattr, self.headers, "native")
        items = self._items
        if items is None:  # a table without rows is false
            items = yield from self._find(planned=True)
        yield from aside(getattr, items, "native")
        request = Request(functools.partial(self._submit, items), take_handle, answerers=self.answerers)
        handle = yield from ask(followed(request, self.progress))
        if self._found is not None:
            self._found.check((yield from aside(membership_of, handle)).digest)
        with self._lock:
            self._items = items if self._items is None else self._items
            spare, self._handle = (handle, self._handle) if self._handle else (0, handle)
        _lib.release(spare)  # another thread or task was quicker
        yield from aside(self._describe)
        return self._handle

    def _find(self, *, planned: bool = False) -> Steps[Items]:
        """Search the catalog that the items were found in."""
        found = cast("Found", self._found)
        source = Source(list(found.paths), None)
        query = json.loads(found.query)
        return (yield from find(source, query, self.storage, self.sign, self.progress, planned=planned))

    def let_go(self) -> None:
        """Forget the rows of many items of local files: the engine's plan knows what it needs of them.

        They are read again when they are asked for.
        """
        items = self._items
        if items is None or items._found is None or items._identity is None or not items._many:
            return
        with self._lock:
            if self._handle:
                self._found, self._items = self._found or items._found, None

    def _reread(self) -> Steps[Items]:
        """Read rows that were let go of; the files must be those that were planned."""
        items = yield from self._find()
        if items._identity != self._identity:
            raise cast("Found", self._found).changed()
        self._items = items
        return items

    @property
    def answerers(self) -> Answerers:
        """Who answers what the engine asks while it reads this plan's files."""
        return {**stores.answerers(self.storage), **_signing.answerers(self.sign), **_methods.answerers(self.request)}

    def _submit(self, items: Items, lib: ctypes.CDLL, queue: int, op: Any, error: Any) -> int:
        request = _lib.encode(
            {
                "grid": self.grid._request(),
                **self.request,
                "storage": stores.request(self.storage),
                "sign": _signing.name(self.sign),
            }
        )
        headers = 0 if self.headers is None else self.headers.native
        status: int = lib.cw_plan(queue, request, items.native, headers, op, error)
        return status

    def _describe(self) -> None:
        if self.described is None:
            self.described = Description.read(_lib.ask("cw_plan_describe", self._handle))

    @property
    def description(self) -> Description:
        """What the engine says of the plan."""
        if self.described is None:
            drive(self.ready())
            self._describe()
        return cast("Description", self.described)

    @property
    def membership(self) -> Membership:
        """What the plan made of its items."""
        if self._membership is None:
            self._membership = membership_of(drive(self.ready()))
        return self._membership

    @property
    def digest(self) -> str:
        """Hash of the recipe: the same for the same items, headers, request and access, in whatever process.

        Functions that no other process could import are told apart in this process alone.
        """
        if self._digest is None:
            mark = hashlib.blake2b(digest_size=16)
            mark.update((self._identity or self.membership.digest).encode())
            if self.headers is not None:
                mark.update(self.headers._pack())
            access = [_recipe.named(self.storage), None if self.sign is None else self.sign.token]
            recipe = [self.grid._request(), self.request, *access]
            mark.update(json.dumps(recipe, sort_keys=True, default=str).encode())
            self._digest = mark.hexdigest()
        return self._digest

    def __del__(self) -> None:
        handle, self._handle = getattr(self, "_handle", 0), 0
        if handle and _lib is not None:  # None while the interpreter shuts down
            _lib.release(handle)

    def __reduce__(self) -> tuple[Any, ...]:
        # The parts are pickled apart, so that a process that has this plan need not read them.
        items: Items | Found = self._found or self.items
        found = items._reference() if isinstance(items, Items) else items
        if found is not None:
            items = found if found.digest else dataclasses.replace(found, digest=self.membership.digest)
        parts = (items, self.headers, self.grid, self.request, _recipe.storage(self.storage), self.sign)
        packed = pickle.dumps((*parts, self.described), protocol=5)
        return _unpickled, (self.digest, zlib.compress(packed), config.portable())


_known: weakref.WeakValueDictionary[str, Base] = weakref.WeakValueDictionary()
_recent: collections.deque[Base] = collections.deque(maxlen=_KEPT)


def _unpickled(digest: str, packed: bytes, settings: dict[str, Any]) -> Base:
    """Give the plan that this process has under a digest, or make it of its recipe.

    A task graph carries the same plan many times; it is planned once. The settings are those of the
    process that it comes from.
    """
    base = _known.get(digest)
    if base is None:
        config.inherit(settings)
        *recipe, described = pickle.loads(zlib.decompress(packed))
        base = Base(*recipe)
        base.described, base._digest = described, digest
        base = _known.setdefault(digest, base)
        _recent.append(base)
    return base
