"""Takes pictures of the HTML reprs in headless Chromium, in a light and a dark notebook theme.

python -m docs.screenshots FOLDER       (Chromium of Debian; `make docs` calls it where there is one)
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cogweave as cw

from tests import archive

# The variables that JupyterLab's themes set.
THEMES = {"light": ("white", "rgba(0,0,0,.87)"), "dark": ("#111", "rgba(255,255,255,.87)")}


def reprs(folder: Path) -> list[str]:
    items = archive.make(folder, archive.SMALL)
    catalog = archive.write_catalog(items, folder / "catalog.parquet", lambda href: str(folder / href))
    da = cw.open(
        catalog, bbox=(11.9, 45.4, 12.1, 45.6), bbox_crs="EPSG:4326", crs="EPSG:32632", resolution=20, bands=["red"]
    )
    plan = da.cogweave.plan
    found = cw.search(catalog)
    shown = [plan.grid, found, cw.headers(found, ["B04"]), da.cogweave.explain()]
    return [value._repr_html_().replace("<details>", "<details open>") for value in shown]


def page(parts: list[str], theme: str) -> str:
    background, text = THEMES[theme]
    style = (
        f"body{{background:{background};color:{text};--jp-ui-font-color1:{text};font-family:sans-serif;margin:24px}}"
    )
    return f"<!doctype html><meta charset=utf-8><style>{style}</style>" + "".join(f"<p>{part}</p>" for part in parts)


def main(target: Path) -> None:
    browser = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
    if browser is None:
        print("no chromium: the pictures of the reprs stay as they are")
        return
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        parts = reprs(Path(folder))
        for theme in THEMES:
            source = Path(folder) / f"{theme}.html"
            source.write_text(page(parts, theme))
            picture = f"--screenshot={(target / f'reprs-{theme}.png').absolute()}"
            subprocess.run(
                [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,1250",
                 picture, source.as_uri()],
                check=True, capture_output=True, timeout=120,
            )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
