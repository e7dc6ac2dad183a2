"""Backends are found by listing, loaded when asked for, refuse with a reason, and keep the
contract.
"""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import numpy as np
import pytest

import backends
import models
from backends.base import Backend, Settings, Unsupported, missing_ops
from models import params
from models.builder import Builder
from models.errors import BadInput, Missing, UnknownName
from models.graph import Graph
from tests.asserts import assert_close


def layer(*, train: bool = False) -> Graph:
    g = Builder("layer")
    x = (
        g.input("x", ("batch", 3))
        .linear(4, name="fc")
        .batch_norm(eps=1e-5, momentum=0.1, train=train, name="bn")
    )
    g.output("y", x)
    g.output("mean", x.mean(axis=(0, 1), keepdims=False))
    return g.finish()


def outside(monkeypatch: pytest.MonkeyPatch, **manifest: object) -> None:
    """Register a backend `inhouse` as an installed package would, through its entry point."""
    module = ModuleType("inhouse_backend")
    module.__dict__.update(manifest)
    monkeypatch.setitem(sys.modules, "inhouse_backend", module)
    entry = EntryPoint("inhouse", "inhouse_backend", "poseport.backends")
    monkeypatch.setattr(
        backends,
        "entry_points",
        lambda *, group: [entry] if group == "poseport.backends" else [],
    )


def test_the_folders_are_the_registry() -> None:
    assert {"numpy", "torch"} <= set(backends.names())
    assert "numpy" in backends.installed() and set(backends.installed()) <= set(
        backends.names()
    )


def test_an_unknown_backend_names_its_neighbours() -> None:
    with pytest.raises(
        UnknownName,
        match="unknown backend 'torhc': did you mean torch.*known: ",
    ):
        backends.load("torhc")


def test_a_missing_framework_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    outside(monkeypatch, REQUIRES=("no_such_framework",), EXTRA="inhouse")
    assert "inhouse" in backends.names() and "inhouse" not in backends.installed()
    with pytest.raises(Missing) as caught:
        backends.load("inhouse")
    assert (
        str(caught.value)
        == "backend inhouse needs no_such_framework, not installed here: pip install -e"
        ' ".[inhouse]" -c constraints.txt'
    )


def test_an_outside_package_adds_a_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    numpy = backends.load("numpy")
    outside(monkeypatch, REQUIRES=(), EXTRA="", load=lambda: numpy)
    assert "inhouse" in backends.installed() and backends.load("inhouse") is numpy


def test_the_contract(backend: Backend) -> None:
    assert backend.name in backends.names()
    assert backend.devices()["cpu"] == "" and backend.precisions("cpu")["fp32"] == ""
    assert not set(backend.kernels) & set(backend.gaps)
    assert (backend.peak_memory("cpu") or 0) > 1_000_000
    assert backend.pin(threads=1)["threads"] == 1
    backend.synchronize("cpu")
    assert {"autograd", "compile", "export"} <= set(backend.features())


@pytest.mark.parametrize("name", models.names())
def test_no_zoo_model_meets_a_gap(name: str, backend: Backend) -> None:
    spec = models.build(name, preset="small")
    assert (
        missing_ops(backend, spec.train) == {}
        and missing_ops(backend, spec.infer) == {}
    )


