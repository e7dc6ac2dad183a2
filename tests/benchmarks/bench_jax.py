"""Does the realised JAX function cost more than one written by hand?

Forward and training step, both compiled, in one interleaved run: `OMP_NUM_THREADS=1 NPROC=1 python
-m pytest tests/benchmarks --backends=jax --benchmark-only` (XLA takes its threads from NPROC).
Rounds go A B B A. The ratio is told, never asserted: only the results must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from models import params
from models.optim import Optimizer
from models.zoo import motionbert
from tests.asserts import assert_close
from tests.benchmarks.rounds import Work, told

jax = pytest.importorskip("jax", reason="JAX is not installed")
optax = pytest.importorskip("optax", reason="optax is not installed")

import jax.numpy as jnp  # noqa: E402  # after the skips

from backends.jax.program import JaxProgram  # noqa: E402
from backends.jax.train import JaxTrainer  # noqa: E402

Weights = Mapping[str, Any]
SECONDS = 12.0  # time for one pair
BATCH, FRAMES = 32, 27
ADAMW = Optimizer("adamw", 1e-6, 1e-2)


def dense(p: Weights, name: str, x: Any) -> Any:
    """x weight^T + bias."""
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def norm(p: Weights, name: str, x: Any) -> Any:
    """Layer normalisation over the last axis."""
    centred = x - x.mean(-1, keepdims=True)
    scale = jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
    return centred * scale * p[f"{name}.weight"] + p[f"{name}.bias"]


def attention(p: Weights, name: str, x: Any, *, heads: int) -> Any:
    """Multi-head self-attention over the second-last axis of (rows, tokens, c)."""
    rows, tokens, width = x.shape
    head = width // heads
    packed = dense(p, f"{name}.qkv", x).reshape(rows, tokens, 3, heads, head)
    # (rows, heads, tokens, d) each: the contraction of (rows, tokens, heads, d) is slower
    q, k, v = packed.transpose(2, 0, 3, 1, 4)
    weights = jax.nn.softmax(q @ k.swapaxes(-1, -2) * head**-0.5)
    mixed = (weights @ v).swapaxes(1, 2).reshape(rows, tokens, width)
    return dense(p, f"{name}.proj", mixed)


def mlp(p: Weights, name: str, x: Any) -> Any:
    """Two layers with an exact GELU between them."""
    hidden = dense(p, f"{name}.fc1", x)
    # JAX's own default is the tanh form
    return dense(p, f"{name}.fc2", jax.nn.gelu(hidden, approximate=False))


def spatial(p: Weights, block: str, x: Any, *, heads: int) -> Any:
    """Tokens are the joints of one frame."""
    b, t, j, c = x.shape
    rows = norm(p, f"{block}.norm1_s", x).reshape(b * t, j, c)
    x = x + attention(p, f"{block}.attn_s", rows, heads=heads).reshape(x.shape)
    return x + mlp(p, f"{block}.mlp_s", norm(p, f"{block}.norm2_s", x))


def temporal(p: Weights, block: str, x: Any, *, heads: int) -> Any:
    """Tokens are the frames of one joint."""
    b, t, j, c = x.shape
    rows = (
        norm(p, f"{block}.norm1_t", x)
        .swapaxes(1, 2)
        .reshape(
            b * j,
            t,
            c,
        )
    )
    mixed = attention(p, f"{block}.attn_t", rows, heads=heads)
    x = x + mixed.reshape(b, j, t, c).swapaxes(1, 2)
    return x + mlp(p, f"{block}.mlp_t", norm(p, f"{block}.norm2_t", x))


def motion_bert(p: Weights, keypoints: Any, *, depth: int, heads: int) -> Any:
    """DSTformer without drop rates: (b, t, j, channels) -> (b, t, j, outputs)."""
    x = dense(p, "joints_embed", keypoints) + p["pos_embed"]
    x = x + p["temp_embed"][:, : keypoints.shape[1]]
    for i in range(depth):
        # two streams, one of which looks at space first and the other at time
        st = spatial(p, f"blocks_st.{i}", x, heads=heads)
        st = temporal(p, f"blocks_st.{i}", st, heads=heads)
        ts = temporal(p, f"blocks_ts.{i}", x, heads=heads)
        ts = spatial(p, f"blocks_ts.{i}", ts, heads=heads)
        # how much of each, joint by joint
        weights = jax.nn.softmax(
            dense(p, f"ts_attn.{i}", jnp.concatenate([st, ts], -1))
        )
        x = st * weights[..., :1] + ts * weights[..., 1:]
    hidden = dense(p, "pre_logits.fc", norm(p, "norm", x))
    return dense(p, "head", jnp.tanh(hidden))


def by_hand(size: motionbert.Size) -> Callable[[Weights, Any], Any]:
    """The model, its products in full float32 as ours."""

    # said as it is traced; on a GPU JAX would else take fewer digits
    def apply(p: Weights, keypoints: Any) -> Any:
        with jax.default_matmul_precision("highest"):
            return motion_bert(p, keypoints, depth=size.depth, heads=size.heads)

    return apply


def drawn(*shape: int) -> Any:
    """A fixed random array on the device."""
    draw = np.random.default_rng(len(shape) + shape[-1])
    return jnp.asarray(draw.normal(size=shape).astype(np.float32))


def forward() -> tuple[Work, Work]:
    """Inference of both. Raises AssertionError where the poses differ."""
    spec = models.build("motionbert", preset="small", frames=FRAMES)
    program = JaxProgram(spec.infer, Settings(compiled=True))
    program.load(params.draw(spec.infer.params, seed=0))
    apply = jax.jit(by_hand(models.size("motionbert", preset="small")))
    weights = dict(program.values)
    feeds = {"keypoints": drawn(BATCH, FRAMES, 17, 3)}

    def ours() -> Any:
        return jax.block_until_ready(program.run(feeds)["pose"])

    def theirs() -> Any:
        return jax.block_until_ready(apply(weights, feeds["keypoints"]))

    assert_close(ours(), theirs(), rtol=1e-5, what="pose")
    return ours, theirs


def training() -> tuple[Work, Work]:
    """Loss, backward and an AdamW step of both.

    Raises AssertionError where loss or gradients differ.
    """
    spec = models.build(
        "motionbert",
        preset="small",
        frames=FRAMES,
        loss={"mpjpe": 1.0},
    )
    trainer = JaxTrainer(spec.train, ADAMW, Settings())
    start = params.draw(spec.train.params, seed=0)
    trainer.program.load(start)
    # a metre off: at the target itself a distance has no gradient
    target = drawn(BATCH, FRAMES, 17, 3) + 1
    feeds = {"keypoints": drawn(BATCH, FRAMES, 17, 3), "target": target}
    loss = mpjpe(by_hand(models.size("motionbert", preset="small")))
    weights = {name: jnp.asarray(array) for name, array in start.items()}
    due = jax.jit(jax.value_and_grad(loss))(weights, feeds["keypoints"], target)
    _same_gradients(trainer, feeds, due)

    def ours() -> Any:
        return jax.block_until_ready(trainer.step(feeds))

    return ours, stepper(loss, weights, feeds)


def mpjpe(apply: Callable[[Weights, Any], Any]) -> Callable[..., Any]:
    """The loss of a model written by hand."""

    def loss(p: Weights, x: Any, target: Any) -> Any:
        return jnp.sqrt(((apply(p, x) - target) ** 2).sum(-1)).mean()

    return loss


def stepper(
    loss: Callable[..., Any],
    weights: Weights,
    feeds: Mapping[str, Any],
) -> Work:
    """A compiled training step by hand, on weights that it holds."""
    tx = optax.adamw(ADAMW.lr, weight_decay=ADAMW.weight_decay)

    def step(p: Weights, slots: Any, x: Any, target: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(p, x, target)
        updates, slots = tx.update(grads, slots, p)
        return value, optax.apply_updates(p, updates), slots

    # weights and slots are given away, so that the step writes into their memory
    compiled = jax.jit(step, donate_argnums=(0, 1))
    held = [weights, tx.init(weights)]

    def once() -> Any:
        value, *held[:] = compiled(*held, feeds["keypoints"], feeds["target"])
        return jax.block_until_ready(value)

    return once


def _same_gradients(trainer: JaxTrainer, feeds: Any, due: tuple[Any, Any]) -> None:
    loss, grads = trainer.gradients(feeds)
    assert_close(loss, due[0], rtol=1e-5, what="loss")
    # relative to the largest of all: some are zero but for rounding
    largest = max(float(np.abs(grad).max()) for grad in grads.values())
    for name, grad in due[1].items():
        assert_close(
            grads[name] / largest + 1,
            np.asarray(grad) / largest + 1,
            rtol=1e-5,
            what=f"gradient of {name}",
        )


@pytest.mark.parametrize("what", ["infer", "train"])
def test_the_realised_function_against_the_handwritten(
    what: str,
    benchmark: Any,
) -> None:
    ours, theirs = forward() if what == "infer" else training()
    benchmark.group = f"motionbert {what}, {BATCH} x {FRAMES}"
    told(benchmark, ours, theirs, names=("realised", "by hand"), seconds=SECONDS)
