"""What a way round a missing op takes beside the op's own kernel, timed in turns."""

TASK = "detours"
AFTER = ("throughput",)
TIMED = True
ON_REQUEST = True
