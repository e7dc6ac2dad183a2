"""Measure models on backends: feasibility, op exam, parity, training, evaluation,
throughput; ends in report.md.
"""

from __future__ import annotations

from bench.commands import measuring

command = measuring(None, __doc__)
