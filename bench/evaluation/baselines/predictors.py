"""What costs nothing to predict: the mean pose, and a linear map of one frame's keypoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.batches.windows import Windows
from bench.data.clip import Clip
from bench.data.geometry.skinning import Skin
from bench.data.protocols import Protocol
from bench.evaluation.score import Surface, score
from bench.evaluation.surfaces import Posed
from bench.metrics import View
from bench.records import Baseline

Array = NDArray[np.float32]
# A direction of the keypoints in which the frames vary less than so, as a share of the squares of
# the widest: what is learnt of it would be the rounding of float32, in millions.
CUT = 1e-10
# keypoints (N, J, C) -> root-relative poses (N, J, 3), in the targets' unit
Predictor = Callable[[Array], NDArray[np.float64]]


def mean_pose(train: Windows) -> Predictor:
    """The mean training pose, whatever the keypoints."""
    mean = train.truth().mean(axis=0, dtype=np.float64)
    return lambda keypoints: np.broadcast_to(mean, (len(keypoints), *mean.shape))


def linear_map(train: Windows) -> Predictor:
    """The affine map from one frame's keypoints to its pose.

    It has the least squared error on the training frames.
    """
    truth = train.truth()
    inputs = _affine(train.single())
    outputs = truth.reshape(len(truth), -1).astype(np.float64)  # (N, J * 3)
    # The normal equations: a few tens of unknowns, whatever the number of frames. A joint that
    # never moves makes them singular, which lstsq takes and a plain solve would not.
    weights = np.linalg.lstsq(inputs.T @ inputs, inputs.T @ outputs, rcond=CUT)[0]
    pose = truth.shape[1:]  # (J, 3)

    def predict(keypoints: Array) -> NDArray[np.float64]:
        flat = _affine(keypoints) @ weights
        return flat.reshape(len(keypoints), *pose)

    return predict


# by the name that a report gives them; the order is that of its rows
PREDICTORS: Mapping[str, Callable[[Windows], Predictor]] = {
    "mean pose": mean_pose,
    "least-squares linear map": linear_map,
}


def baselines(
    train: Windows,
    test: Windows,
    *,
    protocol: Protocol,
    chosen: Sequence[str] = (),
    body: tuple[Skin, View] | None = None,
) -> tuple[Baseline, ...]:
    """Both, fitted on the training windows' frames and scored on the test windows' frames.

    With a `body`, and what the cameras see of it, their surface is scored, too: the mean body in
    the pose that they predict.
    """
    found = []
    for name, fit in PREDICTORS.items():
        pred = fit(train)(test.single())
        surface = Surface(Posed(body[0], pred), *body) if body else None
        scores = score(
            1000 * pred,  # metres to mm
            test,
            protocol=protocol,
            chosen=chosen,
            surface=surface,
        )
        found.append(Baseline(name=name, metrics=scores))
    return tuple(found)


def frames_of(clips: list[Clip], protocol: Protocol, *, every: int = 1) -> Windows:
    """Every frame that is trained on, or every so many that are scored."""
    return Windows(
        clips,
        frames=1,
        every=every,
        skeleton=protocol.skeleton,
        root=protocol.root,
        channels=2,
        pixels=protocol.lengths == "2.5d",  # as the models' targets under that protocol
    )


def _affine(keypoints: Array) -> NDArray[np.float64]:
    """(N, J * C + 1) with a column of ones for the bias."""
    flat = keypoints.reshape(len(keypoints), -1).astype(np.float64)
    return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
