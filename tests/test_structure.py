"""What a reader of the package may rely on: imports go one way, and a file's name says whose it is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import cogweave as cw

from tests.servers import ROOT

PACKAGE = Path(cw.__file__).parent
ENTRY_POINTS = {"backend", "cli"}  # found by xarray and by the shell


def _imports() -> dict[str, set[str]]:
    """The modules that each module of the package names, for types and inside functions too."""
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    out: dict[str, set[str]] = {}
    for name in modules:
        found = set()
        for node in ast.walk(ast.parse((PACKAGE / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                found |= {node.module} if node.module else {alias.name for alias in node.names}
        out[name] = {module for module in found if module in modules}
    return out


def test_imports_form_no_circle() -> None:
    left = _imports()
    while done := {name for name, needed in left.items() if not needed & left.keys()}:
        left = {name: needed for name, needed in left.items() if name not in done}
    assert not left, "each of these leads back to itself, or to one that does"


def test_a_module_without_an_underscore_holds_a_public_name() -> None:
    homes = {getattr(getattr(cw, name), "__module__", "").rpartition(".")[2] for name in cw.__all__}
    for path in PACKAGE.glob("[!_]*.py"):
        assert path.stem in homes | set(cw.__all__) | ENTRY_POINTS, f"{path.name} would be _{path.name}"


def test_the_reference_shows_every_public_name() -> None:
    page = (PACKAGE.parents[1] / "docs" / "api.md").read_text()
    shown = set(re.findall(r"^::: cogweave\.(?:\w+\.)*(\w+)$", page, re.MULTILINE))
    twins = {f"{name}_async" for name in shown}
    inside = {name for name in cw.__all__ if f"::: cogweave.{name}." in page}  # modules whose members are shown
    errors = {name for name in cw.__all__ if getattr(getattr(cw, name), "__module__", "") == "cogweave.errors"}
    assert "errors" in shown
    assert not set(cw.__all__) - shown - twins - inside - errors - {"__version__"}


def test_no_two_packages_define_the_same_c_function() -> None:
    """All end up in one library, whose linker takes the first of two without a word."""
    attribute = re.compile(r"__attribute__\(\(.*?\)\)\)?\s*")
    definition = re.compile(r"^(?!.*\bstatic\b|typedef\b|#|/)\S[^;{}\n]*?\b(\w+)\([^;{}]*\)\s*\{", re.MULTILINE)
    of: dict[str, set[str]] = {}
    for file in sorted(f for room in ("core", "fetch", "mosaic", "capi") for f in (ROOT / room).rglob("*.c")):
        for name in definition.findall(attribute.sub("", file.read_text())):
            of.setdefault(name, set()).add(str(file.relative_to(ROOT)))
    assert len(of) > 60
    assert {name: files for name, files in of.items() if len(files) > 1} == {}
