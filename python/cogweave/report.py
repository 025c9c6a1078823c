"""Report: what became of each item, band and time step that was read."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ._gathered import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .plan import Plan

__all__ = ["Outcome", "Report"]

_MEANING: Final = {
    "failed": "could not be read",
    "dropped": "left out: too little of it is valid (min_valid)",
    "nodata": "read, and held no valid pixel",
    "unread": "not needed: earlier items had filled the pixels",
    "data": "gave pixels",
}
_NOTHING: Final = 'nothing failed so far; of every item that is read it tells with errors="ignore"'
_SHOWN: Final = 20  # rows of a text or a table, of those that failed or held no data


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a band of an item in a time step.

    Attributes
    ----------
    time : numpy.datetime64
        Start of the time step.
    item_id : str
    band : str or None
        None: all bands of the item.
    status : {"data", "nodata", "unread", "dropped", "failed"}
        It gave pixels; it was read and held no valid pixel; its pixels were not needed, since earlier
        items had filled them; it was left out since too little of it is valid; it could not be read.
    href : str or None
        Its file, without secrets.
    cached : int
        Tiles that came from a cache.
    retries : int
        Requests that had to be repeated.
    error : str or None
        Class of the error, such as ``"AssetNotFound"``.
    reason : str or None
        Finer name of the error.
    message : str or None
        The error in words, without secrets.
    """

    time: np.datetime64
    item_id: str
    band: str | None
    status: str
    href: str | None = None
    cached: int = 0
    retries: int = 0
    error: str | None = None
    reason: str | None = None
    message: str | None = None


class Report:
    """What became of what was read of an array so far, in this process.

    Made by ``da.cogweave.report()``. It tells of every item with ``errors="ignore"``; otherwise of
    those that could not be read and turned out not to be needed. Reads under dask's threads are
    told of; those of other processes are not: a worker's ``da.cogweave.report()`` has them.

    Iterates over `Outcome` values, in the order of time step, item and band.
    """

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[Outcome] = ()) -> None:
        self._rows = tuple(rows)

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def failed(self) -> Report:
        """Those that could not be read."""
        return self._only("failed")

    @property
    def nodata(self) -> Report:
        """Those that were read and held no valid pixel."""
        return self._only("nodata")

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each status."""
        found = Counter(row.status for row in self._rows)
        return {status: found[status] for status in reversed(STATUSES) if found[status]}

    def _only(self, status: str) -> Report:
        return Report(row for row in self._rows if row.status == status)

    def to_dict(self) -> dict[str, list[Any]]:
        """Give columns: a list of values for each attribute of `Outcome`."""
        rows = [asdict(row) for row in self._rows]
        return {name: [row[name] for row in rows] for name in Outcome.__dataclass_fields__}

    def to_dataframe(self) -> Any:
        """Give a pandas DataFrame, a row for each outcome.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame(self.to_dict())

    def __repr__(self) -> str:
        if not self._rows:
            return f"<cogweave.Report: {_NOTHING}>"
        lines = ["<cogweave.Report>"]
        lines += [f"{count:>8} {status:8} {_MEANING[status]}" for status, count in self.counts.items()]
        worth = self._worth_showing()
        lines += [
            f"  {np.datetime_as_string(row.time, 's')} {row.item_id} {row.band or '(all bands)'}: {_what(row)}"
            for row in worth[:_SHOWN]
        ]
        if len(worth) > _SHOWN:
            lines.append(f"  ... and {len(worth) - _SHOWN} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if not self._rows:
            return f"<b>cogweave.Report</b><p>{html.escape(_NOTHING)}</p>"
        counts = "".join(
            f"<tr><td>{count}</td><td>{status}</td><td>{html.escape(_MEANING[status])}</td></tr>"
            for status, count in self.counts.items()
        )
        worth = self._worth_showing()
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td>{html.escape(text)}</td>"
                for text in (np.datetime_as_string(row.time, "s"), row.item_id, row.band or "(all)", _what(row))
            )
            + "</tr>"
            for row in worth[:_SHOWN]
        )
        more = f"<p>and {len(worth) - _SHOWN} more</p>" if len(worth) > _SHOWN else ""
        return f"<b>cogweave.Report</b><table>{counts}</table><table>{rows}</table>{more}"

    def _worth_showing(self) -> list[Outcome]:
        order = {"failed": 0, "dropped": 1, "nodata": 2}
        chosen = [row for row in self._rows if row.status in order]
        return sorted(chosen, key=lambda row: order[row.status])


def _what(row: Outcome) -> str:
    if row.status != "failed":
        return row.status
    told = f"{row.error}: {row.message}" if row.message else str(row.error)
    return f"{told} [{row.href}]" if row.href else told


def report_of(plan: Plan) -> Report:
    """Give the report of a plan's bands and time steps: of all reads so far, wherever they lay."""
    times = plan._base.description.times
    steps = set(plan._window.axes[1].positions.tolist())
    bands = set(plan.bands)
    chosen = [
        (key, row)
        for key, row in plan._base.gathered.rows().items()
        if key[0] in steps and (key[2] is None or key[2] in bands)
    ]
    chosen.sort(key=lambda pair: (pair[0][0], pair[0][1], pair[0][2] or ""))
    return Report(_outcome(times[key[0]], row) for key, row in chosen)


def _outcome(time: np.datetime64, row: dict[str, Any]) -> Outcome:
    outcome = Outcome(
        time, row["item_id"], row["band"], row["status"], row["href"], int(row["cached"]), int(row["retries"])
    )
    told = row.get("error")
    if not told:
        return outcome
    return replace(outcome, error=told["class"], reason=told.get("reason"), message=told["message"])
