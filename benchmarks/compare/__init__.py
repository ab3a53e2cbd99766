"""Ours beside others that could do the same work, in one run on one machine: `python -m benchmarks.compare`."""
