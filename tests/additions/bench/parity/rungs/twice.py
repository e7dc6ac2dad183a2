"""The inference graph gives the same answer twice, bit by bit."""

from __future__ import annotations

from dataclasses import replace

from bench.coordinator.job import Progress
from bench.parity.judging import Judged, Three, judge
from bench.parity.trial import Trial, answers

AFTER = ("forward",)


def climb(trial: Trial, progress: Progress) -> list[Judged]:
    """The second answer, judged as the first."""
    (first, _), *_ = answers(trial, trial.spec.infer)
    (again, _), *_ = answers(trial, trial.spec.infer)
    values = Three(again["pose"], first["pose"], first["pose"])
    judged = judge("forward", "pose, once more", values, graph="infer")
    return [replace(judged, check=judged.check.model_copy(update={"kind": "twice"}))]
