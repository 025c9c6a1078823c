"""Prints the parity table: every kernel, pair of CRSs, scale and dtype beside an exact oracle.

    python -m benchmarks.parity [--quick]

A row is a pair of CRSs and a kernel, over all scales and dtypes. Cells are counted in millionths: those that differ by
more than `tests.kernels.allowance` says, those that are not the very same, those valid on one side only.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests import kernels

SIDE, SHAPE = 700, (400, 420)
QUICK = 200, (64, 72)
COLUMNS = ("pixels", "unequal", "validity")


def main() -> None:
    side, shape = QUICK if "--quick" in sys.argv else (SIDE, SHAPE)
    print(f"{'pair':22}{'kernel':14}{'cases':>6}{'differ, ppm':>13}{'unequal, ppm':>14}{'validity, ppm':>15}")
    with tempfile.TemporaryDirectory() as folder:
        for pair in kernels.PAIRS:
            for kernel in kernels.KERNELS:
                found = [
                    kernels.compare(kernels.source(Path(folder), pair, dtype, side), pair, kernel, factor, shape)
                    for dtype in kernels.DTYPES
                    for factor in kernels.SCALES
                ]
                counts = (1e6 * sum(getattr(d, name) for d in found) / len(found) for name in COLUMNS)
                differ, unequal, validity = counts
                print(f"{pair:22}{kernel:14}{len(found):6}{differ:13.0f}{unequal:14.0f}{validity:15.0f}", flush=True)


if __name__ == "__main__":
    main()
