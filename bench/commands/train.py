"""Train models on a backend.

Curve and checkpoint go to the run folder.
"""

from __future__ import annotations

from bench.commands import measuring

EXAMPLES = (
    "train --backend torch --model motionbert",
    "train --backend torch --model motionbert --set model.motionbert.train.steps=2000",
)
command = measuring(["train"], __doc__, trains=True)
