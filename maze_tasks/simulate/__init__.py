"""Simulated endpoints: local servers that speak the real protocols with set latency, faults, limits and answers.

Nothing here calls a model. Every reply says that it is simulated: header ``X-Maze-Simulated: true``, a ``Server``
header, and ``system_fingerprint: "simulated"`` where the protocol has a place for it.
"""

from __future__ import annotations
