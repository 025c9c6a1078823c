"""Tables: what the stages hand to each other, as Arrow.

A `Table` wraps a table of the engine. It speaks the Arrow PyCapsule protocol, so that pyarrow,
polars, duckdb, nanoarrow and geopandas can take it, and is made from anything that speaks it. It
pickles as Arrow IPC.
"""

from __future__ import annotations

import io
import itertools
import threading
import zlib
from ctypes import byref
from typing import TYPE_CHECKING, Any, ClassVar, Final

from . import _ffi, _html, _lib
from ._redact import redact
from .errors import InvalidArgument

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from ._recipe import Found
    from ._steps import Steps


class Table:
    """An Arrow table of the engine.

    Parameters
    ----------
    data
        Anything with ``__arrow_c_stream__``: a table, a reader, a data frame. It is read to its
        end; no buffer is copied where its library shares them.

    Raises
    ------
    InvalidArgument
        The object does not speak Arrow, or its stream fails.
    """

    _what: ClassVar[str] = "table"
    _telling: ClassVar[tuple[str, ...]] = ()  # columns whose first rows a repr shows

    __slots__ = ("_description", "_handle", "_lock", "_packed")

    def __init__(self, data: object) -> None:
        self._start()
        self._handle = _import(data, self._what)

    def _start(self) -> None:
        self._handle = 0
        self._packed: bytes | None = None
        self._description: dict[str, Any] | None = None
        self._lock = threading.Lock()

    @classmethod
    def _owning(cls, handle: int) -> Self:
        """Wrap a handle of the engine, which the table gives back in the end."""
        table = cls.__new__(cls)
        table._start()
        table._handle = handle
        return table

    @classmethod
    def _of(cls, data: object, argument: str) -> Self:
        """Give ``data`` itself if it is such a table, else make one of it."""
        if isinstance(data, cls):
            return data
        if isinstance(data, Table):
            raise InvalidArgument(f"{argument} wants {cls._what}, and was given {data._what}")
        if not hasattr(data, "__arrow_c_stream__"):
            raise InvalidArgument(
                f"{argument} wants {cls._what} as an Arrow table, and was given {type(data).__name__}"
            )
        return cls(data)

    @property
    def native(self) -> int:
        """The engine's handle; valid as long as this object."""
        if self._handle == 0:
            with self._lock:
                if self._handle == 0 and self._packed is not None:
                    self._handle = _import(_unpack(self._packed), self._what)
        _lib.library()
        return self._handle

    def __del__(self) -> None:
        handle, self._handle = getattr(self, "_handle", 0), 0
        if handle and _lib is not None:  # None while the interpreter shuts down
            _lib.release(handle)

    # ---- Arrow ----

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give the table as an ``arrow_array_stream`` capsule; the requested schema is not used."""
        from nanoarrow.c_array_stream import allocate_c_array_stream

        stream = allocate_c_array_stream()
        error = _ffi.Text()
        lib = _lib.library()
        _lib.check(lib.cw_table_export(self.native, stream._addr(), byref(error)), error)
        return stream.__arrow_c_stream__()

    def __arrow_c_schema__(self) -> object:
        """Give the table's schema as an ``arrow_schema`` capsule."""
        import nanoarrow

        return nanoarrow.c_array_stream(self).get_schema().__arrow_c_schema__()

    def column(self, name: str) -> NDArray[np.generic]:
        """Copy one column without nulls, of numbers, into a numpy array.

        Parameters
        ----------
        name : str
            Name of the column.

        Returns
        -------
        numpy.ndarray
            One element per row, in the column's own type.

        Raises
        ------
        KeyError
            There is no such column.
        """
        import nanoarrow
        import numpy as np

        stream = nanoarrow.ArrayStream(self)
        names = [field.name for field in stream.schema.fields]
        if name not in names:
            raise KeyError(name)
        position = names.index(name)
        empty = np.empty(0, stream.schema.field(position).type.name.lower())
        columns = [chunk.child(position) for chunk in stream.iter_chunks()]
        values = [np.asarray(c.buffers[1])[c.offset : c.offset + len(c)] for c in columns]
        return np.concatenate([empty, *values])

    # ---- what it holds ----

    def _describe(self) -> dict[str, Any]:
        if self._description is None:
            self._description = _lib.ask("cw_table_describe", self.native)
        return self._description

    def __len__(self) -> int:
        return int(self._describe().get("rows", 0))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(
            str(column["name"]) if isinstance(column, dict) else str(column)
            for column in self._describe().get("columns", ())
        )

    @property
    def nbytes(self) -> int:
        """Bytes of Arrow memory that the table takes."""
        return int(self._describe().get("bytes", 0))

    @property
    def metadata(self) -> Mapping[str, str]:
        """Metadata of the Arrow schema."""
        return dict(self._describe().get("metadata") or {})

    def __repr__(self) -> str:
        return f"<cogweave.{type(self).__name__}: {len(self)} rows, {len(self.columns)} columns>"

    def _repr_html_(self) -> str:
        facts = [
            ("rows", f"{len(self):,}"),
            ("memory", _html.size(self.nbytes)),
            ("columns", ", ".join(self.columns)),
        ]
        columns, rows = self._shown()
        what = f"the first {len(rows)} of {len(self):,} rows" if len(rows) < len(self) else f"{len(rows)} rows"
        return _html.card(f"cogweave.{type(self).__name__}", facts, (what, columns, rows))

    def _shown(self) -> tuple[list[str], list[tuple[object, ...]]]:
        """Give the columns, and the first rows of them, that a repr shows."""
        import nanoarrow

        names = [name for name in self._telling if name in self.columns]
        if not names:
            return [], []
        stream = nanoarrow.ArrayStream(self)
        fields = [field.name for field in stream.schema.fields]
        for chunk in stream.iter_chunks():
            columns = [list(itertools.islice(chunk.child(fields.index(name)).iter_py(), _SHOWN)) for name in names]
            return names, [tuple(map(_text, row)) for row in zip(*columns, strict=True)]
        return names, []

    # ---- pickling ----

    def _pack(self) -> bytes:
        if self._packed is not None and self._handle == 0:
            return self._packed
        return zlib.compress(_write_ipc(self), 1)

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_packed, (type(self), self._pack())


