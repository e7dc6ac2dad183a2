"""DSTformer, the backbone of MotionBERT (Zhu et al., ICCV 2023; Walter0807/MotionBERT
lib/model/DSTformer.py).

Two streams, spatial-then-temporal and temporal-then-spatial, fused per token by learnt
softmax weights. Axes: b batch, t frames, j joints, c width, h heads, d width of a head, s
the three of query, key, value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.builder import Builder
from models.errors import BadInput
from models.layers import Initialisers, attend, mlp
from models.spec import Recipe, Training
from models.value import Value


@dataclass(frozen=True)
class Size:
    """`frames` is the length of training windows; the graphs take any length up to
    `max_frames`.
    """

    joints: int = 17
    channels: int = 3  # x, y, confidence
    outputs: int = 3
    width: int = 512
    representation: int = 512
    depth: int = 5
    heads: int = 8
    mlp_ratio: float = 2
    frames: int = 243
    max_frames: int = 243
    eps: float = 1e-6  # 1e-6 through the official loader, 1e-5 from the bare class
    qkv_bias: bool = True
    scale: float = 0.0  # 0: head width ** -0.5
    fuse: bool = True  # learnt fusion; else the mean of the streams
    drop: float = 0.0
    attention_drop: float = 0.0
    drop_path: float = 0.0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise BadInput(
                f"motionbert: width {self.width} is not divisible by {self.heads} heads"
            )
        if self.frames > self.max_frames:
            raise BadInput(
                f"motionbert: frames {self.frames} exceed max_frames {self.max_frames};"
                " raise max_frames"
            )


def train(g: Builder, size: Size) -> Value:
    """(b, t, j, channels) -> (b, t, j, outputs); the tanh representation is labelled `rep`."""
    x = g.input("keypoints", ("batch", "frames", size.joints, size.channels))
    x = x.linear(size.width, name="joints_embed", **_LINEAR)
    x = x + g.param("pos_embed", (1, size.joints, size.width), init=("trunc_normal", 0.02))
    times = g.param(
        "temp_embed", (1, size.max_frames, 1, size.width), init=("trunc_normal", 0.02)
    )
    x = (x + times.slice(axis=1, start=0, stop=x.shape[1], step=1)).dropout(
        rate=size.drop, name="pos_drop"
    )
    for i in range(size.depth):
        rate = size.drop_path * i / max(size.depth - 1, 1)
        with g.scope(f"blocks_st.{i}"):
            st = _temporal(_spatial(x, size, rate), size, rate)
        with g.scope(f"blocks_ts.{i}"):
            ts = _spatial(_temporal(x, size, rate), size, rate)
        x = _fuse(st, ts, f"ts_attn.{i}") if size.fuse else (st + ts) * 0.5
    x = (
        x.layer_norm(eps=size.eps, name="norm")
        .linear(size.representation, name="pre_logits.fc", **_LINEAR)
        .tanh()
    )
    return g.label("rep", x).linear(size.outputs, name="head", **_LINEAR)


def _spatial(x: Value, size: Size, rate: float) -> Value:
    """Tokens are the joints of one frame."""
    frames = x.shape[1]
    packed = x.layer_norm(eps=size.eps, name="norm1_s").linear(
        size.width * 3, name="attn_s.qkv", bias=size.qkv_bias, **_LINEAR
    )
    mixed = _attend(
        packed.rearrange("b t j (s h d) -> s (b t) h j d", s=3, h=size.heads),
        size,
        "attn_s",
    )
    mixed = mixed.rearrange("(b t) h j d -> b t j (h d)", t=frames).linear(
        size.width, name="attn_s.proj", **_LINEAR
    )
    x = x + mixed.dropout(rate=size.drop, name="attn_s.proj").drop_path(
        rate=rate, name="attn_s.path"
    )
    return x + _mlp(x.layer_norm(eps=size.eps, name="norm2_s"), size, "mlp_s").drop_path(
        rate=rate, name="mlp_s.path"
    )


def _temporal(x: Value, size: Size, rate: float) -> Value:
    """Tokens are the frames of one joint."""
    # moved here, where it is narrowest
    rows = x.layer_norm(eps=size.eps, name="norm1_t").rearrange("b t j c -> (b j) t c")
    packed = rows.linear(size.width * 3, name="attn_t.qkv", bias=size.qkv_bias, **_LINEAR)
    mixed = _attend(
        packed.rearrange("n t (s h d) -> s n h t d", s=3, h=size.heads), size, "attn_t"
    )
    mixed = mixed.rearrange("n h t d -> n t (h d)").linear(
        size.width, name="attn_t.proj", **_LINEAR
    )
    mixed = mixed.rearrange("(b j) t c -> b t j c", j=size.joints)
    x = x + mixed.dropout(rate=size.drop, name="attn_t.proj").drop_path(
        rate=rate, name="attn_t.path"
    )
    return x + _mlp(x.layer_norm(eps=size.eps, name="norm2_t"), size, "mlp_t").drop_path(
        rate=rate, name="mlp_t.path"
    )


def _attend(packed: Value, size: Size, name: str) -> Value:
    return attend(
        packed,
        scale=size.scale or (size.width // size.heads) ** -0.5,
        drop=size.attention_drop,
        name=name,
    )


def _mlp(x: Value, size: Size, name: str) -> Value:
    return mlp(
        x, hidden=int(size.width * size.mlp_ratio), drop=size.drop, name=name, **_LINEAR
    )


def _fuse(st: Value, ts: Value, name: str) -> Value:
    """softmax(W [st; ts]) weighs the two streams of each token; even at the start."""
    weights = (
        st.concat(ts, axis=-1)
        .linear(2, name=name, init=("zeros", 0.0), bias_init=("constant", 0.5))
        .softmax(axis=-1)
    )
    of_st, of_ts = weights.split(2, axis=-1)
    return st * of_st + ts * of_ts


_LINEAR: Initialisers = {"init": ("trunc_normal", 0.02), "bias_init": ("zeros", 0.0)}
PRESETS = {
    "paper": Size(),
    "lite": Size(width=256, mlp_ratio=4),
    "small": Size(width=64, representation=64, depth=2, frames=9, max_frames=27),
    "tiny": Size(width=32, representation=64, depth=1, heads=4, frames=9, max_frames=27),
}
PAPER_PARAMETERS = {"paper": 42_466_317, "lite": 16_001_549}
RECIPE = Recipe(
    optimizer="adamw",
    lr=2e-4,
    weight_decay=0.01,
    lr_decay=0.99,
    batch=32,
    loss={"mpjpe": 1.0, "n_mpjpe": 0.5, "velocity": 20.0},
    inputs="screen",
    source="Zhu et al. 2023: AdamW 2e-4, x0.99 per epoch",
)
# Short trainings learn faster from standardised keypoints than from the screen's.
TRAINING = {
    "paper": Training(steps=60_000, batch=32, validate_every=2000),
    "small": Training(
        steps=3000,
        batch=16,
        lr=2e-3,
        inputs="zscore",
        validate_every=500,
        validation_windows=512,
    ),
    "tiny": Training(
        steps=250,
        batch=16,
        lr=5e-3,
        inputs="zscore",
        validate_every=125,
        validation_windows=128,
    ),
}
OFFICIAL = "DSTformer"


def from_official(config: Mapping[str, Any]) -> Size:
    """Constructor arguments of DSTformer; every drop rate 0 unless given."""
    return Size(
        joints=config["num_joints"],
        channels=config["dim_in"],
        outputs=config["dim_out"],
        width=config["dim_feat"],
        representation=config["dim_rep"],
        depth=config["depth"],
        heads=config["num_heads"],
        mlp_ratio=config["mlp_ratio"],
        frames=config.get("frames", config["maxlen"]),
        max_frames=config["maxlen"],
        eps=config.get("norm_eps", 1e-5),
        qkv_bias=config.get("qkv_bias", True),
        scale=config.get("qk_scale") or 0.0,
        fuse=config.get("att_fuse", True),
    )
