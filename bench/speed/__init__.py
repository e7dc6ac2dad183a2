"""How fast, measured in turns so that nobody can argue."""

TASK = "throughput"
AFTER = ("evaluate",)
TIMED = True
