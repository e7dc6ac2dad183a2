"""Say which ops of which models a backend has; nothing is run.

By a kernel of its own, by composition, or not at all; what stands in the way is grouped into
proposals. A framework that is not here is judged by its manifest.
"""

from __future__ import annotations

from bench.commands import measuring

EXAMPLES = (
    "feasibility --backend all",
    "feasibility --backend onnx --model motionbert",
    "feasibility --manifest examples/dtrain.yaml",
)
command = measuring(["feasibility"], __doc__, declares=True)
