"""Does the realised Keras model cost more than one written by hand?

Forward and training step, both in one interleaved run: `OMP_NUM_THREADS=1 python -m pytest
tests/benchmarks --backends=tensorflow --benchmark-only`. Rounds go A B B A, one thread. The ratio
is told, never asserted: only the results must agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backends
import models
from backends.base import Settings
from models import params
from models.optim import Optimizer
from models.zoo import motionbert
from tests.asserts import assert_close
from tests.benchmarks.rounds import Work, told

if "tensorflow" not in backends.installed():
    pytest.skip("TensorFlow is not installed", allow_module_level=True)
# sets the variables that TensorFlow reads when it is imported
BACKEND = backends.load("tensorflow")

import keras  # noqa: E402  # after the skip
import tensorflow as tf  # noqa: E402

SECONDS = 12.0  # time for one pair
BATCH, FRAMES = 32, 27


class Attention(keras.layers.Layer):
    """Multi-head self-attention over the second-last axis of (rows, tokens, c)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.qkv = keras.layers.Dense(width * 3)
        self.proj = keras.layers.Dense(width)

    def call(self, x: Any) -> Any:
        """(rows, tokens, c) -> (rows, tokens, c)."""
        tokens = x.shape[1]
        head = self.width // self.heads
        packed = tf.reshape(self.qkv(x), (-1, tokens, 3, self.heads, head))
        q, k, v = tf.unstack(tf.transpose(packed, (2, 0, 3, 1, 4)), axis=0)
        # (rows, heads, tokens, d) each
        weights = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * head**-0.5)
        mixed = tf.transpose(weights @ v, (0, 2, 1, 3))
        return self.proj(tf.reshape(mixed, (-1, tokens, self.width)))


