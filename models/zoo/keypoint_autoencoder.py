"""A transformer that packs a clip of joints into narrow codes, and unpacks them.

Encoder and decoder attend over the joints of a frame, then over the frames of a joint (after the
spatial and temporal transformers of Zheng et al., ICCV 2021, and the masked autoencoders of He et
al., CVPR 2022); it was not published so. Attention over joints has a learnt bias for each pair of
them and head: the joint relations. The plain name lifts keypoints to poses; `2d` and `3d` make
keypoints, or poses, of what is left of them. Stages share whatever has the same name. Axes:
b batch, t frames, j joints, c coordinates, e width.
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
        check_heads("keypoint_autoencoder", self.width, self.heads)


def train(g: Builder, size: Size) -> Value:
    """Keypoints (b, t, j, channels) -> poses (b, t, j, 3)."""
    return _network(given(g, "keypoints", size), "keypoints", "poses", size)


def _network(x: Value, read: str, made: str, size: Size) -> Value:
    """What is read, keypoints or poses, and what is made, have layers of their own."""
    return _decoded(_encoded(x, read, size), made, size)


def _masks(x: Value) -> tuple[Value, ...]:
    """Joints that are never seen, and joints that are lost now and then, as detectors lose them."""
    return mask(x, "tracks", rate=0.2), mask(x, "entries", rate=0.1)


def _encoded(x: Value, what: str, size: Size) -> Value:
    """(b, t, j, c) -> (b, t, j, code)."""
    with x.graph.scope("encoder"):
        x = x.linear(size.width, name=f"embed.{what}", **TIMM)
        x = _blocks(_placed(x, size), size.depth, size)
        return x.linear(size.code, name="code", **TIMM)


def _decoded(x: Value, what: str, size: Size) -> Value:
    """(b, t, j, code) -> (b, t, j, c)."""
    with x.graph.scope("decoder"):
        x = x.linear(size.width, name="embed", **TIMM)
        x = _blocks(_placed(x, size), size.decoder_depth, size)
        return x.linear(COORDINATES[what], name=f"head.{what}", **TIMM)


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
    "small": Size(
        frames=9,
        width=64,
        code=16,
        depth=2,
        decoder_depth=1,
        heads=4,
    ),
    "tiny": Size(
        frames=3,
        width=48,
        code=16,
        depth=1,
        decoder_depth=1,
        heads=4,
    ),
}
PAPER_PARAMETERS: dict[str, int] = {}  # none was published
LOSS, BODY = _reconstruction.LOSS, _reconstruction.BODY
STAGES = stages(_network, _masks)
