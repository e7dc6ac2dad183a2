"""Metrics of predicted poses: the same call for models and for trivial predictors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench import metrics
from bench.data.batches.windows import Windows
from bench.data.geometry.skinning import Skin
from bench.data.protocols import Protocol
from bench.evaluation import roots
from bench.evaluation.surfaces import Made, Posed
from bench.records import Metric
from models.errors import BadInput


class Surface(NamedTuple):
    """Predicted surfaces (M, V, 3), and the body whose pose is the truth."""

    made: Made | Posed
    skin: Skin
    view: metrics.View  # by which its root is found


def score(
    pred: NDArray[np.floating],
    test: Windows,
    *,
    protocol: Protocol,
    chosen: Sequence[str] = (),
    view: metrics.View | None = None,
    surface: Surface | None = None,
) -> tuple[Metric, ...]:
    """Metrics of predictions (M, J, 3), which are in the order of the test windows' scored frames.

    All of them, or those `chosen`; MPJPE and the protocol's headline are always among them.
    Predictions are mm, or pixels where the windows' targets are: each frame's factor makes mm
    of them. Of hypotheses (M, H, J, 3) the protocol makes one pose, for which it may need the
    `view`. A `surface` is scored beside its pose. Raises as `metrics.evaluate` does.
    """
    if pred.ndim == 3:
        # whatever would be made of several, of one pose it is that pose
        protocol = protocol.model_copy(update={"hypotheses": "one"})
    wanted = {"mpjpe", protocol.headline, *chosen}
    # in the order of the folder, so that a row stands where it stands in every run
    names = [name for name in metrics.names() if name in wanted]
    truth = 1000.0 * test.metres(test.truth())  # mm
    return metrics.evaluate(
        pred,
        truth,
        actions=test.labels("action").tolist(),
        subjects=test.labels("subject").tolist(),
        clips=test.clip_numbers().tolist(),
        joint_names=test.skeleton.joints,  # metrics of single joints ask for them by name
        protocol=protocol,
        metrics=names if chosen else None,
        extras=_extras(pred, test, view, surface),
    )


def _extras(
    pred: NDArray[np.floating],
    test: Windows,
    view: metrics.View | None,
    surface: Surface | None,
) -> metrics.Extras:
    factors = test.factors()
    if factors is not None:
        # where the root is missing any number serves: nothing of the frame is scored
        factors = np.nan_to_num(factors, nan=1.0)
    if surface is None:
        return metrics.Extras(factors=factors, view=view)
    return metrics.Extras(
        factors=factors,
        view=view,
        roots=_roots(pred, test, surface.view),
        vertices=(surface.made, Posed(surface.skin, test.truth())),
        regressor=surface.skin.mesh.regressor,
    )


def _roots(
    pred: NDArray[np.floating], test: Windows, view: metrics.View
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Roots as the poses project best, and the true ones; None where a lens shows no such place."""
    try:
        found = roots.fitted(pred, view, test.clip_numbers(), root=test.root)
    except BadInput:
        # of a detector's keypoint far outside the picture: all else can be scored
        return None
    return found, view.roots
