"""The process that is measured: `python -m benchmarks.worker`, a job on stdin, a line of JSON for each step.

Runs in each tool's own environment: standard library and numpy only.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import urllib.request
from typing import Any

import numpy as np

from benchmarks import measures


def main() -> None:
    job = json.load(sys.stdin)
    module, name = job["action"].split(":")
    action = getattr(importlib.import_module(module), name)
    for step in job["steps"]:
        told = run(action, step, job["server"], job["keep"])
        if told is not None:
            print(json.dumps(told), flush=True)


def run(action: Any, step: dict[str, Any], server: str, keep: str | None) -> dict[str, Any] | None:
    """One step: its measures, or None where it only makes later ones warm."""
    prepared = None
    if step["clock"] != "all":
        prepared = action(step["request"])
    _call(server, f"/_reset?latency={step['latency']}ms", "POST")
    measures.forget_peak()
    cpu, began = measures.processor_seconds(), time.perf_counter()
    result = (prepared or action(step["request"]))()
    seconds = time.perf_counter() - began
    used = measures.processor_seconds() - cpu
    peak, threads, served = measures.peak(), measures.threads(), _call(server, "/_stats", "GET")
    if step["clock"] == "none":
        return None
    pixels, numbers = result if isinstance(result, tuple) else (result, {})
    told = {
        "step": step["name"],
        "seconds": seconds,
        "cpu": used,
        "peak": peak,
        "threads": threads,
        "requests": served["requests"],
        "bytes": served["bytes"],
        "most": served["max_in_flight"],
        **numbers,
    }
    if pixels is not None:
        pixels = np.asarray(pixels)
        told |= {"shape": list(pixels.shape), "sum": float(np.nansum(pixels, dtype=_wide(pixels.dtype)))}
        if keep:
            np.save(f"{keep}-{step['name']}.npy", pixels)
    return told


def _wide(dtype: np.dtype[Any]) -> str:
    return "float64" if dtype.kind == "f" else "int64"


def _call(server: str, page: str, method: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(server + page, method=method), timeout=10) as response:
        return json.load(response)


if __name__ == "__main__":
    main()
