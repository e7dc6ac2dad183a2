"""Training that no backend implements: batches, schedule, checkpoints, the loop."""

TASK = "train"
AFTER = ("parity",)
DATA = True
