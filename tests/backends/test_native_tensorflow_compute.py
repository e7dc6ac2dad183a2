"""What the Keras model computes: any batch and length, by the calls that are fast, in halves."""

from __future__ import annotations

import numpy as np
import pytest

import backends
from backends.base import Settings, Unsupported
from backends.numpy.program import NumpyProgram
from models import params
from models.builder import Builder
from tests.asserts import assert_close
from tests.backends.native import ZOO, arrays, assert_all_close, small
from tests.zoo import lengths

if "tensorflow" not in backends.installed():
    pytest.skip("TensorFlow is not installed", allow_module_level=True)

from tests.backends.test_native_tensorflow import (  # noqa: E402  # after the skip
    BACKEND,
    COPIES,
    layer,
    realised,
    trainer,
)

import keras  # noqa: E402  # isort: skip  # the line above has told it which backend it has

pytestmark = pytest.mark.filterwarnings(COPIES)


@ZOO
def test_any_batch_and_length_agrees_with_the_oracle(name: str) -> None:
    graph = small(name).infer
    program = realised(graph)
    oracle = NumpyProgram(graph, Settings(precision="fp64"))
    oracle.load(program.params())
    taken = lengths(name)
    # three lengths of an open axis: the training window, another, and one beside that
    frames = (taken[0], taken[-1], taken[-1] - 1 if len(taken) > 1 else taken[0])
    for batch, count in zip((1, 3, 17), frames, strict=True):
        fed = arrays(graph, batch=batch, frames=count)
        came, due = program(fed)["pose"], oracle(fed)["pose"]
        what = f"{name} {batch} x {count}"
        assert_close(came, due, rtol=1e-5, what=what, dtype="float32")
    # an axis that has changed once stays open
    assert program._callable.experimental_get_tracing_count() <= 3


@ZOO
def test_products_with_one_matrix_are_of_rank_two(name: str) -> None:
    """A rank-4 product with a rank-2 weight has a gradient that is slow in TensorFlow."""
    spec = small(name)
    program = trainer(spec.train).program
    feeds = program.put(arrays(program.graph, frames=spec.frames))
    traced = program._callable.get_concrete_function(feeds).graph.get_operations()
    batched = [op for op in traced if op.type == "BatchMatMulV2"]
    assert all(op.inputs[1].shape.rank > 2 for op in batched)
    graph, asked = program.graph, program.graph.census()
    products = [node for node in graph.nodes if node.op == "matmul"]
    ranks = [len(graph.types[str(node.inputs[1])].shape) for node in products]
    by_one = ranks.count(2)
    stacked = len(products) - by_one
    # attention is two products
    assert len(batched) == 2 * asked.get("attention", 0) + stacked
    flat = [op for op in traced if op.type == "MatMul"]
    assert len(flat) == asked.get("linear", 0) + by_one


def test_xla_computes_the_same() -> None:
    graph = layer(drop=0.3)
    fed = arrays(graph)
    plain = trainer(graph, "sgd", compiled=False)
    compiled = trainer(graph, "sgd", compiled=True)
    for _ in range(3):
        came, due = (one.step(one.program.put(fed)) for one in (compiled, plain))
        assert_close(np.array(came), np.array(due), rtol=1e-5, what="loss")
    assert_all_close(compiled.program.params(), plain.program.params(), rtol=1e-4)


def test_running_statistics_pass_to_the_inference_model() -> None:
    spec = small("videopose3d")
    once, infer = realised(spec.train), realised(spec.infer)
    once(arrays(spec.train, frames=27))
    infer.load(once.params())
    held = infer.params().items()
    assert {int(array) for key, array in held if key.endswith("tracked")} == {1}


def test_the_running_variance_is_the_unbiased_one() -> None:
    graph = layer()
    program, fed = realised(graph), arrays(graph, batch=5)
    program(fed)
    weights = params.draw(graph.params, seed=1)
    x = fed["keypoints"].astype(np.float64)
    h = x @ weights["fc.weight"].T + weights["fc.bias"]
    # it was 1; Keras' own would be the biased one
    due = 0.9 + 0.1 * h.var(0, ddof=1)
    came = program.params()["bn.running_var"]
    assert_close(came, due, rtol=1e-6, what="running_var")


def test_gradients_of_gathered_rows_are_whole_arrays_and_ties_are_shared() -> None:
    g = Builder("gathered")
    w, v, unused = (
        g.param(name, (4, 2), init=("ones", 0.0)) for name in ("w", "v", "unused")
    )
    rows = w.take(g.constant("index", np.array([1, 1, 3])), axis=0)
    parts = (rows, w.maximum(v), unused.stop_gradient())
    first, second, third = (part.sum(axis=(0, 1), keepdims=False) for part in parts)
    g.output("loss", first + second + third)
    _, grads = trainer(g.finish()).gradients({})
    # half of each tie, and 1 for each time that a row was taken
    due = np.array([[0.5], [2.5], [0.5], [1.5]]) * np.ones((1, 2))
    others = {"v": np.full((4, 2), 0.5), "unused": np.zeros((4, 2))}
    assert_all_close(grads, {"w": due, **others}, rtol=0)


def test_bf16_products_over_float32_weights() -> None:
    spec = small("motionbert")
    half, fed = realised(spec.infer, precision="bf16"), arrays(spec.infer)
    came, due = half(fed)["pose"], realised(spec.infer)(fed)["pose"]
    assert half.native.arrays()["head.weight"].dtype == "float32"
    assert came.dtype == np.float32
    # bfloat16 has three digits, and the model is some ten products deep
    assert_close(came, due, rtol=0.05, what="bf16")
    assert not np.array_equal(came, due), "something was computed in less"


def test_bf16_trains() -> None:
    spec = small("motionbert")
    made = trainer(spec.train, precision="bf16", draw_noise=True)
    feeds = made.program.put(arrays(spec.train))
    losses = [float(made.step(feeds)) for _ in range(10)]
    assert losses[-1] < losses[0]


def test_float16_losses_are_scaled_and_gradients_given_are_not() -> None:
    """The policy of GPUs, run here on the CPU."""
    graph = layer()
    half, full = trainer(graph, "sgd", precision="fp16"), trainer(graph, "sgd")
    shapes = {name: full.program.params()[name].shape for name in graph.trainable()}
    grads = {name: np.full(shape, 1e-3, np.float32) for name, shape in shapes.items()}
    for one in (half, full):
        one.apply(grads)
        one.step(one.program.put(arrays(graph)))
    assert isinstance(half.optimizer, keras.optimizers.LossScaleOptimizer)
    # float16 has three and a half digits
    assert_all_close(half.program.params(), full.program.params(), rtol=5e-3)


@pytest.mark.parametrize(
    ("precision", "said"),
    [
        ("fp16", "use bf16"),
        ("fp64", "weights are float32"),
        ("fp8", "no such precision"),
    ],
)
def test_a_precision_that_is_not_here_is_refused_with_a_note(
    precision: str,
    said: str,
) -> None:
    graph = small("simple_baseline").infer
    with pytest.raises(Unsupported, match=f"tensorflow on cpu: {precision}: .*{said}"):
        BACKEND.program(graph, Settings(precision=precision))


def test_a_gpu_has_the_half_that_a_cpu_lacks() -> None:
    assert BACKEND.precisions("cuda")["fp16"] == ""
