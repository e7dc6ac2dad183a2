"""The harness's own exam: faults that are planted into a backend, and which are caught."""

TASK = "audit"
AFTER = ("third_party",)
ABOUT = "backend"
DATA = True  # faults of the pipeline are put to a training on the run's clips
ON_REQUEST = True