class Mlp(keras.layers.Layer):
    """Two layers with an exact GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = keras.layers.Dense(hidden)
        self.fc2 = keras.layers.Dense(width)

    def call(self, x: Any) -> Any:
        """(..., c) -> (..., c)."""
        return self.fc2(tf.nn.gelu(self.fc1(x)))


class Block(keras.layers.Layer):
    """Spatial and temporal attention, in either order."""

    def __init__(self, size: motionbert.Size, *, spatial_first: bool) -> None:
        super().__init__()
        self.spatial_first = spatial_first
        hidden = int(size.width * size.mlp_ratio)
        # by the names of the authors' layers, which `load_by_hand` walks
        for axis in "st":
            for norm in ("norm1", "norm2"):
                layer = keras.layers.LayerNormalization(epsilon=size.eps)
                setattr(self, f"{norm}_{axis}", layer)
            setattr(self, f"attn_{axis}", Attention(size.width, size.heads))
            setattr(self, f"mlp_{axis}", Mlp(size.width, hidden))

    def call(self, x: Any) -> Any:
        """(b, t, j, c) -> (b, t, j, c)."""
        if self.spatial_first:
            return self._temporal(self._spatial(x))
        return self._spatial(self._temporal(x))

    def _spatial(self, x: Any) -> Any:
        # the batch is open, so that only the other axes have a size
        _, t, j, c = x.shape
        rows = tf.reshape(self.norm1_s(x), (-1, j, c))
        x = x + tf.reshape(self.attn_s(rows), (-1, t, j, c))
        return x + self.mlp_s(self.norm2_s(x))

    def _temporal(self, x: Any) -> Any:
        _, t, j, c = x.shape
        # joints and frames change places, there and back
        swap = (0, 2, 1, 3)
        rows = tf.reshape(tf.transpose(self.norm1_t(x), swap), (-1, t, c))
        mixed = tf.reshape(self.attn_t(rows), (-1, j, t, c))
        x = x + tf.transpose(mixed, swap)
        return x + self.mlp_t(self.norm2_t(x))


class MotionBert(keras.Model):
    """DSTformer without drop rates, as a good Keras author writes it."""

    def __init__(self, size: motionbert.Size) -> None:
        super().__init__()
        self.joints_embed = keras.layers.Dense(size.width)
        self.pos_embed = self.add_weight((1, size.joints, size.width), name="pos_embed")
        self.temp_embed = self.add_weight(
            (1, size.max_frames, 1, size.width),
            name="temp_embed",
        )
        self.blocks_st = [Block(size, spatial_first=True) for _ in range(size.depth)]
        self.blocks_ts = [Block(size, spatial_first=False) for _ in range(size.depth)]
        self.ts_attn = [keras.layers.Dense(2) for _ in range(size.depth)]
        self.norm = keras.layers.LayerNormalization(epsilon=size.eps)
        self.pre_logits = keras.layers.Dense(size.representation)
        self.head = keras.layers.Dense(3)

    def call(self, x: Any) -> Any:
        """(b, t, j, channels) -> (b, t, j, 3)."""
        x = self.joints_embed(x) + self.pos_embed + self.temp_embed[:, : x.shape[1]]
        streams = zip(self.blocks_st, self.blocks_ts, self.ts_attn, strict=True)
        for of_st, of_ts, fuse in streams:
            st, ts = of_st(x), of_ts(x)
            # how much of each stream, joint by joint
            weights = tf.nn.softmax(fuse(tf.concat([st, ts], -1)))
            x = st * weights[..., :1] + ts * weights[..., 1:]
        return self.head(tf.tanh(self.pre_logits(self.norm(x))))


# what Keras calls them
LEAVES = {
    "weight": ("kernel", "gamma"),
    "bias": ("bias", "beta"),
}


def load_by_hand(model: MotionBert, weights: dict[str, np.ndarray]) -> dict[str, Any]:
    """Give the hand-written model the spec's weights; its variables by the spec's names."""
    found = {}
    for name, array in weights.items():
        # one Keras layer here, and a module around a layer at the authors'
        *path, leaf = name.replace("pre_logits.fc", "pre_logits").split(".")
        layer: Any = model
        for part in path:
            layer = layer[int(part)] if part.isdigit() else getattr(layer, part)
        attribute = next(
            (key for key in LEAVES.get(leaf, ()) if hasattr(layer, key)),
            leaf,
        )
        found[name] = getattr(layer, attribute)
        # Keras keeps (in, out), PyTorch and the spec (out, in)
        found[name].assign(array.T if attribute == "kernel" else array)
    return found


class Pair:
    """The realised model and the hand-written one, with the same weights and inputs."""

    def __init__(self) -> None:
        sizes: dict[str, Any] = {"preset": "small", "frames": FRAMES}
        self.spec = models.build("motionbert", **sizes, loss={"mpjpe": 1.0})
        size = models.size("motionbert", **sizes)
        draw = np.random.default_rng(0)
        shape = (BATCH, FRAMES, 17)
        self.inputs = draw.normal(size=(*shape, size.channels)).astype(np.float32)
        self.target = draw.normal(size=(*shape, 3)).astype(np.float32)
        self.weights = params.draw(self.spec.train.params, seed=0)
        self.by_hand = MotionBert(size)
        # a Keras layer has no variables before it has seen an input
        self.by_hand(self.inputs[:1])
        self.variables = load_by_hand(self.by_hand, self.weights)

    def forward(self) -> tuple[Work, Work]:
        """Inference of both. Raises AssertionError where the poses differ."""
        program = BACKEND.program(self.spec.infer, Settings())
        program.load(self.weights)
        feeds = program.put({"keypoints": self.inputs})
        inputs = tf.constant(self.inputs)
        plain = tf.function(self.by_hand, autograph=False)
        assert_close(
            program.run(feeds)["pose"],
            plain(inputs),
            rtol=1e-5,
            what="pose",
        )
        return lambda: program.run(feeds), lambda: plain(inputs)

    def training(self) -> tuple[Work, Work]:
        """Loss, backward and an AdamW step of both.

        Raises AssertionError where loss or gradients differ.
        """
        trainer = BACKEND.trainer(
            self.spec.train,
            Optimizer("adamw", 1e-6, 0.004),
            Settings(),
        )
        trainer.program.load(self.weights)
        feeds = trainer.program.put({"keypoints": self.inputs, "target": self.target})
        inputs = tf.constant(self.inputs)
        target = tf.constant(self.target)
        optimizer = keras.optimizers.AdamW(1e-6, weight_decay=0.004)
        own = list(self.variables.values())
        # TensorFlow's variables, which the tape knows, in Keras's
        variables = [variable.value for variable in own]
        # before the step is traced, in which no variable may be made
        optimizer.build(own)

        def differentiate() -> Any:
            with tf.GradientTape() as tape:
                error = self.by_hand(inputs, training=True) - target
                loss = tf.reduce_mean(tf.norm(error, axis=-1))
            return loss, tape.gradient(loss, variables)

        @tf.function(autograph=False)
        def step() -> Any:
            loss, grads = differentiate()
            optimizer.apply(grads, own)
            return loss

        self._same(trainer.gradients(feeds), differentiate())
        return lambda: trainer.step(feeds), step

    def _same(self, ours: Any, by_hand: Any) -> None:
        assert_close(ours[0], by_hand[0], rtol=1e-5, what="loss")
        grads = zip(self.variables, by_hand[1], strict=True)
        due = {name: np.array(grad) for name, grad in grads}
        # relative to the largest of all: some are zero but for rounding
        largest = max(float(np.abs(grad).max()) for grad in due.values())
        for name, grad in ours[1].items():
            other = due[name].T if self.variables[name].name == "kernel" else due[name]
            assert_close(
                grad / largest + 1,
                other / largest + 1,
                rtol=1e-5,
                what=f"gradient of {name}",
            )


@pytest.mark.parametrize("what", ["infer", "train"])
def test_the_realised_model_against_the_handwritten(what: str, benchmark: Any) -> None:
    both = Pair()
    ours, by_hand = both.forward() if what == "infer" else both.training()
    benchmark.group = f"motionbert {what}, {BATCH} x {FRAMES}"
    told(benchmark, ours, by_hand, names=("realised", "by hand"), seconds=SECONDS)
