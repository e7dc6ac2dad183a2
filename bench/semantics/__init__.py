"""Which of the known variants of an operation a backend computes, beside whether it is right."""

TASK = "semantics"
AFTER = ("shape_ops",)
ABOUT = "backend"
ON_REQUEST = True
