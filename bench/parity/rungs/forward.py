"""Outputs of both graphs, the loss, and the running statistics after one call."""

from __future__ import annotations

from collections.abc import Iterator

from bench.coordinator.job import Progress
from bench.parity.judging import Judged, judge
from bench.parity.oracle import asked, called
from bench.parity.trial import Trial
from models.graph import Graph

AFTER = ("weights",)


def climb(trial: Trial, progress: Progress) -> Iterator[Judged]:
    """Hold all that each graph gives against the oracle's."""
    # The graph people run comes first: its pose is what they see.
    graphs = {"infer": trial.spec.infer, "train": trial.spec.train}
    for name, graph in graphs.items():
        compute = called(graph, trial.feeds)
        for key, answer in asked(trial, f"forward-{name}", compute, progress).items():
            yield judge(_kind(key, graph), key, answer, graph=name)


def _kind(key: str, graph: Graph) -> str:
    """Which budget holds for a value."""
    if key == "loss":
        return "loss"
    return "state" if key in graph.state else "forward"
