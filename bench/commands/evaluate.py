"""Train where a run has no checkpoint yet, then evaluate beside the trivial baselines."""

from __future__ import annotations

from bench.commands import measuring

# the baselines with it: a trained model's number means little without them
command = measuring(["baselines", "train", "evaluate"], __doc__, trains=True)
