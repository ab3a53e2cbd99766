"""Decisions, and nothing else: every function here turns values into a value.

Nothing in this package reads a clock, draws a number, opens a file or knows a server; what a decision needs is handed
in. So the producer, the workers, the dry run and the tests all decide alike. `tests/test_layers.py` holds it to that.
"""
