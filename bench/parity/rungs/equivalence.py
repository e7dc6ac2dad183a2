"""The inference graph that a model declares agrees with its train graph.

Both are still, and see one training window. A model without a graph of its own is not
asked.
"""

from __future__ import annotations

from bench.coordinator.job import Progress
from bench.parity.judging import Judged, Three, judge
from bench.parity.trial import Trial, answers
from models import dims, module
from models.passes import to_inference

AFTER = ("forward",)


def climb(trial: Trial, progress: Progress) -> list[Judged]:
    """The backend's inference graph against the oracle's train graph.

    Nothing where the two are not asked the same.
    """
    spec = trial.spec
    if not hasattr(module(spec.name), "infer"):
        return []  # derived from the train graph, hence equal to it by construction
    window = trial.feeds["keypoints"].shape
    if not dims.match(spec.infer.inputs["keypoints"].shape, window, {}):
        return []  # takes other windows than training does
    still = to_inference(spec.train, outputs=["pose"])
    (own, _), *_ = answers(trial, spec.infer)
    (twin, _), (exact, _), (rough, _) = answers(trial, still)
    if own["pose"].shape != twin["pose"].shape:
        return []  # gives a pose for every frame where training has one for the middle
    values = Three(own["pose"], exact["pose"], rough["pose"])
    name = "pose, train graph against inference graph"
    return [judge("equivalence", name, values, graph="infer")]
