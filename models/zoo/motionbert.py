"""DSTformer, the backbone of MotionBERT.

Zhu et al., ICCV 2023; Walter0807/MotionBERT lib/model/DSTformer.py. Two streams,
spatial-then-temporal and temporal-then-spatial, fused per token by learnt softmax weights.
Axes: b batch, t frames, j joints, c width, h heads, d width of a head, s the three of query,
key, value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.builder import Builder
from models.errors import BadInput
from models.layers import Initialisers, attend, check_heads, hidden, mask, mlp
from models.spec import Stage
from models.value import Value


@dataclass(frozen=True)
class Size:
    """`frames` is the length of training windows.

    The graphs take any length up to `max_frames`.
    """

    joints: int = 17
    channels: int = 3  # x, y, confidence
    outputs: int = 3
    width: int = 512  # dim_feat in the official code
    representation: int = 512  # dim_rep: the features that other tasks take over
    depth: int = 5
    heads: int = 8
    mlp_ratio: float = 2
    frames: int = 243
    max_frames: int = 243
    eps: float = 1e-6  # 1e-6 through the official loader, 1e-5 from the bare class
    qkv_bias: bool = True
    scale: float = 0.0  # 0: head width ** -0.5
    fuse: bool = True  # learnt fusion; else the mean of the streams
    # 0 in every published configuration: nothing random is left in fine-tuning
    drop: float = 0.0
    attention_drop: float = 0.0
    drop_path: float = 0.0

    def __post_init__(self) -> None:
        check_heads("motionbert", self.width, self.heads)
        if self.frames > self.max_frames:
            raise BadInput(
                f"motionbert: frames {self.frames} exceed max_frames {self.max_frames};"
                " raise max_frames"
            )


def train(g: Builder, size: Size) -> Value:
    """(b, t, j, channels) -> (b, t, j, outputs)."""
    return head(represent(keypoints(g, size), size), size)


def keypoints(g: Builder, size: Size) -> Value:
    """What is shown, (b, t, j, channels)."""
    return g.input("keypoints", ("batch", "frames", size.joints, size.channels))


def represent(x: Value, size: Size) -> Value:
    """(b, t, j, channels) -> (b, t, j, representation), through tanh, labelled `rep`."""
    g = x.graph
    x = x.linear(size.width, name="joints_embed", **_LINEAR)
    row = (1, size.joints, size.width)
    x = x + g.param("pos_embed", row, init=("trunc_normal", 0.02))
    table = (1, size.max_frames, 1, size.width)
    times = g.param("temp_embed", table, init=("trunc_normal", 0.02))
    # a shorter clip takes the table's first rows: frames count from its start
    x = x + times.slice(axis=1, start=0, stop=x.shape[1], step=1)
    x = x.dropout(rate=size.drop, name="pos_drop")
    for i in range(size.depth):
        # from 0 to the whole rate (linspace, officially)
        rate = size.drop_path * i / max(size.depth - 1, 1)
        with g.scope(f"blocks_st.{i}"):
            st = _temporal(_spatial(x, size, rate), size, rate)
        # both start from x, and name their parameters alike whatever their order is
        with g.scope(f"blocks_ts.{i}"):
            ts = _spatial(_temporal(x, size, rate), size, rate)
        if size.fuse:
            x = _fuse(st, ts, f"ts_attn.{i}")
        else:
            x = (st + ts) * 0.5
    x = x.layer_norm(eps=size.eps, name="norm")
    x = x.linear(size.representation, name="pre_logits.fc", **_LINEAR).tanh()
    return g.label("rep", x)


def head(rep: Value, size: Size) -> Value:
    """One linear layer: all that a pose takes beyond the representation."""
    return rep.linear(size.outputs, name="head", **_LINEAR)


def pretrain(g: Builder, size: Size) -> Value:
    """Poses of noisy keypoints of which joints and whole frames are hidden, as zeros.

    Rates as published. There the noise is fitted to a detector joint by joint and a hidden frame
    is hidden in the whole batch; here it is one normal number wide, and a clip's own frame.
    """
    x = keypoints(g, size)
    jitter = g.noise("jitter", (*x.shape[:3], 2), kind="normal", number=_JITTER)
    # a confidence is not moved
    jitter = jitter.pad(axis=-1, before=0, after=size.channels - 2, value=0.0)
    masks = mask(x, "entries", rate=0.05), mask(x, "frames", rate=0.1)
    shown = (x + jitter) * (1.0 - hidden(x, *masks))
    return head(represent(shown, size), size)


def representation(g: Builder, size: Size) -> Value:
    """The plain model, which gives `rep` beside the pose: features for other tasks."""
    pose = train(g, size)
    g.output("rep", g.labelled("rep"))
    return pose


def _spatial(x: Value, size: Size, rate: float) -> Value:
    """Tokens are the joints of one frame."""
    frames = x.shape[1]  # symbolic: a rearrangement that parts (b t) must be told
    h = x.layer_norm(eps=size.eps, name="norm1_s")
    h = h.linear(size.width * 3, name="attn_s.qkv", bias=size.qkv_bias, **_LINEAR)
    # a frame is a sample of its own; queries of all heads come first, then keys, then values
    h = h.rearrange("b t j (s h d) -> s (b t) h j d", s=3, h=size.heads)
    h = _attend(h, size, "attn_s")
    h = h.rearrange("(b t) h j d -> b t j (h d)", t=frames)
    h = h.linear(size.width, name="attn_s.proj", **_LINEAR)
    h = h.dropout(rate=size.drop, name="attn_s.proj")
    x = x + h.drop_path(rate=rate, name="attn_s.path")
    h = x.layer_norm(eps=size.eps, name="norm2_s")
    h = _mlp(h, size, "mlp_s")
    return x + h.drop_path(rate=rate, name="mlp_s.path")


def _temporal(x: Value, size: Size, rate: float) -> Value:
    """Tokens are the frames of one joint."""
    h = x.layer_norm(eps=size.eps, name="norm1_t")
    # The official code moves joints before frames in each of the three; here all is moved at
    # once, where it is a third as wide. The numbers are the same.
    h = h.rearrange("b t j c -> (b j) t c")
    h = h.linear(size.width * 3, name="attn_t.qkv", bias=size.qkv_bias, **_LINEAR)
    h = h.rearrange("n t (s h d) -> s n h t d", s=3, h=size.heads)  # n = (b j)
    h = _attend(h, size, "attn_t")
    h = h.rearrange("n h t d -> n t (h d)")
    h = h.linear(size.width, name="attn_t.proj", **_LINEAR)
    # back before drop-path, which drops whole rows of axis 0: clips, not joints of clips
    h = h.rearrange("(b j) t c -> b t j c", j=size.joints)
    h = h.dropout(rate=size.drop, name="attn_t.proj")
    x = x + h.drop_path(rate=rate, name="attn_t.path")
    h = x.layer_norm(eps=size.eps, name="norm2_t")
    h = _mlp(h, size, "mlp_t")
    return x + h.drop_path(rate=rate, name="mlp_t.path")


def _attend(packed: Value, size: Size, name: str) -> Value:
    return attend(
        packed,
        scale=size.scale or (size.width // size.heads) ** -0.5,
        drop=size.attention_drop,
        name=name,
    )


def _mlp(x: Value, size: Size, name: str) -> Value:
    hidden = int(size.width * size.mlp_ratio)
    return mlp(x, hidden=hidden, drop=size.drop, name=name, **_LINEAR)


def _fuse(st: Value, ts: Value, name: str) -> Value:
    """softmax(W [st; ts]) weighs the two streams of each token; even at the start."""
    both = st.concat(ts, axis=-1)  # (b, t, j, 2 c)
    # no weight and equal biases make (1/2, 1/2) of every token
    logits = both.linear(2, name=name, init=("zeros", 0.0), bias_init=("constant", 0.5))
    of_st, of_ts = logits.softmax(axis=-1).split(2, axis=-1)
    return st * of_st + ts * of_ts


_JITTER = 0.01  # of the screen from -1 to 1: 5 pixels of a thousand
# of every layer but the fusion's: the official _init_weights
_LINEAR: Initialisers = {"init": ("trunc_normal", 0.02), "bias_init": ("zeros", 0.0)}
NOTES = (
    "The heads for action recognition and meshes are left out.",
    (
        "Pre-training draws normal noise on keypoints where the authors draw from noise"
        " fitted to a detector, and has no 2D data sets beside the 3D ones."
    ),
)
PRESETS = {
    "paper": Size(),
    "lite": Size(
        width=256,
        mlp_ratio=4,
    ),
    "small": Size(
        width=64,
        representation=64,
        depth=2,
        frames=9,
        max_frames=27,
    ),
    # few frames, for many poses in the seconds of a first run
    "tiny": Size(
        width=64,
        representation=64,
        depth=1,
        heads=4,
        frames=2,
        max_frames=27,
    ),
}
PAPER_PARAMETERS = {"paper": 42_466_317, "lite": 16_001_549}
LOSS = {"mpjpe": 1.0, "n_mpjpe": 0.5, "velocity": 20.0}
STAGES = {
    "pretrain": Stage(
        train=pretrain,
        loss=LOSS,
    ),
    "representation": Stage(train=train, infer=representation, loss=LOSS),
}
OFFICIAL = "DSTformer"


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of DSTformer; every drop rate is 0, so that runs can be compared."""
    return Size(
        joints=config["num_joints"],
        channels=config["dim_in"],
        outputs=config["dim_out"],
        width=config["dim_feat"],
        representation=config["dim_rep"],
        depth=config["depth"],
        heads=config["num_heads"],
        mlp_ratio=config["mlp_ratio"],
        # not an argument there: how long the clips of the vectors are
        frames=config.get("frames", config["maxlen"]),
        max_frames=config["maxlen"],
        # norm_layer there, a class with its eps; nn.LayerNorm itself has 1e-5
        eps=config.get("norm_eps", 1e-5),
        qkv_bias=config.get("qkv_bias", True),
        scale=config.get("qk_scale") or 0.0,
        fuse=config.get("att_fuse", True),
    )
