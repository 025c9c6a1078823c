"""Prints the parity table: every kernel, pair of CRSs, scale and dtype beside an exact oracle.

    python -m benchmarks.parity [--quick]

A row is a pair of CRSs and a kernel; its figures are the worst over scales and dtypes. Cells that differ by more than
the issue allows are counted in millionths of the cells.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests import kernels

SIDE, SHAPE = 700, (400, 420)
QUICK = 200, (64, 72)


def main() -> None:
    side, shape = QUICK if "--quick" in sys.argv else (SIDE, SHAPE)
    print(f"{'pair':22}{'kernel':14}{'cases':>6}{'differ, ppm':>13}{'validity, ppm':>15}{'worst':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for pair in kernels.PAIRS:
            for kernel in kernels.KERNELS:
                found = [
                    kernels.compare(kernels.source(Path(folder), pair, dtype, side), pair, kernel, factor, shape)
                    for dtype in kernels.DTYPES
                    for factor in kernels.SCALES
                ]
                differ, validity = (1e6 * max(getattr(d, name) for d in found) for name in ("pixels", "validity"))
                worst = max(d.worst for d in found)
                print(f"{pair:22}{kernel:14}{len(found):6}{differ:13.0f}{validity:15.0f}{worst:9.3g}", flush=True)


if __name__ == "__main__":
    main()
