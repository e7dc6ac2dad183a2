"""Train where a run has no checkpoint yet, then evaluate beside the trivial baselines."""

from __future__ import annotations

from bench.commands import measuring

command = measuring(["baselines", "train", "evaluate"], __doc__)
