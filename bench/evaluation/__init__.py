"""How wrong a trained model is, and what else can be done with it."""

TASK = "evaluate"
AFTER = ("train", "baselines")
DATA = True
