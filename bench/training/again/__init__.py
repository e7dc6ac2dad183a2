"""How far chance alone carries a training: by the reference's repeats, and by other seeds."""

TASK = "train_again"
AFTER = ("train",)
ABOUT = "repeated"
DATA = True
