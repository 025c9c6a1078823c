"""The tree of exceptions is the same in Python and in Go (conformance/errors_test.go reads the same file)."""

from __future__ import annotations

import builtins
import json
import pickle
from pathlib import Path
from typing import Any

import cogweave as cw
import pytest

from tests.conftest import Archive
from tests.items import open_file

CLASSES = json.loads((Path(__file__).parent / "conformance" / "errors.json").read_text())["classes"]


@pytest.mark.parametrize("case", CLASSES, ids=lambda case: case["name"])
def test_each_class_has_its_parent_and_its_builtin(case: dict[str, Any]) -> None:
    cls = getattr(cw, case["name"])
    assert issubclass(cls, cw.CogweaveError)
    if case["parent"]:
        assert issubclass(cls, getattr(cw, case["parent"])) and cls is not getattr(cw, case["parent"])
    if case["builtin"]:
        assert issubclass(cls, getattr(builtins, case["builtin"]))


def test_python_has_no_class_that_go_lacks() -> None:
    def below(cls: type) -> set[str]:
        return {cls.__name__}.union(
            *(below(sub) for sub in cls.__subclasses__() if sub.__module__.startswith("cogweave"))
        )

    assert below(cw.CogweaveError) == {case["name"] for case in CLASSES}


def test_an_error_keeps_its_fields_through_pickle(arc: Archive, tmp_path: Path) -> None:
    with pytest.raises(cw.AssetNotFound) as caught:
        open_file(arc.path(arc.items[0], "B04"), str(tmp_path / "gone.tif")).load()
    error = caught.value
    assert "gone.tif" in error.href
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (again.href, again.reason, str(again)) == (error.href, error.reason, str(error))


def test_the_arguments_of_lazycogs_name_their_replacement(tmp_path: Path) -> None:
    names = {"store": "storage=", "duckdb_client": "source", "path_from_href": "sign="}
    for name, ours in {**names, "max_concurrent_reads": "max_requests="}.items():
        with pytest.raises(TypeError, match=f"'{name}': use .*{ours}"):
            cw.open(str(tmp_path / "items.parquet"), **{name: None})
