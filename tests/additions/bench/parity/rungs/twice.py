"""The inference graph gives the same answer twice, bit by bit."""

from __future__ import annotations

from bench.coordinator.job import Progress
from bench.parity.judging import Judged, exact
from bench.parity.oracle import called
from bench.parity.trial import Trial

AFTER = ("forward",)


def climb(trial: Trial, progress: Progress) -> list[Judged]:
    """The second answer beside the first."""
    answer = called(trial.spec.infer, trial.feeds)
    first, again = (
        answer(trial.backend, trial.settings, trial.params)["pose"] for _ in range(2)
    )
    same = bool((first == again).all())
    return [exact("twice", "pose", same, graph="infer")]
