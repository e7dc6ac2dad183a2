"""A transformer that packs a clip of joints into narrow codes, and unpacks them.

Encoder and decoder attend over the joints of a frame, then over the frames of a joint (after the
spatial and temporal transformers of Zheng et al., ICCV 2021, and the masked autoencoders of He et
al., CVPR 2022); it was not published so. Attention over joints has a learnt bias for each pair of
them and head: the joint relations. The plain name lifts keypoints to poses; `2d` and `3d` make
keypoints, or poses, of what is left of them. Stages share whatever has the same name. Axes:
b batch, t frames, j joints, c coordinates, e width.
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
    """`depth` and `decoder_depth` count pairs of blocks, one over joints and one over frames."""

    joints: int = 17
    channels: int = 2  # of keypoints: x, y and, if 3, confidence
    frames: int = 27
    width: int = 128
    code: int = 32  # numbers that are left of a joint in a frame
    depth: int = 4
    decoder_depth: int = 2
    heads: int = 8
    mlp_ratio: float = 2
    eps: float = 1e-6

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise BadInput(
                f"keypoint_autoencoder: width {self.width} is not divisible by"
                f" {self.heads} heads"
            )


def train(g: Builder, size: Size) -> Value:
    """Keypoints (b, t, j, channels) -> poses (b, t, j, 3)."""
    x = _given(g, "keypoints", size.channels, size)
    return _decoded(_encoded(x, "keypoints", size), "poses", 3, size)


def plane(g: Builder, size: Size) -> Value:
    """Keypoints of which a part is hidden -> all of them, (b, t, j, 2)."""
    x = _masked(_given(g, "keypoints", size.channels, size))
    return _decoded(_encoded(x, "keypoints", size), "keypoints", 2, size)


def space(g: Builder, size: Size) -> Value:
    """Poses of which a part is hidden -> all of them, (b, t, j, 3)."""
    x = _masked(_given(g, "poses", 3, size))
    return _decoded(_encoded(x, "poses", size), "poses", 3, size)


def _given(g: Builder, name: str, coordinates: int, size: Size) -> Value:
    return g.input(name, ("batch", size.frames, size.joints, coordinates))


def _masked(x: Value) -> Value:
    """Joints that are never seen, and joints that are lost now and then, as detectors lose them."""
    masks = mask(x, "tracks", rate=0.2), mask(x, "entries", rate=0.1)
    return x * (1.0 - hidden(x, *masks))


def _encoded(x: Value, what: str, size: Size) -> Value:
    """(b, t, j, c) -> (b, t, j, code)."""
    with x.graph.scope("encoder"):
        x = x.linear(size.width, name=f"embed.{what}", **TIMM)
        x = _blocks(_placed(x, size), size.depth, size)
        return x.linear(size.code, name="code", **TIMM)


def _decoded(x: Value, what: str, coordinates: int, size: Size) -> Value:
    """(b, t, j, code) -> (b, t, j, c)."""
    with x.graph.scope("decoder"):
        x = x.linear(size.width, name="embed", **TIMM)
        x = _blocks(_placed(x, size), size.decoder_depth, size)
        return x.linear(coordinates, name=f"head.{what}", **TIMM)


def _placed(x: Value, size: Size) -> Value:
    """Which joint, and which frame of the window."""
    start = ("trunc_normal", 0.02)
    x = x + x.graph.param("joint_embed", (1, 1, size.joints, size.width), init=start)
    return x + x.graph.param("time_embed", (1, size.frames, 1, size.width), init=start)


def _blocks(x: Value, depth: int, size: Size) -> Value:
    for i in range(depth):
        # tokens are the joints of one frame, which know each other
        x = x.rearrange("b t j e -> (b t) j e")
        with x.graph.scope(f"joints.{i}"):
            x = _block(x, size, related=True)
        # and now the frames of one joint
        x = x.rearrange("(b t) j e -> (b j) t e", t=size.frames)
        with x.graph.scope(f"frames.{i}"):
            x = _block(x, size, related=False)
        x = x.rearrange("(b j) t e -> b t j e", j=size.joints)
    return x.layer_norm(eps=size.eps, name="norm")


def _block(x: Value, size: Size, *, related: bool) -> Value:
    return related_block(
        x, heads=size.heads, mlp_ratio=size.mlp_ratio, eps=size.eps, related=related
    )


NOTES = (
    "It was never published: there are no authors' numbers or counts to hold it to.",
)
PRESETS = {
    "paper": Size(),
    "small": Size(frames=9, width=64, code=16, depth=2, decoder_depth=1, heads=4),
    "tiny": Size(frames=3, width=48, code=16, depth=1, decoder_depth=1, heads=4),
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
    steps=2400,
    batch=32,
    lr=3e-3,
    inputs="zscore",
    validate_every=800,
    validation_windows=256,
)
TRAINING = {
    "paper": Training(steps=60_000, validate_every=2000),
    "small": Training(
        steps=3000, batch=32, lr=1e-3, inputs="zscore", validate_every=500
    ),
    "tiny": QUICK,
}
# poses are near one metre: there is nothing to standardise
OF_POSES = {name: replace(one, inputs="screen") for name, one in TRAINING.items()}
STAGES = {
    "2d": Stage(train=plane, recipe=RECIPE, training=TRAINING, body=BODY),
    "3d": Stage(train=space, recipe=RECIPE, training=OF_POSES, body=BODY),
}
