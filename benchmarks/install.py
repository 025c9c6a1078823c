"""Installs a peer into an environment of its own: `python -m benchmarks.install NAME`. Standard library only.

The list benchmarks/environments/NAME.txt says in its first line which Python it wants, such as
``# python >= 3.11, < 3.12``. Where there is none, or an installation fails, the peer is left out: its column
stays empty, and this says so.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers import LISTS
from tests.servers import ROOT

Version = tuple[int, ...]


def main() -> None:
    (name,) = sys.argv[1:]
    listed = LISTS / f"{name}.txt"
    least, below = wanted(listed.read_text().splitlines()[0])
    python = interpreter(least, below)
    if python is None:
        bound = f" and older than {_text(below)}" if below else ""
        raise SystemExit(f"== {name} is left out: it needs Python {_text(least)} or newer{bound}")
    folder = ROOT / ".bench" / name
    print(f"== installing {name} into {folder.relative_to(ROOT)} with {python}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    done = subprocess.run([str(folder / "bin" / "pip"), "install", "-q", "-r", str(listed)], check=False)
    if done.returncode:
        shutil.rmtree(folder)
        raise SystemExit(f"== {name} is left out: pip could not install it")


def wanted(line: str) -> tuple[Version, Version | None]:
    """The versions of a list's first line: at least, and below."""
    told = re.fullmatch(r"# python >= ([\d.]+)(?:, < ([\d.]+))?", line.strip())
    if told is None:
        raise ValueError(f"not a line like '# python >= 3.11, < 3.12': {line!r}")
    least, below = told.groups()
    return _version(least), _version(below) if below else None


def interpreter(least: Version, below: Version | None) -> str | None:
    """The first Python that really runs, has venv, and is of a version that is wanted."""
    homes = sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python"))
    names = [f"python3.{minor}" for minor in range(11, 16)]
    for python in [sys.executable, "python3", *names, *map(str, homes)]:
        asked = "import ensurepip, sys, venv; print(*sys.version_info[:2], sep='.')"
        try:
            done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            found = _version(done.stdout.strip())
            if least <= found and (below is None or found < below):
                return python
    return None


def _version(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


def _text(version: Version | None) -> str:
    return ".".join(map(str, version or ()))


if __name__ == "__main__":
    main()
