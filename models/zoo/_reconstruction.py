"""What families that lift keypoints, and restore what is hidden, have in common.

A family says its network, (x, what goes in, what comes out, size) -> what comes out, and what it
hides of x. Three trainings follow: keypoints to poses, keypoints to keypoints, poses to poses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.body import H36M_17
from models.builder import Builder
from models.layers import hidden
from models.spec import Stage
from models.value import Value

# (x, keypoints or poses, keypoints or poses, size) -> (b, t, j, COORDINATES of what comes out)
Network = Callable[[Value, str, str, Any], Value]
Masks = Callable[[Value], tuple[Value, ...]]
COORDINATES = {"keypoints": 2, "poses": 3}
BODY = H36M_17
# reconstruction, limbs of the same length, a motion that does not shake
LOSS = {"mpjpe": 1.0, "limb_length": 0.1, "acceleration": 0.05}


def given(g: Builder, what: str, size: Any) -> Value:
    """The input (b, t, j, c): poses, or keypoints with as many channels as the model has."""
    coordinates = size.channels if what == "keypoints" else COORDINATES[what]
    return g.input(what, ("batch", size.frames, size.joints, coordinates))


def stages(network: Network, masks: Masks) -> dict[str, Stage]:
    """`2d` restores keypoints of which a part is hidden, `3d` poses."""
    return {
        "2d": _stage(network, masks, "keypoints"),
        "3d": _stage(network, masks, "poses"),
    }


def _stage(network: Network, masks: Masks, what: str) -> Stage:
    def train(g: Builder, size: Any) -> Value:
        x = given(g, what, size)
        return network(x * (1.0 - hidden(x, *masks(x))), what, what, size)

    return Stage(train=train, loss=LOSS, body=BODY)
