"""The gradient pass over whole graphs: sharing, ties and kinks, what is constant, what is
refused.
"""

from __future__ import annotations

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import dims, params
from models.builder import Builder
from models.errors import SpecError
from models.gradient import PREFIX, gradient
from models.graph import Graph
from tests.asserts import assert_close

FP64 = Settings(precision="fp64")
LENGTHS = {"batch": 3, "frames": 9}


def evaluate(
    graph: Graph, weights: dict[str, np.ndarray], feeds: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    program = NumpyProgram(graph, FP64)
    program.load(weights)
    return program(feeds)


def scalar(expression: str, x: list[float]) -> np.ndarray:
    """Gradient of the sum of an expression in x."""
    g = Builder("scalar")
    value = g.param("x", (len(x),), init=("zeros", 0.0))
    # the table below
    g.output("loss", eval(expression, {"x": value}).sum(axis=0, keepdims=False))  # noqa: S307
    return evaluate(gradient(g.finish()), {"x": np.array(x)}, {})[PREFIX + "x"]


known_slopes = pytest.mark.parametrize(
    ("expression", "at", "due"),
    [
        ("x * x", [3.0, -2.0], [6.0, -4.0]),
        ("x * x * x", [2.0], [12.0]),
        ("x.relu()", [-1.0, 0.0, 2.0], [0.0, 0.0, 1.0]),
        ("x.leaky_relu(slope=0.2)", [-1.0, 0.0, 2.0], [0.2, 0.2, 1.0]),
        ("x.abs()", [-3.0, 0.0, 4.0], [-1.0, 0.0, 1.0]),
        ("x.maximum(1.0)", [0.0, 1.0, 2.0], [0.0, 0.5, 1.0]),
        ("x.minimum(1.0)", [0.0, 1.0, 2.0], [1.0, 0.5, 0.0]),
        ("x.max(axis=0, keepdims=True)", [1.0, 5.0, 5.0], [0.0, 0.5, 0.5]),
        ("x.reshape((1, 2)).vector_norm(axis=1)", [3.0, 4.0], [0.6, 0.8]),
        ("x.reshape((1, 2)).vector_norm(axis=1)", [0.0, 0.0], [0.0, 0.0]),
        ("x * x.stop_gradient()", [3.0, 5.0], [3.0, 5.0]),
        ("x + x.flip(axis=0) * 2.0", [1.0, 2.0], [3.0, 3.0]),
    ],
)


@known_slopes
def test_slopes_by_hand(expression: str, at: list[float], due: list[float]) -> None:
    assert_close(scalar(expression, at), due, rtol=1e-12, what=expression)


@known_slopes
def test_slopes_by_native_autograd(
    expression: str, at: list[float], due: list[float]
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from backends.torch.program import TorchProgram

    g = Builder("native")
    value = g.param("x", (len(at),), init=("zeros", 0.0))
    # the table above
    g.output("loss", eval(expression, {"x": value}).sum(axis=0, keepdims=False))  # noqa: S307
    program = TorchProgram(g.finish(), Settings())
    program.load({"x": np.array(at, np.float32)})
    program.callable().backward()
    assert_close(program.native.x.grad.numpy(), due, rtol=1e-6, what=f"torch {expression}")


def test_a_shared_parameter_adds_both_uses() -> None:
    g = Builder("shared")
    w = g.param("w", (2,), init=("ones", 0.0))
    x = g.input("x", (2,))
    g.output("loss", (w * x + w * w).sum(axis=0, keepdims=False))
    came = evaluate(
        gradient(g.finish()), {"w": np.array([2.0, 3.0])}, {"x": np.array([10.0, 20.0])}
    )
    assert_close(came[PREFIX + "w"], [14.0, 26.0], rtol=1e-12, what="w")


def test_a_parameter_the_loss_does_not_know_has_gradient_zero() -> None:
    g = Builder("idle")
    w, idle = (
        g.param("w", (2,), init=("ones", 0.0)),
        g.param("idle", (3,), init=("ones", 0.0)),
    )
    g.output("other", idle * 2.0)
    g.output("loss", w.sum(axis=0, keepdims=False))
    came = evaluate(gradient(g.finish()), {"w": np.ones(2), "idle": np.ones(3)}, {})
    assert_close(came[PREFIX + "idle"], np.zeros(3), rtol=0, what="idle")


def test_gradients_can_be_asked_for_in_inputs() -> None:
    g = Builder("inputs")
    x = g.input("x", ("batch", 2))
    g.output("loss", (x * x).sum(axis=(0, 1), keepdims=False))
    graph = gradient(g.finish(), wrt=["x"])
    assert set(graph.outputs) == {"loss", "grad/x"}
    assert_close(
        evaluate(graph, {}, {"x": np.array([[1.0, 2.0]])})["grad/x"],
        [[2.0, 4.0]],
        rtol=1e-12,
        what="x",
    )


def test_only_a_scalar_output_is_differentiated() -> None:
    g = Builder("vector")
    g.output("y", g.param("w", (2,), init=("ones", 0.0)) * 2.0)
    graph = g.finish()
    with pytest.raises(
        SpecError,
        match="gradient of 'y' in vector: it must be one of its scalar outputs; outputs: y",
    ):
        gradient(graph, of="y")
    with pytest.raises(SpecError, match="gradient of 'loss'"):
        gradient(graph)


@pytest.mark.parametrize("name", models.names())
def test_a_zoo_loss_falls_as_its_gradient_says(name: str) -> None:
    """Directional derivative along the gradient itself, in float64: one number that every
    rule of the model has a part in.
    """
    graph = models.build(
        name,
        preset="small",
        **({"frames": 9} if name in ("motionbert", "poseformer") else {}),
    ).train
    draw = np.random.default_rng(0)
    weights = {
        key: array.astype(np.float64)
        for key, array in params.draw(graph.params, seed=0).items()
    }
    feeds = {
        key: draw.normal(size=dims.bind(type_.shape, LENGTHS))
        for key, type_ in graph.inputs.items()
    }
    feeds |= {
        key: (
            (draw.random(dims.bind(noise.type.shape, LENGTHS)) < noise.number).astype(float)
        )
        for key, noise in graph.noise.items()
    }
    grads = evaluate(gradient(graph), weights, feeds)
    slope = {key: grads[PREFIX + key] for key in graph.trainable()}
    square = sum(float((array**2).sum()) for array in slope.values())
    step = 1e-6 / square**0.5
    up, down = (
        evaluate(
            graph,
            weights | {k: weights[k] + sign * step * v for k, v in slope.items()},
            feeds,
        )["loss"]
        for sign in (1, -1)
    )
    assert square > 0
    assert_close(
        (up - down) / (2 * step), square, rtol=1e-5, what=f"{name} along its gradient"
    )
