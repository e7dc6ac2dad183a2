"""Can a model be expressed in a framework at all."""

TASK = "feasibility"
