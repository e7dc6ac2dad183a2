"""The third-party exam: cases that nobody here wrote."""

TASK = "third_party"
AFTER = ("throughput",)
ABOUT = "backend"
ON_REQUEST = True
