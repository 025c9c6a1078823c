"""Benchmarks: what cogweave promises in numbers, measured beside its peers and a floor in one run.

``make bench`` runs ``python -m benchmarks``: the archive is made once below ``.bench/``
(`benchmarks.archive`), a range server counts what is asked of it (`tests.servers`), and every
workload runs for every tool in fresh processes, in turn (`benchmarks.harness`). The results go to
``.bench/results.json``, from which `benchmarks.page` writes ``docs/benchmarks.md`` and its charts.

A subject of your own, in ``benchmarks/<subject>.py``
------------------------------------------------------
It has one function, and its name stands in `benchmarks.__main__.SUBJECTS`::

    def workloads(site: harness.Site) -> Iterator[harness.Workload]:
        request = {"href": site.server.href("dates/32-20250501/B02.tif")}
        yield harness.Workload(
            name="headers-240",                       # what WORKLOAD= names
            title="headers of 240 files",
            steps=(harness.Step("cold", request, clock="all"),          # 30 ms unless latency= says so
                   harness.Step("warm", request, clock="run")),
            actions={"cogweave": "benchmarks.headers_actions:cogweave",   # tool -> "module:function"
                     "async-tiff": "benchmarks.headers_actions:async_tiff"},
            goal=harness.Goal(peer=1.0, step="cold"),                   # best peer / cogweave
            # limits={"cold": {"seconds": 0.3}} is the most that cogweave may need; the page shows it
            # what="pixels" (the default) compares arrays between tools; "numbers" does not
        )

An action is imported and called in the tool's own environment (`benchmarks.peers`; a tool that is
no library there runs in cogweave's), so it imports its libraries itself, below the function's
first line or at its module's top, and of ``benchmarks`` only what is standard library and numpy::

    def cogweave(request: dict[str, Any]) -> Callable[[], Any]:
        ...                                # what `clock="run"` leaves out: imports, opening, parsing
        def run():                         # what is always on the clock
            return array                   # or (array, {"largest gap": 3.2}): numbers of its own
        return run

All steps of a workload run one after another in one process, so that what the first one read
(headers, connections) is known to the next: give each step its own place or date, so that no tile
is. For each step the harness notes wall, processor time, requests, bytes, most requests in flight,
peak of resident memory, most threads and a checksum. A tool that fails or is not installed leaves
an empty cell with its reason.

    python -m benchmarks --workload headers-240 --quick --repeat 1      one workload, small archive
    python -m benchmarks --list
"""
