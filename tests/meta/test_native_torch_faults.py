"""The tests are tested.

Faults planted in native kernels are found by comparison with the oracle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backends
import models
from backends.base import Backend, Settings
from backends.numpy.program import NumpyProgram
from models import dims, params
from models.builder import Builder
from models.graph import Graph
from tests.asserts import assert_close
from tests.models import test_ops

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: no kernels to plant faults in"
)

from torch.nn import functional as F  # noqa: E402  # after the skip

from backends.torch import ops  # noqa: E402
from backends.torch.program import TorchProgram  # noqa: E402

# whichever fixtures they take: they are about PyTorch's kernels
pytestmark = pytest.mark.framework


def gelu_by_tanh(x: Any, *, approximate: str) -> Any:
    return F.gelu(x, approximate="tanh")


def momentum_swapped(
    x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float, momentum: float
) -> Any:
    return F.batch_norm(x, mean, var, weight, bias, True, 1 - momentum, eps), mean, var


def weight_transposed(x: Any, weight: Any, *bias: Any) -> Any:
    return F.linear(x, weight.T, *bias)


def eps_of_keras(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    return F.layer_norm(x, weight.shape, weight, bias, 1e-3)


# 1e-12, which is not 0: a variance of 0 would give NaN, and any test would find that
def eps_left_out(
    x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float
) -> Any:
    return F.batch_norm(x, mean, var, weight, bias, False, 0.0, 1e-12)


FAULTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "tanh GELU for exact": ("gelu", gelu_by_tanh),
    "BatchNorm momentum swapped": ("batch_norm_train", momentum_swapped),
    "LayerNorm eps 1e-3": ("layer_norm", eps_of_keras),
    "BatchNorm eps left out": ("batch_norm", eps_left_out),
}


def plant(monkeypatch: pytest.MonkeyPatch, op: str, kernel: Callable[..., Any]) -> None:
    monkeypatch.setattr(ops, "KERNELS", {**ops.KERNELS, op: kernel})


@pytest.fixture
def patient() -> Backend:
    """The backend that faults are planted in."""
    return backends.load("torch")


def compare(
    graph: Graph, weights: dict[str, np.ndarray], arrays: dict[str, np.ndarray]
) -> None:
    """Every output and updated state, PyTorch against the oracle.

    Raises AssertionError naming the first that differs.
    """
    __tracebackhide__ = True
    native = TorchProgram(graph, Settings())
    oracle = NumpyProgram(graph, Settings(precision="fp64"))
    # rounded once, so that both have the same
    rounded = {}
    for name, array in weights.items():
        rounded[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
    for program in (native, oracle):
        program.load(rounded)
    # in this order: the run moves the running statistics
    came = native(arrays) | native.params()
    due = oracle(arrays) | oracle.params()
    for name in (*graph.outputs, *graph.state):
        assert_close(came[name], due[name], rtol=2e-5, what=f"{graph.name} {name}")


@pytest.mark.parametrize("fault", FAULTS)
def test_the_op_test_finds_a_planted_fault_and_names_the_case(
    fault: str, patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    op, kernel = FAULTS[fault]
    assert test_ops.failed(op, patient) == []
    plant(monkeypatch, op, kernel)
    off = [row for row in test_ops.failed(op, patient) if row.question == "value"]
    assert {row.case for row in off} & {one.case for one in test_ops.asked(op)}
    assert all(row.error > row.bound for row in off)


def test_the_op_test_finds_a_wrong_gradient_and_names_the_case(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert test_ops.failed("relu", patient) == []
    plant(monkeypatch, "relu", lambda x: torch.relu(x) * 2 - torch.relu(x).detach())
    off = test_ops.failed("relu", patient)
    assert {row.question for row in off} == {"gradient"}
    assert off[0].case == test_ops.asked("relu")[0].case


@pytest.mark.parametrize("asked", ["value", "gradient"])
def test_a_case_that_raises_is_named_alone(
    asked: str, patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(x: Any, *, axis: int) -> Any:
        if axis == 1:
            raise NotImplementedError("axis 1")
        return x.flip(axis)

    honest = type(patient).trainer

    # the value is asked of a program, the gradient of a trainer
    def trainer(*asking: Any) -> Any:
        with monkeypatch.context() as training_alone:
            plant(training_alone, "flip", picky)
            return honest(*asking)

    if asked == "value":
        plant(monkeypatch, "flip", picky)
    else:
        monkeypatch.setattr(type(patient), "trainer", trainer)
    off = test_ops.failed("flip", patient)
    assert {row.question for row in off} == {asked}
    assert all("raised NotImplementedError: axis 1 (" in row.note for row in off)
    cases = test_ops.asked("flip")
    due = [one.case for one in cases if one.probe.attributes["axis"] == 1]
    assert [row.case for row in off] == due
    assert len(due) < len(cases)


def zoo(
    name: str, half: str
) -> tuple[Graph, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A model whose every layer is square where it can be, with lively weights and inputs."""
    sizes = {
        # 17 joints of two coordinates are 34 numbers
        "simple_baseline": {"width": 34, "joints": 17, "dropout": 0.5},
        "motionbert": {"width": 16, "representation": 16, "mlp_ratio": 1},
    }
    graph: Graph = getattr(models.build(name, preset="small", **sizes[name]), half)
    draw = np.random.default_rng(3)
    weights = params.draw(graph.params, seed=1)
    for key, array in weights.items():
        weights[key] = _lively(key, array, draw)
    lengths = {"batch": 8, "frames": 9}
    arrays = {}
    for key, type_ in graph.inputs.items():
        arrays[key] = draw.normal(size=dims.bind(type_.shape, lengths))
    for key, noise in graph.noise.items():
        uniform = draw.random(dims.bind(noise.type.shape, lengths))
        arrays[key] = (uniform < noise.number).astype(float)
    return graph, weights, arrays


def _lively(name: str, array: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Nothing at 0 or 1 any more; variances small enough for eps to matter."""
    if name.endswith("running_var"):
        return draw.uniform(0.01, 0.05, array.shape)
    if array.dtype.kind != "f":  # a count
        return array
    return array + draw.normal(0, 0.3, array.shape)


@pytest.mark.parametrize(
    ("name", "half", "op", "kernel"),
    [
        ("motionbert", "infer", "gelu", gelu_by_tanh),
        ("simple_baseline", "train", "batch_norm_train", momentum_swapped),
        ("simple_baseline", "infer", "batch_norm", eps_left_out),
        ("motionbert", "infer", "layer_norm", eps_of_keras),
    ],
)
def test_a_model_shows_a_planted_fault(
    name: str,
    half: str,
    op: str,
    kernel: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = zoo(name, half)
    compare(*case)
    plant(monkeypatch, op, kernel)
    with pytest.raises(AssertionError, match="off by"):
        compare(*case)


def test_a_transposed_weight_fits_square_layers_and_is_found_by_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    g = Builder("square")
    g.output("y", g.input("x", ("batch", 5)).linear(5, name="fc"))
    graph = g.finish()
    weights = params.draw(graph.params, seed=0)
    case = graph, weights, {"x": np.random.default_rng(0).normal(size=(3, 5))}
    compare(*case)
    plant(monkeypatch, "linear", weight_transposed)
    with pytest.raises(AssertionError, match="square y: off by"):
        compare(*case)
