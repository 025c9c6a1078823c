"""The folder of real files that lies beside the repository on the developers' machines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CORPUS = Path(os.environ.get("COGWEAVE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(),
    reason=f"no real files at {CORPUS} (COGWEAVE_DATA names the folder): left out is parity on real COGs and catalogs",
)
