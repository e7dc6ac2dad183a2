"""DSTformer at the sizes of a small study, with masked pre-training and a head that is tuned alone.

The network is MotionBERT's (`motionbert.py`, Zhu et al., ICCV 2023); here are sizes and stages. Of
2 outputs it reconstructs keypoints, of 3 it lifts them. `pretrain` makes the clean clip of one
whose frames are noise in part and whose joints are hidden in part; `finetune` learns a new head on
the representation of a backbone that stays as it is, `adapt` on one that may learn, too.
"""

from __future__ import annotations

from models.builder import Builder
from models.layers import hidden, mask
from models.spec import Stage
from models.value import Value
from models.zoo.motionbert import Size as Size
from models.zoo.motionbert import head, keypoints, represent
from models.zoo.motionbert import train as train

LOUD = 1.0  # standard deviation of what stands in a hidden frame: half the screen


def pretrain(g: Builder, size: Size) -> Value:
    """Frames replaced by noise and joints by zeros -> the clean clip, (b, t, j, outputs)."""
    x = keypoints(g, size)
    frames, joints = mask(x, "frames", rate=0.15), mask(x, "entries", rate=0.1)
    loud = g.noise("loud", x.shape, kind="normal", number=LOUD)
    hidden(x, frames, joints)
    shown = (x * frames + loud * (1.0 - frames)) * joints
    return head(represent(shown, size), size)


def finetune(g: Builder, size: Size) -> Value:
    """A new head, Linear-ReLU-Linear, over a backbone that no step changes."""
    with g.frozen():
        x = represent(keypoints(g, size), size)
    return _new_head(x, size)


def adapt(g: Builder, size: Size) -> Value:
    """The same new head, over a backbone of which a recipe freezes what it likes."""
    return _new_head(represent(keypoints(g, size), size), size)


def _new_head(x: Value, size: Size) -> Value:
    x = x.linear(size.representation, name="head.0").relu()
    return x.linear(size.outputs, name="head.2")


NOTES = (
    (
        "It was never published: sizes, noise and masks are those of a study, and no "
        "authors' numbers hold it; the network is held by those of `motionbert`."
    ),
    "`finetune` keeps its backbone as it starts: give `train.start`, or it is a random one.",
)
PRESETS = {
    "paper": Size(
        width=64,
        representation=64,
        depth=2,
        heads=8,
        frames=10,
        max_frames=10,
    ),
    "small": Size(
        width=64,
        representation=64,
        depth=2,
        heads=8,
        frames=5,
        max_frames=10,
    ),
    "tiny": Size(
        width=64,
        representation=64,
        depth=1,
        heads=4,
        frames=3,
        max_frames=10,
    ),
}
PAPER_PARAMETERS: dict[str, int] = {}  # none was published
LOSS = {"mpjpe": 1.0}
STAGES = {
    "pretrain": Stage(train=pretrain, loss=LOSS),
    "finetune": Stage(train=finetune, loss=LOSS),
    "adapt": Stage(train=adapt, loss=LOSS),
}