class Items(Table):
    """STAC items, one row each, with stac-geoparquet's columns; what `search` gives.

    Attributes
    ----------
    origin : str or None
        The catalog that they come from, against which relative hrefs are resolved.
    """

    _what = "items"
    _telling = ("id", "collection", "datetime", "eo:cloud_cover", "proj:code")
    # _identity: tells these items from any other without looking at them, where something does.
    # _found: how to find them again in another process, where that is possible.
    # _again: the search that found them in this process, and its query, which may have left columns out.
    __slots__ = ("_again", "_found", "_identity", "origin")

    def _start(self) -> None:
        super()._start()
        self.origin: str | None = None
        self._identity: str | None = None
        self._found: Found | None = None
        self._again: tuple[Callable[..., Steps[Items]], dict[str, Any]] | None = None

    @property
    def _many(self) -> bool:
        """Whether the engine finds the rows too many to be kept beside a plan."""
        return bool(self._describe().get("many"))

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the items as stac-geoparquet, which a search, rustac and stac-geoparquet read.

        Parameters
        ----------
        path : str or path
            The file to write; one that is there is replaced when the new one is complete.

        Raises
        ------
        InvalidArgument
            The items have no such form.
        ImportError
            The ``stac`` extra is missing.
        """
        from ._geoparquet import write

        write(self, path)

    def _reference(self) -> Found | None:
        """Give the reference by which the items should travel; None: by value."""
        return None if self.nbytes <= _SMALL else self._found

    def __reduce__(self) -> tuple[Any, ...]:
        return _items_from_packed, (self._pack(), self.origin, self._identity)


class Headers(Table):
    """COG headers, one row per asset, image directories as nested columns; what `headers` gives."""

    _what = "headers"
    _telling = ("href", "size", "etag")
    __slots__ = ()


class Reads(Table):
    """Planned reads, one row per tile.

    Columns: ``read_id, item_id, band, time_index, href, etag, level, tile_index, offset, length``
    (bytes) and the window ``row, col, height, width`` in pixels of the level.
    """

    _what = "reads"
    _telling = ("item_id", "band", "time_index", "level", "offset", "length")
    __slots__ = ()


class Tiles(Table):
    """Compressed tiles: ``read_id`` and ``data``, in any order; what `fetch` gives."""

    _what = "tiles"
    __slots__ = ()


_SHOWN: Final = 5  # rows in a repr
# Items of fewer bytes of Arrow travel by value: a search elsewhere costs more than they do.
_SMALL: Final = 64 << 10


def _text(value: object) -> object:
    return value if isinstance(value, int) else redact("" if value is None else str(value))


def _import(data: object, what: str) -> int:
    import nanoarrow

    lib = _lib.library()
    try:
        stream = nanoarrow.c_array_stream(data)
    except (TypeError, ValueError, RuntimeError) as problem:
        raise InvalidArgument(f"the {what} cannot be read as an Arrow stream: {problem}") from None
    table, error = _ffi.Handle(), _ffi.Text()
    _lib.check(lib.cw_table_import(stream._addr(), byref(table), byref(error)), error)
    return table.value


_BY_NANOARROW: Final = b"n"  # who wrote a packed stream reads it too
_BY_PYARROW: Final = b"p"


def _write_ipc(table: Table) -> bytes:
    from nanoarrow.ipc import StreamWriter

    out = io.BytesIO()
    try:
        with StreamWriter.from_writable(out) as writer:
            writer.write_stream(table)
        return _BY_NANOARROW + out.getvalue()
    except RuntimeError as problem:
        # nanoarrow does not write dictionaries and views yet.
        try:
            import pyarrow
        except ImportError:
            raise InvalidArgument(
                f"these {table._what} have columns that only pyarrow can write as Arrow IPC "
                f"({problem}): install pyarrow to pickle them"
            ) from problem
        sink = pyarrow.BufferOutputStream()
        reader = pyarrow.RecordBatchReader.from_stream(table)
        with pyarrow.ipc.new_stream(sink, reader.schema) as stream:
            for batch in reader:
                stream.write_batch(batch)
        return _BY_PYARROW + bytes(sink.getvalue())


def _unpack(packed: bytes) -> object:
    raw = zlib.decompress(packed)
    writer, stream = raw[:1], raw[1:]
    if writer == _BY_PYARROW:
        import pyarrow

        return pyarrow.ipc.open_stream(stream)
    import nanoarrow
    from nanoarrow.ipc import InputStream

    return nanoarrow.c_array_stream(InputStream.from_readable(io.BytesIO(stream)))


def _from_packed(cls: type[Table], packed: bytes) -> Table:
    table = cls.__new__(cls)
    table._start()
    table._packed = packed
    return table


def _items_from_packed(packed: bytes, origin: str | None, identity: str | None) -> Items:
    items = Items.__new__(Items)
    items._start()
    items._packed, items.origin, items._identity = packed, origin, identity
    return items
