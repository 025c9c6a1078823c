"""Writing items as stac-geoparquet (the ``stac`` extra)."""

from __future__ import annotations

import json
import os
import tempfile
from typing import TYPE_CHECKING, Any, Final

from .errors import InvalidArgument

if TYPE_CHECKING:
    import pyarrow as pa


_BATCH: Final = 20_000  # rows of a row group
_NESTED: Final = ("properties", "assets", "links", "stac_extensions")
_TIMES: Final = ("datetime", "start_datetime", "end_datetime")


def write(items: object, path: str | os.PathLike[str]) -> None:
    """Write items as stac-geoparquet 1.1, in row groups of 20,000, zstd-compressed.

    Parameters
    ----------
    items : Arrow table
        As `search` gives them.
    path : str or path
        The file to write; one that is there is replaced when the new one is complete.

    Raises
    ------
    InvalidArgument
        The items cannot be written so.
    ImportError
        The ``stac`` extra is missing.
    """
    try:
        import pyarrow as pa
        from stac_geoparquet.arrow import parse_stac_items_to_arrow, to_parquet
    except ImportError as problem:
        raise ImportError(
            "writing stac-geoparquet needs the stac extra: pip install '.[stac]' in a checkout of cogweave"
        ) from problem
    table = pa.table(items)
    target = os.fspath(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(target)), suffix=".parquet")
    os.close(handle)
    try:
        if _is_text(table, "assets"):
            # JSON becomes columns as stac-geoparquet has them.
            table = pa.table(parse_stac_items_to_arrow(_features(table)))
        table = _instants(table.replace_schema_metadata(None))
        to_parquet(table.combine_chunks(), temporary, compression="zstd", write_batch_size=_BATCH)
        os.replace(temporary, target)
    except (ValueError, TypeError, KeyError, NotImplementedError) as problem:
        raise InvalidArgument(f"the items cannot be written as stac-geoparquet: {problem}") from problem
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def _is_text(table: pa.Table, name: str) -> bool:
    import pyarrow as pa

    if name not in table.column_names:
        return False
    kind = table.schema.field(name).type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _instants(table: pa.Table) -> pa.Table:
    """Make instants of times that are text."""
    import pyarrow as pa

    for name in _TIMES:
        if _is_text(table, name):
            at = table.column_names.index(name)
            table = table.set_column(at, name, table[name].cast(pa.timestamp("us", "UTC")))
    return table


def _features(table: pa.Table) -> list[dict[str, Any]]:
    """Give rows whose parts are JSON text as the Features that they were."""
    import shapely

    out = []
    for row in table.to_pylist():
        feature = {name: json.loads(row[name]) for name in _NESTED if row.get(name)}
        properties = feature.setdefault("properties", {})
        for name in _TIMES:
            if row.get(name) is not None:
                properties.setdefault(name, row[name])
        properties.setdefault("datetime", None)
        box, shape = row.get("bbox"), row.get("geometry")
        out.append(
            {
                "type": "Feature",
                "stac_version": row.get("stac_version") or "1.0.0",
                "id": row["id"],
                **({} if row.get("collection") is None else {"collection": row["collection"]}),
                "geometry": None if shape is None else shapely.geometry.mapping(shapely.from_wkb(shape)),
                **({} if box is None or box["xmin"] is None else {"bbox": list(box.values())}),
                "links": [],
                **feature,
            }
        )
    return out
