"""The examples of README.md run, in order, as they are printed."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Archive

README = Path(__file__).resolve().parents[1] / "README.md"


def test_examples(arc: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(arc.remote, tmp_path / "items.parquet")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    seen: dict[str, Any] = {}
    for block in blocks:
        code = compile(block, str(README), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, seen)
        if inspect.iscoroutine(result):
            asyncio.run(result)
    assert seen["june"].dims == ("band", "y", "x") and seen["june"].values.any()
    assert seen["full"].sizes["time"] == 2
    assert set(seen["ds"].data_vars) == {"B02", "B03", "B04", "SCL"}
    assert (seen["array"] == seen["full"].values).all()


def test_the_first_example_is_short() -> None:
    first = README.read_text().split("```python\n")[1].split("```")[0]
    assert len(first.splitlines()) <= 15
