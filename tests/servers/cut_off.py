"""A machine of a cloud, cut off from everything: its link-local addresses, and what its firmware says of its vendor.

`enter` takes this process into a network of its own, where nothing but loopback exists, and gives loopback the
addresses at which clouds keep their credentials. No request from there can reach a real service, and nothing is left
when the process ends: this machine's own addresses are never touched.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

METADATA = "169.254.169.254"  # of Amazon's, Azure's and Google's machines
CONTAINER = "169.254.170.2"  # of Amazon's container service

_NEW_NETWORK, _NEW_MOUNTS = 0x40000000, 0x00020000


def enter(vendor: str) -> None:
    """Make this process and its children such a machine; an OSError where the system does not allow it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NETWORK | _NEW_MOUNTS) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    for command in (
        ("ip", "link", "set", "lo", "up"),
        ("ip", "address", "add", f"{METADATA}/32", "dev", "lo"),
        ("ip", "address", "add", f"{CONTAINER}/32", "dev", "lo"),
        ("mount", "--make-rprivate", "/"),
        ("mount", "-t", "tmpfs", "none", "/sys/class"),
    ):
        _run(*command)
    firmware = Path("/sys/class/dmi/id")
    firmware.mkdir(parents=True)
    for file in ("sys_vendor", "product_name"):
        (firmware / file).write_text(vendor + "\n")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
