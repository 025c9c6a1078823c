"""Runs the notebooks on the demo archive and writes them, pictures included, as pages.

    python -m docs.notebooks FOLDER       (`make docs` calls it)

A notebook is a script in docs/notebooks, its cells set apart by ``# %%``.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

from tests import archive

HERE = Path(__file__).parent
# Pages of Markdown lose the style of xarray's HTML.
PRELUDE = """%matplotlib inline
import warnings, xarray
warnings.simplefilter("ignore")
xarray.set_options(display_style="text")"""


def notebook(script: str) -> nbformat.NotebookNode:
    book = nbformat.v4.new_notebook()
    book.cells.append(nbformat.v4.new_code_cell(PRELUDE, metadata={"tags": ["hidden"]}))
    for part in re.split(r"^# %%", script, flags=re.M)[1:]:
        kind, _, body = part.partition("\n")
        if "[markdown]" in kind:
            book.cells.append(nbformat.v4.new_markdown_cell(re.sub(r"^# ?", "", body.strip(), flags=re.M)))
        else:
            book.cells.append(nbformat.v4.new_code_cell(body.strip()))
    return book


def main(target: Path) -> None:
    folder = HERE.parent / ".demo"
    items = archive.make(folder, archive.DEMO)
    catalog = archive.write_catalog(items, folder / "notebooks.parquet", lambda href: str(folder / href))
    target.mkdir(parents=True, exist_ok=True)
    (folder / "demo_archive.py").write_text(f"catalog = {str(catalog)!r}\n")
    os.environ["PYTHONPATH"] = str(folder)
    exporter = MarkdownExporter()
    for script in sorted((HERE / "notebooks").glob("*.py")):
        book = notebook(script.read_text())
        NotebookClient(book, timeout=300, kernel_name="python3").execute()
        book.cells.pop(0)
        for output in (output for cell in book.cells for output in cell.get("outputs", ())):
            if output.get("data", {}).get("text/html", "").startswith("<pre>"):
                del output["data"]["text/html"]  # xarray's text: Markdown has blocks for it
        page, resources = exporter.from_notebook_node(
            book, {"output_files_dir": script.stem, "unique_key": script.stem}
        )
        for name, data in resources["outputs"].items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(data)
        (target / f"{script.stem}.md").write_text(page)
        print(f"   {script.stem}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
