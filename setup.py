"""Build hook: whatever installs cogweave builds its two shared libraries first, by build.sh.

Everything else about the package stands in pyproject.toml.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildEngine(build_py):
    """Builds the engine into the package before the package is copied (or linked, if editable)."""

    def run(self) -> None:
        """Build, then go on as usual."""
        subprocess.run([ROOT / "build.sh"], cwd=ROOT, check=True)
        super().run()


class PlatformWheel(bdist_wheel):
    """Tags the wheel for any CPython on this platform: ctypes needs no ABI of Python's."""

    def get_tag(self) -> tuple[str, str, str]:
        """Give the wheel's tag."""
        return "py3", "none", super().get_tag()[2]


class NativeDistribution(Distribution):
    """A distribution that is not pure Python although it has no extension module."""

    def has_ext_modules(self) -> bool:
        """Say that it holds compiled code."""
        return True


COMMANDS: dict[str, Any] = {"build_py": BuildEngine, "bdist_wheel": PlatformWheel}

setup(distclass=NativeDistribution, cmdclass=COMMANDS)
