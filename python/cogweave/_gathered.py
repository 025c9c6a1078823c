"""What the engine reported of the reads of a plan, put together as they end; `report` makes it readable."""

from __future__ import annotations

import json
import threading
from typing import Any, Final

from . import _lib

# From the least to the most: what is seen of a source in several reads is the most.
STATUSES: Final = ("unread", "nodata", "data", "dropped", "failed")
_PENDING_BYTES: Final = 4 << 20  # of reports that were not looked at yet

_Key = tuple[int, str, str | None]


class Gathered:
    """The outcomes of all reads of a plan, in this process. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[str] = []
        self._rows: dict[_Key, dict[str, Any]] = {}

    def ended(self, op: int, remarks: bool) -> None:
        """Take the report of a finished operation, if it has one.

        Called on event loops too, so that reading the text is put off.
        """
        if not remarks:
            return
        text = _lib.ask_text("cw_op_progress", op)
        with self._lock:
            self._pending.append(text)
            if sum(map(len, self._pending)) > _PENDING_BYTES:
                self._read()

    def _read(self) -> None:
        for text in self._pending:
            for row in (json.loads(text).get("report") or {}).get("rows") or ():
                key = row["time"], row["item_id"], row["band"]
                self._rows[key] = _merged(self._rows.get(key), row)
        self._pending.clear()

    def rows(self) -> dict[_Key, dict[str, Any]]:
        """Give the rows of the engine's reports, by position of the time step, item and band."""
        with self._lock:
            self._read()
            return dict(self._rows)


def _merged(before: dict[str, Any] | None, row: dict[str, Any]) -> dict[str, Any]:
    if before is None:
        return row
    most = max(before, row, key=lambda one: STATUSES.index(one["status"]))
    return {**most, **{name: before[name] + row[name] for name in ("cached", "retries")}}
