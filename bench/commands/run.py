"""Measure models on backends, all there is; ends in report.md.

Feasibility, op exam, parity, training, evaluation, throughput.
"""

from __future__ import annotations

from bench.commands import measuring

EXAMPLES = (
    "run --backend torch",
    "run --backend torch --backend jax --model motionbert --profile standard",
    "run --resume runs/ID",
)
# not a list of them: whatever task a room of `bench` adds is part of a usual run
command = measuring(None, __doc__, declares=True)
