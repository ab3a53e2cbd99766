"""A run under a schedule of faults, audited against the logs of the endpoints. See `python -m benchmarks.faults -h`."""
