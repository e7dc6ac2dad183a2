"""Does a backend compute and learn the same as the float64 oracle."""

TASK = "parity"
AFTER = ("shape_ops",)
STEPS = True
