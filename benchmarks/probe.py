"""One row for one library in this very process: `python -m benchmarks.probe LIBRARY ROW JSON`.

JSON holds {"where": {...}, "args": {...}}; what was measured is printed as JSON.
"""

from __future__ import annotations

import json
import sys

from benchmarks import libraries, shared_rows


def main() -> None:
    name, row, request = sys.argv[1:]
    told = json.loads(request)
    where = libraries.Where(**told["where"])
    library = libraries.library(name)
    if isinstance(library, libraries.Cogweave) and row not in shared_rows.ROWS:
        from benchmarks import own_rows

        measured = own_rows.ROWS[row](library, where, told["args"])
    else:
        measured = shared_rows.ROWS[row](library, where, told["args"])
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
