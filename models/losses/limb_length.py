"""Mean absolute difference of bone lengths between pose and target.

mean over batch, frames and bones of | |pose[p] - pose[c]| - |target[p] - target[c]| |, with
(p, c) the joints of a bone; as `loss_limb_gt` of MotionBERT (Zhu et al., ICCV 2023;
lib/model/loss.py), which lists the 16 bones of Human3.6M where this takes the body's.
"""

from __future__ import annotations

import numpy as np

from models.body import Body
from models.errors import BadInput
from models.value import Value


def limb_length(pose: Value, target: Value, *, body: Body) -> Value:
    """Scalar, in the unit of the poses; blind to where a limb points.

    Raises BadInput for a body without bones.
    """
    if not body.bones:
        raise BadInput(
            "loss limb_length: the body has no bones; leave it out of the loss"
        )
    difference = _lengths(pose, body) - _lengths(target, body)
    return difference.abs().mean(axis=(0, 1, 2), keepdims=False)


def _lengths(pose: Value, body: Body) -> Value:
    parents, children = zip(*body.bones, strict=True)
    # asked for twice, by pose and by target: `constant` gives one table for one name
    upper = pose.graph.constant("body.parents", np.array(parents, np.int64))
    lower = pose.graph.constant("body.children", np.array(children, np.int64))
    bones = pose.take(upper, axis=2) - pose.take(lower, axis=2)
    return bones.vector_norm(axis=-1)  # (batch, frames, bones)
