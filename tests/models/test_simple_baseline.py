"""SimpleBaseline as the TensorFlow original has it, computed once more by hand."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import params
from models.graph import Graph
from models.passes import to_inference
from tests.asserts import assert_close

Arrays = dict[str, np.ndarray]
FP64 = Settings(precision="fp64")
OPTIONS = list(product([False, True], repeat=3))


def original(
    residual: bool = True, batch_norm: bool = True, max_norm: bool = True, **more: Any
) -> models.Spec:
    config = {
        "linear_size": 12,
        "num_layers": 2,
        "residual": residual,
        "batch_norm": batch_norm,
        "max_norm": max_norm,
        **more,
    }
    return models.from_official("LinearModel", config)


def lively(graph: Graph) -> Arrays:
    """Weights above and below a norm of 1, statistics that are not the trivial ones."""
    draw = np.random.default_rng(0)
    found = params.draw(graph.params, seed=0)
    for name, array in found.items():
        if "running" in name:
            found[name] = draw.uniform(0.5, 1.5, array.shape)
    # the output layer's stays below
    found["w2.weight"] = found["w2.weight"] / 20
    return found


class ByHand:
    """The original's formulas, in NumPy and without the language."""

    def __init__(self, p: Arrays, residual: bool, batch_norm: bool, max_norm: bool):
        self.p = p
        self.residual, self.batch_norm, self.max_norm = residual, batch_norm, max_norm

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        weight = self.p[f"{name}.weight"].astype(np.float64)
        if self.max_norm:
            weight = weight / max(1.0, np.sqrt((weight**2).sum()))
        product: np.ndarray = x @ weight.T
        return product + self.p[f"{name}.bias"]

    def dense(self, x: np.ndarray, name: str, norm: str) -> np.ndarray:
        h = self.linear(x, name)
        if self.batch_norm:
            rows = ("running_mean", "running_var", "weight", "bias")
            mean, var, gain, shift = (self.p[f"{norm}.{row}"] for row in rows)
            h = (h - mean) / np.sqrt(var.astype(np.float64) + 1e-3) * gain + shift
        return h.clip(0)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        x = self.dense(x, "w1", "batch_norm1")
        for i in range(2):
            stage = f"linear_stages.{i}"
            h = self.dense(x, f"{stage}.w1", f"{stage}.batch_norm1")
            h = self.dense(h, f"{stage}.w2", f"{stage}.batch_norm2")
            x = x + h if self.residual else h
        return self.linear(x, "w2")


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_original_by_hand(options: tuple[bool, bool, bool]) -> None:
    spec = original(*options)
    weights = lively(spec.infer)
    x = np.random.default_rng(1).normal(size=(5, 32))
    due = ByHand(weights, *options)(x)
    # the weights are clipped in both graphs, so what is stored goes with either
    for graph in (spec.infer, to_inference(spec.train, outputs=["pose"])):
        program = NumpyProgram(graph, FP64)
        program.load(weights)
        came = program({"keypoints": x})["pose"]
        assert_close(came, due, rtol=1e-12, what=graph.name)


def test_running_statistics_move_by_a_hundredth() -> None:
    spec = original()
    program = NumpyProgram(spec.train, FP64)
    before = lively(spec.train)
    program.load(before)
    draw = np.random.default_rng(1)
    x, target = draw.normal(size=(6, 32)), draw.normal(size=(6, 48))
    program({"keypoints": x, "target": target})
    mean = ByHand(before, True, True, True).linear(x, "w1").mean(0)
    due = 0.99 * before["batch_norm1.running_mean"] + 0.01 * mean
    came = program.params()["batch_norm1.running_mean"]
    assert_close(came, due, rtol=1e-6, what="running mean")


def test_fourteen_joints_are_an_option_of_the_original() -> None:
    spec = original(predict_14=True)
    assert spec.infer.inputs["keypoints"].shape[1] == 32
    assert spec.infer.types[spec.infer.outputs["pose"]].shape[1] == 42


def test_the_port_is_what_it_was() -> None:
    port = models.from_official("LinearModel", {"linear_size": 12, "num_stage": 2})
    assert "vector_norm" not in port.infer.census()
    # same names and shapes, so weights go from one to the other
    assert {n: p.type for n, p in port.parameters.items()} == {
        n: p.type for n, p in original().parameters.items()
    }


def test_weights_and_biases_start_as_the_originals() -> None:
    drawn = params.draw(
        models.build("simple_baseline", preset="tensorflow").infer.params, seed=0
    )
    for name, inner in (("w1.weight", 32), ("w1.bias", 1024), ("w2.bias", 48)):
        spread = (2 / inner) ** 0.5
        assert np.abs(drawn[name]).max() <= 2 * spread
        # of a normal distribution cut at two deviations: 0.88 of the whole one's
        assert drawn[name].std() == pytest.approx(0.88 * spread, rel=0.2)
