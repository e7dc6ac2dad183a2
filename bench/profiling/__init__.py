"""Where a model's time goes: each call of its inference graph, timed by itself."""

TASK = "profile"
AFTER = ("throughput",)
TIMED = True
ON_REQUEST = True