def test_a_gap_is_named_with_its_reason(
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    g = Builder("sums")
    g.output("y", g.input("x", (2, 3)).cos().sum(axis=1, keepdims=False))
    kernels = {
        name: kernel
        for name, kernel in backend.kernels.items()
        if name not in ("sum", "cos")
    }
    monkeypatch.setattr(type(backend), "kernels", kernels)
    monkeypatch.setattr(type(backend), "gaps", {"sum": "reduces in 16 bits"})
    assert missing_ops(backend, g.finish()) == {
        "sum": "reduces in 16 bits",
        "cos": "no kernel and no body",
    }


def test_weights_go_in_and_come_out(backend: Backend) -> None:
    program = backend.program(layer(), Settings())
    weights = params.draw(layer().params, seed=1)
    program.load(weights)
    out = program.params()
    assert out.keys() == weights.keys()
    for name, array in weights.items():
        assert_close(out[name], array, rtol=0, what=name)
        assert out[name].shape == array.shape


def test_a_checkpoint_that_does_not_fit_loads_nothing(backend: Backend) -> None:
    program = backend.program(layer(), Settings())
    program.load(params.draw(layer().params, seed=1))
    before = program.params()
    with pytest.raises(BadInput, match="fc.bias is missing"):
        program.load(
            {name: array + 1 for name, array in before.items() if name != "fc.bias"}
        )
    assert all(
        np.array_equal(program.params()[name], array) for name, array in before.items()
    )


@pytest.mark.parametrize("batch", [1, 5])
def test_symbolic_axes_are_bound_at_the_call(batch: int, backend: Backend) -> None:
    program = backend.program(layer(), Settings())
    program.load(params.draw(layer().params, seed=1))
    x = np.random.default_rng(0).normal(size=(batch, 3))
    weights = program.params()
    due = (x @ weights["fc.weight"].T + weights["fc.bias"]) / (1 + 1e-5) ** 0.5
    assert_close(program({"x": x})["y"], due, rtol=1e-5, what="y")


def test_one_output_comes_by_name_too(backend: Backend) -> None:
    program = backend.program(layer().with_outputs("y"), Settings())
    program.load(params.draw(layer().params, seed=1))
    assert set(program({"x": np.ones((2, 3))})) == {"y"}


def test_running_statistics_move_in_a_train_graph_alone(backend: Backend) -> None:
    x = np.random.default_rng(0).normal(2.0, 3.0, size=(64, 3))
    for train in (True, False):
        graph = layer(train=train)
        program = backend.program(graph, Settings())
        weights = params.draw(graph.params, seed=1)
        program.load(weights)
        h = x @ weights["fc.weight"].T + weights["fc.bias"]
        program({"x": x})
        after = program.params()
        due = (
            (0.1 * h.mean(0), 0.9 + 0.1 * h.var(0, ddof=1), 1)
            if train
            else (np.zeros(4), np.ones(4), 0)
        )
        for name, array in zip(
            ("running_mean", "running_var", "num_batches_tracked"),
            due,
            strict=True,
        ):
            assert_close(
                after[f"bn.{name}"],
                array,
                rtol=1e-5,
                what=f"{name}, train={train}",
            )


def test_a_device_that_is_not_here_is_refused_with_the_reason(backend: Backend) -> None:
    with pytest.raises(
        Unsupported,
        match=f"{backend.name}: device tpu is not usable here: unknown device kind",
    ):
        backend.device("tpu")
    assert backend.device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("usable", "due"),
    [
        ({"cpu": "", "cuda": "", "mps": "no Apple GPU"}, "cuda"),
        ({"cpu": "", "cuda": "no CUDA device", "mps": ""}, "mps"),
        ({"cpu": "", "cuda": "no CUDA device", "mps": "no Apple GPU"}, "cpu"),
        ({"cpu": ""}, "cpu"),
    ],
)
def test_auto_takes_the_fastest_usable_device(
    usable: dict[str, str],
    due: str,
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(type(backend), "devices", lambda self: usable)
    assert backend.device("auto") == due
    for kind, reason in usable.items():
        if reason:
            with pytest.raises(
                Unsupported,
                match=f"device {kind} is not usable here: {reason}",
            ):
                backend.device(kind)
        else:
            assert backend.device(kind) == kind


def test_torch_asks_the_framework_which_devices_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    backend = backends.load("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert (
        backend.devices()["cuda"] == ""
        and "Apple" in backend.devices()["mps"]
        and backend.device("auto") == "cuda"
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert "CUDA" in backend.devices()["cuda"] and backend.device("auto") == "mps"


def test_the_oracle_draws_no_noise_and_knows_no_half_precision() -> None:
    oracle = backends.load("numpy")
    g = Builder("noisy")
    g.output("y", g.input("x", ("batch", 3)).dropout(rate=0.5, name="drop"))
    with pytest.raises(Unsupported, match="is fed its noise"):
        oracle.program(g.finish(), Settings(draw_noise=True))
    with pytest.raises(
        Unsupported,
        match="numpy: NumPy has no mixed precision; use fp64 or fp32",
    ):
        oracle.program(layer(), Settings(precision="bf16"))
    assert (
        oracle.program(layer(), Settings(precision="fp64"))
        .put({"x": np.ones((1, 3), np.float32)})["x"]
        .dtype
        == np.float64
    )


def test_taps_show_inner_values_and_move_no_state() -> None:
    from backends.numpy.program import NumpyProgram

    program = NumpyProgram(layer(train=True), Settings(precision="fp64"))
    program.load(params.draw(layer(train=True).params, seed=1))
    before = program.params()
    feeds = program.put({"x": np.random.default_rng(0).normal(size=(8, 3))})
    taps = program.taps(feeds)
    assert {node.name for node in program.graph.nodes} <= set(taps)
    assert all(
        np.array_equal(program.params()[name], array) for name, array in before.items()
    )
    assert_close(
        taps[program.graph.outputs["y"]],
        program.run(feeds)["y"],
        rtol=0,
        what="y",
    )
