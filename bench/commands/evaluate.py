"""Train models and score their poses beside trivial baselines.

What a run has trained already is not trained again.
"""

from __future__ import annotations

from bench.commands import measuring

EXAMPLES = (
    "evaluate --backend torch --model motionbert",
    "evaluate --backend torch --model videopose3d --data cache:motion.cache",
    "evaluate --run runs/ID --procrustes --per-joint",
)
# the baselines with it: a trained model's number means little without them
command = measuring(
    ["baselines", "train", "evaluate"], __doc__, trains=True, scores=True
)
