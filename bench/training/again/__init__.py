"""How far chance alone carries a training: the reference backend trains each model again."""

TASK = "train_again"
AFTER = ("train",)
ABOUT = "reference"
DATA = True
