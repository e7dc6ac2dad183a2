"""Measure models on backends, from feasibility to throughput; ends in report.md.

Feasibility, op exam, parity, training, evaluation, throughput.
"""

from __future__ import annotations

from bench.commands import measuring

# not a list of them: whatever task a room of `bench` adds is part of a usual run
command = measuring(None, __doc__)
