"""Shows functions of the API page under their public names.

The package writes each operation once, as a generator ``_open`` with the docstring, and makes ``open`` and
``open_async`` of it. mkdocstrings reads sources, so that it would show the first.
"""

from __future__ import annotations

import copy
import re
from typing import Any

import griffe

_MADE = re.compile(r"(blocking|awaiting)\((?:\w+\.)?(\w+)\)")


class PublicNames(griffe.Extension):
    """Puts the written function in the place of what is made of it."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        _rename(pkg)


def _rename(holder: griffe.Module | griffe.Class) -> None:
    for name, member in list(holder.members.items()):
        if member.is_alias:
            continue
        if isinstance(member, (griffe.Module, griffe.Class)):
            _rename(member)
        elif isinstance(member, griffe.Attribute) and (made := _MADE.fullmatch(str(member.value))):
            written = holder.members.get(made.group(2))
            if isinstance(written, griffe.Function):
                function = copy.copy(written)
                function.name = name
                holder.members[name] = function
