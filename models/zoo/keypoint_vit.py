"""A vision transformer over keypoints: a joint's track through the window is a patch.

After ViT (Dosovitskiy et al., ICLR 2021) and masked autoencoders (He et al., CVPR 2022), for
joints; it was not published so. A learnt bias for each pair of joints and head says which belong
together. The plain name lifts keypoints to poses; `2d` makes keypoints, and `3d` poses, of what is
left of them, and shares with it whatever has the same name. Axes: b batch, t frames, j joints,
c coordinates, e width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.body import H36M_17
from models.builder import Builder
from models.errors import BadInput
from models.layers import TIMM, hidden, mask, related_block
from models.spec import Recipe, Stage, Training
from models.value import Value


@dataclass(frozen=True)
class Size:
    """A window has `frames`, no more and no less: they are the width of a patch."""

    joints: int = 17
    channels: int = 2  # of keypoints: x, y and, if 3, confidence
    frames: int = 27
    width: int = 256
    depth: int = 6
    heads: int = 8
    mlp_ratio: float = 4
    eps: float = 1e-6

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise BadInput(
                f"keypoint_vit: width {self.width} is not divisible by {self.heads} heads"
            )


def train(g: Builder, size: Size) -> Value:
    """Keypoints (b, t, j, channels) -> poses (b, t, j, 3)."""
    x = _given(g, "keypoints", size.channels, size)
    return _made(_encoded(x, "keypoints", size), "poses", 3, size)


def plane(g: Builder, size: Size) -> Value:
    """Keypoints of which a part is hidden -> all of them, (b, t, j, 2)."""
    x = _masked(_given(g, "keypoints", size.channels, size))
    return _made(_encoded(x, "keypoints", size), "keypoints", 2, size)


def space(g: Builder, size: Size) -> Value:
    """Poses of which a part is hidden -> all of them, (b, t, j, 3)."""
    x = _masked(_given(g, "poses", 3, size))
    return _made(_encoded(x, "poses", size), "poses", 3, size)


def _given(g: Builder, name: str, coordinates: int, size: Size) -> Value:
    return g.input(name, ("batch", size.frames, size.joints, coordinates))


def _masked(x: Value) -> Value:
    """Patches as a whole, for which the others must speak, and single frames of all patches."""
    masks = mask(x, "tracks", rate=0.2), mask(x, "frames", rate=0.1)
    return x * (1.0 - hidden(x, *masks))


def _encoded(x: Value, what: str, size: Size) -> Value:
    """(b, t, j, c) -> (b, j, e): tokens are joints."""
    x = x.rearrange("b t j c -> b j (t c)")
    x = x.linear(size.width, name=f"embed.{what}", **TIMM)
    row = (1, size.joints, size.width)
    x = x + x.graph.param("pos_embed", row, init=("trunc_normal", 0.02))
    for i in range(size.depth):
        with x.graph.scope(f"blocks.{i}"):
            x = related_block(
                x,
                heads=size.heads,
                mlp_ratio=size.mlp_ratio,
                eps=size.eps,
                related=True,
            )
    return x.layer_norm(eps=size.eps, name="norm")


def _made(x: Value, what: str, coordinates: int, size: Size) -> Value:
    """(b, j, e) -> (b, t, j, c), a track of each token."""
    x = x.linear(size.frames * coordinates, name=f"head.{what}", **TIMM)
    return x.rearrange("b j (t c) -> b t j c", t=size.frames)


NOTES = (
    "It was never published: there are no authors' numbers or counts to hold it to.",
)
PRESETS = {
    "paper": Size(),
    "small": Size(frames=9, width=64, depth=3, heads=4),
    "tiny": Size(frames=5, width=64, depth=1, heads=4, mlp_ratio=2),
}
PAPER_PARAMETERS: dict[str, int] = {}  # none was published
RECIPE = Recipe(
    optimizer="adamw",
    lr=5e-4,
    weight_decay=0.01,
    lr_decay=1.0,
    batch=64,
    # reconstruction, limbs of the same length, a motion that does not shake
    loss={"mpjpe": 1.0, "limb_length": 0.1, "acceleration": 0.05},
    inputs="screen",
    source="not published; the losses of an unsupervised pre-training of pose models",
)
BODY = H36M_17
# Beats the best trivial baseline by a quarter within a minute on two cores.
QUICK = Training(
    steps=4500,
    batch=64,
    lr=3e-3,
    inputs="zscore",
    validate_every=1500,
    validation_windows=256,
)
TRAINING = {
    "paper": Training(steps=60_000, validate_every=2000),
    "small": Training(
        steps=4000, batch=64, lr=1e-3, inputs="zscore", validate_every=500
    ),
    "tiny": QUICK,
}
# poses are near one metre: there is nothing to standardise
OF_POSES = {name: replace(one, inputs="screen") for name, one in TRAINING.items()}
STAGES = {
    "2d": Stage(train=plane, recipe=RECIPE, training=TRAINING, body=BODY),
    "3d": Stage(train=space, recipe=RECIPE, training=OF_POSES, body=BODY),
}
