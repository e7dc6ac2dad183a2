"""The op exam: every operation put to a backend alone."""

TASK = "shape_ops"
AFTER = ("feasibility",)
ABOUT = "backend"
STEPS = True
