"""HTML reprs: one look for tables, plans, grids and explanations, in light and in dark notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST_ROWS: Final = 20

# Colours come from the notebook's own theme where it has one (JupyterLab's and VS Code's variables),
# else they follow the text's colour, which suits both light and dark.
_STYLE: Final = """
.cogweave{font-family:var(--jp-ui-font-family,var(--vscode-font-family,system-ui,sans-serif));font-size:13px;
line-height:1.45;color:var(--jp-ui-font-color1,var(--vscode-foreground,inherit));
border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:6px;padding:8px 12px;
display:inline-block;max-width:100%;box-sizing:border-box;overflow-x:auto}
.cogweave .title{font-weight:600;margin-bottom:4px}
.cogweave table{border-collapse:collapse;margin:0;color:inherit;background:none}
.cogweave th,.cogweave td{text-align:left;padding:1px 14px 1px 0;border:0;background:none;vertical-align:top;
color:inherit;white-space:nowrap}
.cogweave th{font-weight:500;opacity:.65}
.cogweave td.long{white-space:normal;max-width:60em;overflow-wrap:anywhere}
.cogweave .number{text-align:right;font-variant-numeric:tabular-nums}
.cogweave details{margin-top:6px}
.cogweave summary{cursor:pointer;opacity:.8}
""".replace("\n", "")

Rows = tuple[str, "Sequence[str]", "Sequence[Sequence[Any]]"]


def card(title: str, facts: Iterable[tuple[str, str]], rows: Rows | None = None, picture: str = "") -> str:
    """Write a titled list of facts, with a table that can be unfolded.

    Parameters
    ----------
    title : str
    facts : iterable of (str, str)
        Names and what is said of them; escaped here.
    rows : (str, columns, rows), optional
        What the table lists, in words, its columns and its rows.
    picture : str, optional
        SVG, as it is.
    """
    body = "".join(f"<tr><th>{escape(name)}</th><td class='long'>{escape(text)}</td></tr>" for name, text in facts)
    folded = "" if rows is None or not rows[2] else _folded(*rows)
    return (
        f"<div class='cogweave'><style>{_STYLE}</style><div class='title'>{escape(title)}</div>"
        f"{picture}<table>{body}</table>{folded}</div>"
    )


def size(count: float) -> str:
    """Write a number of bytes in the unit that suits it."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB"


def _folded(what: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    kinds = [" class='number'" if isinstance(value, int) else "" for value in rows[0]]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(columns, kinds, strict=True))
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows[:_MOST_ROWS])
    more = len(rows) - _MOST_ROWS
    note = f"<div>and {more:,} more</div>" if more > 0 else ""
    return f"<details><summary>{escape(what)}</summary><table><tr>{head}</tr>{body}</table>{note}</details>"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"<td class='number'>{value:,}</td>"
    return f"<td>{escape(str(value))}</td>"
