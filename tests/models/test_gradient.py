"""The gradient pass over whole graphs: sharing, ties and kinks, constants, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import dims, noise, params
from models.builder import Builder
from models.errors import SpecError
from models.gradient import PREFIX, gradient
from models.graph import Graph, Node
from models.params import Arrays
from models.passes import Arguments, rewritten
from models.value import Value
from tests.asserts import assert_close

FP64 = Settings(precision="fp64")
LENGTHS = {"batch": 3, "frames": 9}


def evaluate(graph: Graph, weights: Arrays, feeds: Arrays) -> Arrays:
    program = NumpyProgram(graph, FP64)
    program.load(weights)
    return program(feeds)


def declared(g: Builder, name: str, length: int) -> Value:
    return g.param(name, (length,), init=("ones", 0.0))


def with_loss(g: Builder, value: Value) -> Graph:
    """The graph that ends in the sum of a vector."""
    g.output("loss", value.sum(axis=0, keepdims=False))
    return g.finish()


def summed(expression: str, length: int) -> Graph:
    """The sum of an expression in a parameter x."""
    g = Builder("scalar")
    x = declared(g, "x", length)
    # text of the table below
    value = eval(expression, {"x": x})  # noqa: S307
    return with_loss(g, value)


known_slopes = pytest.mark.parametrize(
    ("expression", "at", "due"),
    [
        ("x * x", [3.0, -2.0], [6.0, -4.0]),
        ("x * x * x", [2.0], [12.0]),
        # kinks: frameworks agree on these values, not on others
        ("x.relu()", [-1.0, 0.0, 2.0], [0.0, 0.0, 1.0]),
        ("x.leaky_relu(slope=0.2)", [-1.0, 0.0, 2.0], [0.2, 0.2, 1.0]),
        ("x.abs()", [-3.0, 0.0, 4.0], [-1.0, 0.0, 1.0]),
        # ties are shared
        ("x.maximum(1.0)", [0.0, 1.0, 2.0], [0.0, 0.5, 1.0]),
        ("x.minimum(1.0)", [0.0, 1.0, 2.0], [1.0, 0.5, 0.0]),
        ("x.max(axis=0, keepdims=True)", [1.0, 5.0, 5.0], [0.0, 0.5, 0.5]),
        # 0 at the origin, where the formula says 0/0
        ("x.reshape((1, 2)).vector_norm(axis=1)", [3.0, 4.0], [0.6, 0.8]),
        ("x.reshape((1, 2)).vector_norm(axis=1)", [0.0, 0.0], [0.0, 0.0]),
        # half of what x * x gives
        ("x * x.stop_gradient()", [3.0, 5.0], [3.0, 5.0]),
        ("x + x.flip(axis=0) * 2.0", [1.0, 2.0], [3.0, 3.0]),
    ],
)


@known_slopes
def test_slopes_by_hand(expression: str, at: list[float], due: list[float]) -> None:
    graph = gradient(summed(expression, len(at)))
    weights = {"x": np.array(at)}
    slope = evaluate(graph, weights, {})[PREFIX + "x"]
    assert_close(slope, due, rtol=1e-12, what=expression)


def test_a_shared_parameter_adds_both_uses() -> None:
    g = Builder("shared")
    w = declared(g, "w", 2)
    x = g.input("x", (2,))
    graph = gradient(with_loss(g, w * x + w * w))
    weights = {"w": np.array([2.0, 3.0])}
    feeds = {"x": np.array([10.0, 20.0])}
    slope = evaluate(graph, weights, feeds)[PREFIX + "w"]
    # x + 2 w
    assert_close(slope, [14.0, 26.0], rtol=1e-12, what="w")


def test_a_parameter_the_loss_does_not_know_has_gradient_zero() -> None:
    g = Builder("idle")
    w = declared(g, "w", 2)
    idle = declared(g, "idle", 3)
    g.output("other", idle * 2.0)
    graph = gradient(with_loss(g, w))
    weights = {"w": np.ones(2), "idle": np.ones(3)}
    slope = evaluate(graph, weights, {})[PREFIX + "idle"]
    # and not left out: an optimizer steps every parameter
    assert_close(slope, np.zeros(3), rtol=0, what="idle")


def test_gradients_can_be_asked_for_in_inputs() -> None:
    g = Builder("inputs")
    x = g.input("x", ("batch",))
    graph = gradient(with_loss(g, x * x), wrt=["x"])
    assert set(graph.outputs) == {"loss", "grad/x"}
    feeds = {"x": np.array([1.0, 2.0])}
    slope = evaluate(graph, {}, feeds)["grad/x"]
    assert_close(slope, [2.0, 4.0], rtol=1e-12, what="x")


def test_only_a_scalar_output_is_differentiated() -> None:
    g = Builder("vector")
    g.output("y", declared(g, "w", 2) * 2.0)
    graph = g.finish()
    said = "gradient of 'y' in vector: it must be one of its scalar outputs; outputs: y"
    with pytest.raises(SpecError, match=said):
        gradient(graph, of="y")
    with pytest.raises(SpecError, match="gradient of 'loss'"):
        gradient(graph)


# weights that start at a thousandth are turned by smaller steps, and where vertices are many, kinks
# lie nearer
STEPS = {"integral": 1e-8, "graphcmr": 1e-9, "graphcmr:smpl": 1e-9}


def training_graph(name: str) -> Graph:
    # short enough for float64 in NumPy; the others take any length, or one frame
    short = {"frames": 9} if name in ("motionbert", "poseformer") else {}
    return models.build(name, preset="small", **short).train


def drawn(graph: Graph) -> Arrays:
    """Inputs from a normal distribution, masks and other noise as they are declared."""
    draw = np.random.default_rng(0)
    feeds: Arrays = {}
    for name, type_ in graph.inputs.items():
        shape = dims.bind(type_.shape, LENGTHS)
        feeds[name] = draw.normal(size=shape)
    for name, one in graph.noise.items():
        feeds[name] = noise.draw(one, dims.bind(one.type.shape, LENGTHS), draw)
    return feeds


def _held(
    graph: Graph, weights: dict[str, np.ndarray], feeds: dict[str, np.ndarray]
) -> tuple[Graph, dict[str, np.ndarray]]:
    """The graph with an input for each value that no gradient passes, and those values."""
    stops = [node for node in graph.nodes if node.op == "stop_gradient"]

    def fed(node: Node, arguments: Arguments) -> tuple[Value, ...] | None:
        if node.op != "stop_gradient":
            return None
        builder = arguments[0].graph  # type: ignore[union-attr]
        return (builder.input(f"held.{node.name}", node.outputs[0].shape),)

    if not stops:
        return graph, {}
    outputs = {f"held.{node.name}": str(node.inputs[0]) for node in stops}
    values = evaluate(replace(graph, outputs=outputs, state={}), weights, feeds)
    return rewritten(graph, fed), {name: values[name] for name in outputs}


@pytest.mark.parametrize("name", models.networks())
def test_a_zoo_loss_falls_as_its_gradient_says(name: str) -> None:
    """Directional derivative along the gradient itself, in float64.

    It is the gradient's square: one number that every rule of the model has a part in.
    """
    graph = training_graph(name)
    arrays = params.draw(graph.params, seed=0)
    weights = {key: array.astype(np.float64) for key, array in arrays.items()}
    feeds = drawn(graph)
    grads = evaluate(gradient(graph), weights, feeds)
    slope = {key: grads[PREFIX + key] for key in graph.trainable()}
    squares = [float((array**2).sum()) for array in slope.values()]
    square = sum(squares)
    assert square > 0
    # a step of one length, whatever the length of the gradient
    step = STEPS.get(name, 1e-6) / square**0.5
    up, down = dict(weights), dict(weights)
    for key, way in slope.items():
        up[key] = weights[key] + step * way
        down[key] = weights[key] - step * way
    # what no gradient passes is a number to it, and stays one when the weights move
    graph, held = _held(graph, weights, feeds)
    higher = evaluate(graph, up, feeds | held)["loss"]
    lower = evaluate(graph, down, feeds | held)["loss"]
    came = (higher - lower) / (2 * step)
    assert_close(came, square, rtol=1e-5, what=f"{name} along its gradient")
