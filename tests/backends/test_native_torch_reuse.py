"""Calls that write over what they are given: where they may, and that no number tells of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from models import params
from models.builder import Builder
from models.graph import Graph
from models.value import Value
from tests.backends.native import ZOO, arrays, assert_equal, small

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch import reuse  # noqa: E402  # after the skip
from backends.torch.module import module  # noqa: E402
from backends.torch.program import TorchProgram  # noqa: E402

IN_PLACE = "inplace = True"
Layer = Callable[[Builder, Value], Value]


def made(layer: Layer) -> Graph:
    """A graph of `layer` over an input (batch, 4, 6), which gives `y`."""
    g = Builder("made")
    g.output("y", layer(g, g.input("x", ("batch", 4, 6))))
    return g.finish()


def up(x: Value) -> Value:
    return x.linear(6, name="up")


def _also_shown(g: Builder, x: Value) -> Value:
    shown = up(x)
    g.output("shown", shown)
    return shown.relu()


def _read_later(g: Builder, x: Value) -> Value:
    early = up(x)
    late = early.relu()
    return late + early.rearrange("b t c -> b t c")


def _parameter(g: Builder, x: Value) -> Value:
    return x + g.param("w", (6,), init=("normal", 1.0)).relu()


TAKEN: dict[str, Layer] = {
    "linear": lambda g, x: up(x).relu(),
    "leaky": lambda g, x: up(x).leaky_relu(slope=0.2),
    "sum": lambda g, x: (up(x) + x).relu(),
    "difference": lambda g, x: (x - up(x)).relu(),
    "product": lambda g, x: (up(x) * x).relu(),
    "matrix product": lambda g, x: (up(x) @ x.rearrange("b t c -> b c t")).relu(),
    "batch norm": lambda g, x: (
        up(x).batch_norm(eps=1e-5, momentum=0.1, train=True, name="bn").relu()
    ),
    "layer norm": lambda g, x: x.layer_norm(eps=1e-5, name="norm").relu(),
    "group norm": lambda g, x: x.group_norm(groups=2, eps=1e-5, name="norm").relu(),
    "convolution": lambda g, x: x.conv1d(
        5, kernel=3, stride=1, dilation=1, padding=0, bias=True, name="conv"
    ).relu(),
}
LEFT: dict[str, Layer] = {
    "an input": lambda g, x: x.relu() + up(x),
    "a parameter": _parameter,
    "an output": _also_shown,
    "read again": _read_later,
    "twice in one call": lambda g, x: (lambda v: v.relu() * v)(up(x)),
    "a view": lambda g, x: up(x).rearrange("b t c -> b c t").relu(),
    "a part": lambda g, x: up(x).slice(axis=1, start=0, stop=2, step=1).relu(),
    # its gradient is taken from its result
    "of tanh": lambda g, x: up(x).tanh().relu(),
    "of relu": lambda g, x: up(x.relu().relu()),
    # what came in has the sign, and the result has not
    "a negative slope": lambda g, x: up(x).leaky_relu(slope=-0.2),
}


def code_of(layer: Layer) -> str:
    return str(module(made(layer), draw_noise=False).code)


@pytest.mark.parametrize("layer", TAKEN.values(), ids=list(TAKEN))
def test_memory_that_nothing_else_reads_is_written_over(layer: Layer) -> None:
    assert IN_PLACE in code_of(layer)


@pytest.mark.parametrize("layer", LEFT.values(), ids=list(LEFT))
def test_what_anything_else_needs_is_left_as_it_is(layer: Layer) -> None:
    assert IN_PLACE not in code_of(layer)


def _results(
    graph: Graph, *, frames: int = 9, precision: str = "fp32"
) -> dict[str, np.ndarray]:
    """Outputs, and the gradients of the sum of their squares; inputs stay what they were."""
    program = TorchProgram(graph, Settings(precision=precision))
    program.load(params.draw(graph.params, seed=1))
    feeds = program.put(arrays(graph, frames=frames))
    before = {name: value.clone() for name, value in feeds.items()}
    with program.autocast():
        outputs = program.named(program.native(*[feeds[n] for n in program.feeds]))
    loss = sum(value.float().square().sum() for value in outputs.values())
    loss.backward()
    assert all(torch.equal(before[name], value) for name, value in feeds.items())
    found = {name: program.numpy(value.detach()) for name, value in outputs.items()}
    for name, param in program.native.named_parameters():
        if param.grad is not None:
            found[f"gradient of {name}"] = param.grad.numpy()
    return found


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """What a function gives where nothing is written over."""

    def run(work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(reuse, "IN_PLACE", {})
            return work(*given, **named)

    return run


BOTH = {**TAKEN, **LEFT}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("layer", BOTH.values(), ids=list(BOTH))
def test_numbers_and_gradients_are_the_same_bits(
    layer: Layer, precision: str, without: Callable[..., Any]
) -> None:
    due = without(_results, made(layer), precision=precision)
    assert any("gradient" in name for name in due)
    assert_equal(_results(made(layer), precision=precision), due)


@ZOO
def test_the_zoo_gives_the_same_bits(name: str, without: Callable[..., Any]) -> None:
    spec = small(name)
    for graph in (spec.train, spec.infer):
        due = without(_results, graph, frames=spec.frames)
        assert_equal(_results(graph, frames=spec.frames), due)


@pytest.mark.parametrize("layer", TAKEN.values(), ids=list(TAKEN))
def test_second_derivatives_hold(layer: Layer) -> None:
    graph = made(layer)
    native = module(graph, draw_noise=False)
    weights = params.draw(graph.params, seed=1)
    native.load_state_dict({k: torch.from_numpy(a) for k, a in weights.items()})
    x = torch.from_numpy(arrays(graph, batch=2)["x"]).double().requires_grad_()
    assert torch.autograd.gradgradcheck(native.double(), (x,))
