"""Benchmarks: what cogweave promises in numbers, measured beside its peers in one run."""
