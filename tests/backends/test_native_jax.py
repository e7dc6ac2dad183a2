"""What a JAX user takes away: a pure function for jit, grad, vmap and export.

How it draws noise is asked in `test_native_jax_noise.py`, on which devices and in which
precisions it runs in `..._devices.py`, how it trains in `..._training.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import params
from models.builder import Builder
from models.errors import BadInput
from models.graph import Graph
from models.optim import Optimizer
from tests.asserts import assert_close
from tests.backends.native import ZOO, arrays, python, small

jax = pytest.importorskip("jax", reason="JAX is not installed")
pytest.importorskip("optax", reason="optax is not installed")

import jax.numpy as jnp  # noqa: E402  # after the skips
from jax import export  # noqa: E402

from backends.jax import ops  # noqa: E402
from backends.jax.program import JaxProgram, pure  # noqa: E402
from backends.jax.train import JaxTrainer  # noqa: E402

ADAMW = Optimizer("adamw", 1e-2, 1e-2)


def realised(graph: Graph, **settings: Any) -> JaxProgram:
    program = JaxProgram(graph, Settings(**settings))
    program.load(params.draw(graph.params, seed=1))
    return program


def pose(program: JaxProgram, **lengths: int) -> np.ndarray:
    return program(arrays(program.graph, **lengths))["pose"]


def trained(graph: Graph, optimizer: Optimizer = ADAMW, **settings: Any) -> JaxTrainer:
    trainer = JaxTrainer(graph, optimizer, Settings(**settings))
    trainer.program.load(params.draw(graph.params, seed=1))
    return trainer


def dense(*, train: bool = False) -> Graph:
    """A layer of each kind that holds weights or state."""
    g = Builder("dense")
    x = g.input("x", ("batch", 6)).linear(8, name="fc")
    x = x.gelu(approximate="none").layer_norm(eps=1e-6, name="norm")
    x = x.batch_norm(eps=1e-5, momentum=0.1, train=train, name="bn")
    x = x.dropout(rate=0.3, name="drop")
    error = (x - g.input("target", ("batch", 8))).vector_norm(axis=1)
    g.output("loss", error.mean(axis=0, keepdims=False))
    return g.finish()


def gradient(program: JaxProgram, feeds: Any) -> Callable[[Any], Any]:
    """jax.grad of the loss in the trained weights, as a user would write it."""

    def loss(weights: Any) -> Any:
        outputs, _ = program.native({**program.values, **weights}, feeds)
        return outputs["loss"]

    return jax.grad(loss)


@pytest.mark.parametrize("name", ["simple_baseline", "motionbert"])
def test_it_compiles_and_gives_the_same(name: str) -> None:
    spec = small(name)
    program, compiled = realised(spec.infer), realised(spec.infer, compiled=True)
    for batch in (4, 3):
        due = pose(program, batch=batch, frames=spec.frames)
        came = pose(compiled, batch=batch, frames=spec.frames)
        assert_close(came, due, rtol=1e-5, what=name, dtype="float32")


@ZOO
def test_grad_of_apply_is_what_the_trainer_sees(name: str) -> None:
    spec = small(name)
    trainer = trained(spec.train)
    program = trainer.program
    feeds = program.put(arrays(spec.train, frames=spec.frames))
    weights = {key: program.values[key] for key in spec.train.trainable()}
    own = jax.jit(gradient(program, feeds))(weights)
    loss, grads = trainer.gradients(feeds)
    assert math.isfinite(loss)
    assert set(own) == set(spec.train.trainable()) == set(grads)
    largest = max(np.abs(grad).max() for grad in grads.values())
    for key, grad in grads.items():
        # against the largest of all: some are rounding alone, before a batch norm say
        came, due = own[key] / largest + 1, grad / largest + 1
        assert_close(came, due, rtol=1e-6, what=f"{name} {key}")


@pytest.mark.parametrize("name", ["simple_baseline", "videopose3d"])
def test_vmap_over_single_samples_is_the_batch(name: str) -> None:
    spec = small(name)
    program = realised(spec.infer, compiled=True)
    feeds = program.put(arrays(program.graph, batch=5, frames=spec.frames))

    # what vmap is for: written for one sample, run for many
    def one(x: Any) -> Any:
        outputs, _ = program.native(program.values, {"keypoints": x[None]})
        return outputs["pose"][0]

    came = jax.jit(jax.vmap(one))(feeds["keypoints"])
    assert_close(came, program.run(feeds)["pose"], rtol=1e-5, what=name)


@ZOO
@pytest.mark.parametrize("batch", [1, 3, 17])
def test_any_batch_agrees_with_the_oracle(name: str, batch: int) -> None:
    spec = small(name)
    oracle = NumpyProgram(spec.infer, Settings(precision="fp64"))
    program = realised(spec.infer, compiled=True)
    oracle.load(program.params())
    fed = arrays(spec.infer, batch=batch, frames=spec.frames)
    came, due = program(fed)["pose"], oracle(fed)["pose"]
    assert_close(came, due, rtol=1e-5, what=f"{name}, batch {batch}")


@pytest.mark.parametrize(
    ("name", "lengths", "lost"),
    [("motionbert", (1, 9, 27), 0), ("videopose3d", (27, 30, 61), 26)],
)
def test_any_length_where_the_model_allows_it(
    name: str,
    lengths: tuple[int, ...],
    lost: int,
) -> None:
    program = realised(small(name).infer, compiled=True)
    for frames in lengths:
        # a receptive field of 27 frames loses 26 at the ends
        shape = (2, frames - lost, 17, 3)
        assert pose(program, batch=2, frames=frames).shape == shape


def test_apply_is_pure() -> None:
    program = realised(dense(train=True))
    feeds = program.put(arrays(program.graph))
    before = dict(program.values)
    first, state = program.native(program.values, feeds)
    second, _ = program.native(program.values, feeds)
    assert first["loss"] == second["loss"]
    assert program.values == before
    assert set(state) == {f"bn.{name}" for name in ("running_mean", "running_var")} | {
        "bn.num_batches_tracked"
    }
    infer = realised(small("simple_baseline").infer)
    _, none = infer.native(infer.values, infer.put(arrays(infer.graph)))
    assert none == {}


def test_the_compiled_program_is_that_of_a_handwritten_function() -> None:
    g = Builder("two")
    x = g.input("x", ("batch", 6)).linear(8, name="fc").gelu(approximate="none")
    x = x.reshape(("batch", 2, 4)).layer_norm(eps=1e-6, name="norm")
    g.output("pose", x.softmax(axis=2))

    def by_hand(params: Any, inputs: Any) -> Any:
        h = inputs["x"] @ params["fc.weight"].T + params["fc.bias"]
        h = jax.nn.gelu(h, approximate=False).reshape(-1, 2, 4)
        centred = h - h.mean(-1, keepdims=True)
        spread = (centred * centred).mean(-1, keepdims=True)
        normal = centred * jax.lax.rsqrt(spread + 1e-6)
        scaled = normal * params["norm.weight"] + params["norm.bias"]
        return {"pose": jax.nn.softmax(scaled)}, {}

    program = realised(g.finish())
    feeds = program.put({"x": np.ones((5, 6))})
    # our function asks for it itself
    with jax.default_matmul_precision("highest"):
        ours = compiled_text(program.native, program.values, feeds)
        theirs = compiled_text(by_hand, program.values, feeds)
    assert "fusion" in ours
    assert operations(ours) == operations(theirs)


def compiled_text(function: Any, *arguments: Any) -> str:
    """HLO, as XLA has optimised it."""
    text: str = jax.jit(function).lower(*arguments).compile().as_text()
    return text


def operations(text: str) -> list[str]:
    """Result type and operation of each line of HLO, without names and metadata."""
    found = []
    for line in text.splitlines()[1:]:
        made = line.split(", metadata=")[0].split("=")[-1]
        # heads of computations hold names alone
        if "(" in made and not made.startswith(("%", "ENTRY", "HloModule")):
            found.append(made.split("(")[0].strip())
    return found


def test_products_are_full_float32_backwards_too() -> None:
    program = realised(dense())
    feeds = program.put(arrays(program.graph))
    weights = {key: program.values[key] for key in program.graph.trainable()}
    text = str(jax.make_jaxpr(gradient(program, feeds))(weights))
    products = text.count("dot_general")
    assert products >= 2
    assert text.count("Precision.HIGHEST") == 2 * products, "(HIGHEST, HIGHEST) each"


# the bounds that jax.export must be told, for it to prove that no branch depends on a length
BOUNDS = {"motionbert": ["frames <= 27"], "videopose3d": ["frames >= 27"]}
ALONE = """
import sys, numpy as np, jax.export
call = jax.export.deserialize(bytearray(open("lifter", "rb").read())).call
np.save("out.npy", call(dict(np.load("weights.npz")), dict(np.load("in.npz"))))
print(sorted({"models", "backends"} & sys.modules.keys()))
"""


def exported(program: JaxProgram, bounds: list[str]) -> bytes:
    """The program as a file of jax.export, its symbolic axes open."""
    shape = ", ".join(map(str, program.graph.inputs["keypoints"].shape))
    open_shape = export.symbolic_shape(shape, constraints=bounds)
    abstract = {"keypoints": jax.ShapeDtypeStruct(open_shape, jnp.float32)}
    weights = {
        key: jax.ShapeDtypeStruct(value.shape, value.dtype)
        for key, value in program.values.items()
    }
    call = jax.jit(lambda p, x: program.native(p, x)[0]["pose"])
    return bytes(export.export(call)(weights, abstract).serialize())


@pytest.mark.parametrize("name", ["motionbert", "videopose3d", "simple_baseline"])
def test_it_exports_with_open_axes_and_runs_without_us(
    name: str,
    tmp_path: Path,
) -> None:
    pytest.importorskip(
        "flatbuffers",
        reason="flatbuffers, which jax.export serializes with, is not installed",
    )
    spec = small(name)
    program = realised(spec.infer, compiled=True)
    (tmp_path / "lifter").write_bytes(exported(program, BOUNDS.get(name, [])))
    np.savez(tmp_path / "weights.npz", **program.values)
    np.savez(tmp_path / "in.npz", **arrays(spec.infer, batch=3, frames=spec.frames))
    assert python(ALONE, tmp_path) == "[]"
    came, due = (
        np.load(tmp_path / "out.npy"),
        pose(program, batch=3, frames=spec.frames),
    )
    assert_close(came, due, rtol=1e-5, what=name)


def test_a_traceback_shows_the_line_of_the_model() -> None:
    program = realised(dense())
    wrong = {**program.values, "fc.weight": jnp.zeros((8, 5))}
    with pytest.raises(TypeError, match="contracting dimensions") as caught:
        program.native(wrong, program.put(arrays(program.graph)))
    emitted = [
        entry for entry in caught.traceback if "poseport dense" in str(entry.path)
    ]
    line = str(emitted[0].statement)
    assert "ops.linear(feeds['x'], params['fc.weight']" in line
    assert "tests/backends/test_native_jax.py:" in line


def test_int64_is_int32_on_the_device_and_int64_outside() -> None:
    g = Builder("indices")
    index = g.input("index", ("batch",), dtype="int64")
    table = g.constant("table", np.arange(12.0).reshape(4, 3))
    g.output("row", table.take(index, axis=0))
    g.output("next", index + 1)
    program = JaxProgram(g.finish(), Settings())
    fed = {"index": np.array([3, 0])}
    assert program.put(fed)["index"].dtype == jnp.int32
    results = program(fed)
    assert results["next"].dtype == np.int64
    assert results["next"].tolist() == [4, 1]
    due = [[9, 10, 11], [0, 1, 2]]
    assert_close(results["row"], due, rtol=0, what="take", dtype="float32")
    # 2 ** 31 is 2,147,483,648
    with pytest.raises(BadInput, match="index: 3000000000 does not fit into int32"):
        program.put({"index": np.array([3_000_000_000])})


def gradient_at(
    op: Callable[..., Any],
    x: list[float],
    **attributes: Any,
) -> list[float]:
    def total(v: Any) -> Any:
        return jnp.sum(op(v, **attributes))

    found: list[float] = np.asarray(jax.grad(total)(jnp.array(x))).tolist()
    return found


def test_kinks_and_ties_have_the_gradients_of_the_language() -> None:
    kernels = ops.KERNELS
    assert gradient_at(kernels["relu"], [0.0, 1.0, -1.0]) == [0, 1, 0]
    assert gradient_at(kernels["leaky_relu"], [0.0, 1.0], slope=0.25) == [0.25, 1]
    assert gradient_at(kernels["abs"], [0.0, -2.0]) == [0, -1]
    # a tie gives each side its share
    bounded = gradient_at(lambda v: kernels["maximum"](v, 0.5), [0.5, 1.0, 0.0])
    assert bounded == [0.5, 1, 0]
    largest = gradient_at(kernels["max"], [2.0, 2.0, 1.0], axis=(0,), keepdims=False)
    assert largest == [0.5, 0.5, 0]


def test_a_norm_of_zero_has_gradient_zero() -> None:
    g = Builder("still")
    w = g.param("w", (2, 3), init=("zeros", 0.0))
    g.output("loss", w.vector_norm(axis=1).sum(axis=0, keepdims=False))
    trainer = JaxTrainer(g.finish(), ADAMW, Settings())
    _, grads = trainer.gradients({})
    assert grads["w"].tolist() == [[0.0] * 3] * 2
    assert "vector_norm" not in ops.KERNELS, "the native one gives NaN"
    assert math.isnan(gradient_at(jnp.linalg.norm, [0.0, 0.0])[0])


def test_the_function_needs_no_program() -> None:
    """What a reader of the documentation does: build, draw weights, call."""
    spec = small("motionbert")
    apply = jax.jit(pure(spec.infer))
    keypoints = np.zeros((2, 9, 17, 3), np.float32)
    weights = params.draw(spec.parameters, seed=1)
    outputs, state = apply(weights, {"keypoints": keypoints})
    assert outputs["pose"].shape == (2, 9, 17, 3)
    assert state == {}
