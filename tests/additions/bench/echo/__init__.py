"""A task about a backend alone that says nothing of it."""

TASK = "echo"
AFTER = ("parity",)
ABOUT = "backend"
