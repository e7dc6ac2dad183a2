"""Outputs of both graphs, the loss, and the running statistics after one call."""

from __future__ import annotations

from bench.coordinator.job import Progress
from bench.parity.judging import Judged, Three, judge
from bench.parity.trial import Trial, answers
from models.graph import Graph

AFTER = ("weights",)


def climb(trial: Trial, progress: Progress) -> list[Judged]:
    """Hold all that each graph gives against the oracle's."""
    # The graph people run comes first: its pose is what they see.
    graphs = {"infer": trial.spec.infer, "train": trial.spec.train}
    judged = []
    for name, graph in graphs.items():
        own, exact, rough = (
            {**outputs, **state} for outputs, state in answers(trial, graph)
        )
        for key, due in exact.items():
            values = Three(own[key], due, rough[key])
            judged.append(judge(_kind(key, graph), key, values, graph=name))
    return judged


def _kind(key: str, graph: Graph) -> str:
    """Which budget holds for a value."""
    if key == "loss":
        return "loss"
    return "state" if key in graph.state else "forward"
