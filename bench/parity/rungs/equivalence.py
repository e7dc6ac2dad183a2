"""The inference graph that a model declares agrees with its train graph.

Both are still, and see one training window. A model without a graph of its own is not
asked.
"""

from __future__ import annotations

from bench.coordinator.job import Progress
from bench.parity.judging import Judged, judge
from bench.parity.oracle import Answer, called, due
from bench.parity.trial import Trial
from models import dims, stage
from models.passes import to_inference

AFTER = ("forward",)


def climb(trial: Trial, progress: Progress) -> list[Judged]:
    """The backend's inference graph against the oracle's train graph.

    Nothing where the two are not asked the same.
    """
    spec, said = trial.spec, stage(trial.spec.name)
    if said.infer is None:
        return []  # derived from the train graph, hence equal to it by construction
    if not said.agree:
        return []  # one step of many, as a denoiser's, is not their end
    window = trial.feeds[spec.reads].shape
    if not dims.match(spec.infer.inputs[spec.reads].shape, window, {}):
        return []  # takes other windows than training does
    still = to_inference(spec.train, outputs=["pose"])
    infer = called(spec.infer, trial.feeds)
    own = infer(trial.backend, trial.settings, trial.params)["pose"]
    twin = due(trial, "equivalence", called(still, trial.feeds), progress)["pose"]
    if own.shape != twin.value.shape:
        return []  # gives a pose for every frame where training has one for the middle
    answer = Answer(own, twin.value, twin.apart)
    name = "pose, train graph against inference graph"
    return [judge("equivalence", name, answer, graph="infer")]
