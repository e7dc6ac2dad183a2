"""The layers of P-STMO, of `pstmo.py`: embedding of a frame, transformers over frames, head.

Shan et al., ECCV 2022; paTRICK-swk/P-STMO model/block. What is called gelu there is ReLU. Axes:
b batch, t frames, j joints, c width, h heads, d width of a head.
"""

from __future__ import annotations

from models.dims import fixed
from models.errors import BadInput
from models.layers import attend_apart
from models.value import Value

TABLES = 3  # positions of the strided layers: of the first three, whatever their number
DRAWN = ("normal", 1.0)  # how tables and tokens start


def embed(x: Value, *, width: int, rate: float, training: bool) -> Value:
    """All joints of a frame to its features, (b, t, j, 2) -> (b, t, width)."""
    x = x.rearrange("b t j c -> b (j c) t")

    def activate(x: Value, name: str) -> Value:
        x = x.batch_norm(eps=1e-5, momentum=0.1, train=training, name=name)
        return x.leaky_relu(slope=0.2).dropout(rate=rate, name=name)

    with x.graph.scope("encoder"):
        x = activate(_point(x, 2 * width, "fc_1"), "bn_1")
        h = activate(_point(x, 2 * width, "layers.0.w1"), "layers.0.batch_norm1")
        h = activate(_point(h, 2 * width, "layers.0.w2"), "layers.0.batch_norm2")
        x = _point(x + h, width, "fc_2")
    return x.rearrange("b c t -> b t c")


def transformer(x: Value, *, depth: int, heads: int, hidden: int, rate: float) -> Value:
    """Pre-norm blocks over (b, t, c); `hidden` features inside of a feed-forward."""
    for i in range(depth):
        with x.graph.scope(f"model.layers.{i}"):
            x = _attend(x, heads, rate)
            h = norm(x, name="sublayer.1.norm")
            h = h.linear(hidden, name="feed_forward.w_1").relu()
            h = h.dropout(rate=rate, name="feed_forward")
            h = h.linear(_width(x), name="feed_forward.w_2")
            x = x + h.dropout(rate=rate, name="sublayer.1")
    _unused_norm(x)
    return x


def strided(
    x: Value, *, strides: tuple[int, ...], heads: int, hidden: int, rate: float
) -> Value:
    """Blocks of which each keeps every stride-th frame of (b, t, c), from the first on."""
    g = x.graph
    tables = [
        g.param(f"model.pos_embedding_{i + 1}", (1, *x.shape[1:]), init=DRAWN)
        for i in range(TABLES)
    ]
    for i, stride in enumerate(strides):
        if i < TABLES:
            x = x + tables[i].slice(axis=1, start=0, stop=x.shape[1], step=1)
        with g.scope(f"model.layers.{i}"):
            x = _shorten(_attend(x, heads, rate), hidden, stride, rate)
    _unused_norm(x)
    return x


def _shorten(x: Value, hidden: int, stride: int, rate: float) -> Value:
    """A feed-forward that looks at three frames, beside the frames that are kept."""
    h = norm(x, name="sublayer.1.norm").rearrange("b t c -> b c t")
    h = _point(h, hidden, "feed_forward.w_1").relu()
    h = h.dropout(rate=rate, name="feed_forward")
    h = h.conv1d(
        _width(x),
        kernel=3,
        stride=stride,
        dilation=1,
        padding=1,
        bias=True,
        name="feed_forward.w_2",
    )
    h = h.rearrange("b c t -> b t c").dropout(rate=rate, name="sublayer.1")
    # the first of each stretch, where the convolution looks at its neighbours as well
    return x.slice(axis=1, start=0, stop=x.shape[1], step=stride) + h


def _attend(x: Value, heads: int, rate: float) -> Value:
    """x + attention over frames; query, key, value and output are linears 0 to 3."""
    width = _width(x)
    h = norm(x, name="sublayer.0.norm")
    parts = [h.linear(width, name=f"self_attn.linears.{i}") for i in range(3)]
    query, key, value = (
        part.rearrange("b t (h d) -> b h t d", h=heads) for part in parts
    )
    scale = (width // heads) ** -0.5
    mixed = attend_apart(
        query, key, value, scale=scale, drop=rate, name="self_attn"
    ).rearrange("b h t d -> b t (h d)")
    mixed = mixed.linear(width, name="self_attn.linears.3")
    return x + mixed.dropout(rate=rate, name="sublayer.0")


def norm(x: Value, *, name: str) -> Value:
    """Not the usual layer norm: the spread is unbiased, and eps stands outside of the root.

    Raises BadInput for one channel, which has no spread.
    """
    width = _width(x)
    if width < 2:
        raise BadInput("pstmo: one channel has no spread to normalise by; raise width")
    gain = x.graph.param(f"{name}.a_2", (width,), init=("ones", 0.0))
    shift = x.graph.param(f"{name}.b_2", (width,), init=("zeros", 0.0))
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = (centred * centred).sum(axis=-1, keepdims=True) / (width - 1)
    return gain * centred / (spread**0.5 + 1e-6) + shift


def _unused_norm(x: Value) -> None:
    """The official encoders hold a last norm and never call it; checkpoints have it."""
    with x.graph.scope("model.norm"):
        x.graph.param("a_2", (_width(x),), init=("ones", 0.0))
        x.graph.param("b_2", (_width(x),), init=("zeros", 0.0))


def head(x: Value, *, joints: int, axes: int, training: bool, name: str) -> Value:
    """(b, t, c) -> (b, t, joints, axes)."""
    h = x.rearrange("b t c -> b c t")
    h = h.batch_norm(eps=1e-5, momentum=0.1, train=training, name=f"{name}.0")
    h = _point(h, joints * axes, f"{name}.1")
    return h.rearrange("b (j c) t -> b t j c", c=axes)


def _point(x: Value, width: int, name: str) -> Value:
    """A convolution over one frame, (b, c, t) -> (b, width, t)."""
    return x.conv1d(
        width, kernel=1, stride=1, dilation=1, padding=0, bias=True, name=name
    )


def _width(x: Value) -> int:
    return fixed(x.shape[-1])
