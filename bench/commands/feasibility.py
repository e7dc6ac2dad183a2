"""Say which ops of which models a backend has; nothing is run.

By a kernel of its own, by composition, or not at all.
"""

from __future__ import annotations

from bench.commands import measuring

EXAMPLES = (
    "feasibility --backend all",
    "feasibility --backend onnx --model motionbert",
)
command = measuring(["feasibility"], __doc__)
