"""A vision transformer over keypoints: a joint's track through the window is a patch.

After ViT (Dosovitskiy et al., ICLR 2021) and masked autoencoders (He et al., CVPR 2022), for
joints; it was not published so. A learnt bias for each pair of joints and head says which belong
together. The plain name lifts keypoints to poses; `2d` makes keypoints, and `3d` poses, of what is
left of them, and shares with it whatever has the same name. Axes: b batch, t frames, j joints,
c coordinates, e width.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.builder import Builder
from models.layers import TIMM, check_heads, mask, related_block
from models.value import Value
from models.zoo import _reconstruction
from models.zoo._reconstruction import COORDINATES, given, stages


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
        check_heads("keypoint_vit", self.width, self.heads)


def train(g: Builder, size: Size) -> Value:
    """Keypoints (b, t, j, channels) -> poses (b, t, j, 3)."""
    return _network(given(g, "keypoints", size), "keypoints", "poses", size)


def _network(x: Value, read: str, made: str, size: Size) -> Value:
    """What is read, keypoints or poses, and what is made, have layers of their own."""
    return _made(_encoded(x, read, size), made, size)


def _masks(x: Value) -> tuple[Value, ...]:
    """Patches as a whole, for which the others must speak, and single frames of all patches."""
    return mask(x, "tracks", rate=0.2), mask(x, "frames", rate=0.1)


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


def _made(x: Value, what: str, size: Size) -> Value:
    """(b, j, e) -> (b, t, j, c), a track of each token."""
    x = x.linear(size.frames * COORDINATES[what], name=f"head.{what}", **TIMM)
    return x.rearrange("b j (t c) -> b t j c", t=size.frames)


NOTES = (
    "It was never published: there are no authors' numbers or counts to hold it to.",
)
PRESETS = {
    "paper": Size(),
    "small": Size(
        frames=9,
        width=64,
        depth=3,
        heads=4,
    ),
    "tiny": Size(
        frames=5,
        width=64,
        depth=1,
        heads=4,
        mlp_ratio=2,
    ),
}
PAPER_PARAMETERS: dict[str, int] = {}  # none was published
LOSS, BODY = _reconstruction.LOSS, _reconstruction.BODY
STAGES = stages(_network, _masks)
