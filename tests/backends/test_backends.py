"""Backends keep the contract: gaps with reasons, devices refused by name, weights kept.

How they are found and described is asked in `test_registry.py`.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import backends
import models
from backends.base import (
    Backend,
    Program,
    Settings,
    Unsupported,
    missing_ops,
    peak_resident_bytes,
)
from backends.numpy.program import NumpyProgram
from models import optim, params
from models.builder import Builder
from models.errors import BadInput
from models.graph import Graph
from tests.asserts import assert_close


def layer(*, train: bool = False) -> Graph:
    g = Builder("layer")
    x = g.input("x", ("batch", 3)).linear(4, name="fc")
    x = x.batch_norm(eps=1e-5, momentum=0.1, train=train, name="bn")
    g.output("y", x)
    # a second output, a scalar: some frameworks give a bare tensor where there is one
    g.output("mean", x.mean(axis=(0, 1), keepdims=False))
    return g.finish()


def loaded(backend: Backend, graph: Graph) -> Program:
    program = backend.program(graph, Settings())
    program.load(params.draw(graph.params, seed=1))
    return program


def test_an_output_may_be_called_as_an_input_is(backend: Backend) -> None:
    """As the surface of a mesh model and its truth are."""
    g = Builder("twice")
    g.output("x", g.input("x", ("batch", 3)) * 2.0)
    program = loaded(backend, g.finish())
    given = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert_close(program({"x": given})["x"], given * 2, rtol=1e-6, what="x")


def test_the_contract(backend: Backend) -> None:
    assert backend.name in backends.names()
    assert backend.devices()["cpu"] == ""
    assert backend.precisions("cpu")["fp32"] == ""
    assert not set(backend.kernels) & set(backend.gaps)
    # in bytes: no framework fits into a megabyte
    assert (backend.peak_memory("cpu") or 0) > 1_000_000
    assert backend.pin(threads=1)["threads"] == 1
    backend.synchronize("cpu")
    assert {"autograd", "compile", "export"} <= set(backend.features())


@pytest.mark.parametrize(
    ("system", "counted", "due"),
    [
        # kilobytes there, bytes here: the same half gibibyte
        ("linux", 524_288, 1 << 29),
        ("darwin", 1 << 29, 1 << 29),
    ],
)
def test_peak_memory_is_bytes_on_every_system(
    system: str,
    counted: int,
    due: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import resource  # not on Windows, where this one test fails

    usage = SimpleNamespace(ru_maxrss=counted)
    monkeypatch.setattr(resource, "getrusage", lambda who: usage)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("backends.base.STATUS", tmp_path / "not here")
    assert peak_resident_bytes() == due


@pytest.mark.skipif(sys.platform != "linux", reason="told by Linux alone")
def test_a_child_does_not_count_what_its_parent_held() -> None:
    held = np.ones(200 << 17)  # 200 MiB
    asked = "from backends.base import peak_resident_bytes as p; print(p())"
    child = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, check=True, text=True
    )
    assert 0 < int(child.stdout) < held.nbytes


@pytest.mark.parametrize("name", models.names())
def test_no_zoo_model_meets_a_gap(name: str, backend: Backend) -> None:
    spec = models.build(name, preset="small")
    assert missing_ops(backend, spec.train) == {}
    assert missing_ops(backend, spec.infer) == {}


def test_a_gap_is_named_with_its_reason(
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    g = Builder("sums")
    g.output("y", g.input("x", (2, 3)).cos().sum(axis=1, keepdims=False))
    kernels = dict(backend.kernels)
    for op in ("sum", "cos"):  # primitives: no body stands in for them
        del kernels[op]
    monkeypatch.setattr(type(backend), "kernels", kernels)
    monkeypatch.setattr(type(backend), "gaps", {"sum": "reduces in 16 bits"})
    assert missing_ops(backend, g.finish()) == {
        "sum": "reduces in 16 bits",
        "cos": "no kernel",
    }


def test_weights_go_in_and_come_out(backend: Backend) -> None:
    weights = params.draw(layer().params, seed=1)
    out = loaded(backend, layer()).params()
    assert out.keys() == weights.keys()
    for name, array in weights.items():
        assert_close(out[name], array, rtol=0, what=name)
        assert out[name].shape == array.shape


def test_a_checkpoint_that_does_not_fit_loads_nothing(backend: Backend) -> None:
    program = loaded(backend, layer())
    before = program.params()
    other = {name: array + 1 for name, array in before.items() if name != "fc.bias"}
    with pytest.raises(BadInput, match="fc.bias is missing"):
        program.load(other)
    after = program.params()
    for name, array in before.items():
        assert np.array_equal(after[name], array), name


@pytest.mark.parametrize("batch", [1, 5])
def test_symbolic_axes_are_bound_at_the_call(batch: int, backend: Backend) -> None:
    program = loaded(backend, layer())
    x = np.random.default_rng(0).normal(size=(batch, 3))
    weights = program.params()
    h = x @ weights["fc.weight"].T + weights["fc.bias"]
    due = h / (1 + 1e-5) ** 0.5  # fresh statistics: mean 0, variance 1
    assert_close(program({"x": x})["y"], due, rtol=1e-5, what="y")


def test_one_output_comes_by_name_too(backend: Backend) -> None:
    program = loaded(backend, layer().with_outputs("y"))
    assert set(program({"x": np.ones((2, 3))})) == {"y"}


def test_running_statistics_move_in_a_train_graph_alone(backend: Backend) -> None:
    x = np.random.default_rng(0).normal(2.0, 3.0, size=(64, 3))
    for train in (True, False):
        graph = layer(train=train)
        program = loaded(backend, graph)
        weights = params.draw(graph.params, seed=1)
        program({"x": x})
        after = program.params()
        due = {"mean": np.zeros(4), "var": np.ones(4)}
        if train:
            h = x @ weights["fc.weight"].T + weights["fc.bias"]
            # a tenth of the way, from 0 and from 1; the variance is the unbiased one
            due = {"mean": 0.1 * h.mean(0), "var": 0.9 + 0.1 * h.var(0, ddof=1)}
        for name, array in due.items():
            came = after[f"bn.running_{name}"]
            assert_close(came, array, rtol=1e-5, what=f"{name}, train={train}")
        assert int(after["bn.num_batches_tracked"]) == int(train)


def test_a_device_that_is_not_here_is_refused_with_the_reason(backend: Backend) -> None:
    said = f"{backend.name}: device tpu is not usable here: unknown device kind"
    with pytest.raises(Unsupported, match=said):
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
        if not reason:
            assert backend.device(kind) == kind
            continue
        said = f"device {kind} is not usable here: {reason}"
        with pytest.raises(Unsupported, match=said):
            backend.device(kind)


def test_a_framework_without_a_device_is_no_failure(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = {"cuda": "no driver", "cpu": "no licence"}
    monkeypatch.setattr(type(backend), "devices", lambda self: none)
    said = "no device is usable here: cuda: no driver, cpu: no licence"
    with pytest.raises(Unsupported, match=said):
        backend.device("auto")


def test_a_cpu_repeats_its_bits_and_an_accelerator_need_not(backend: Backend) -> None:
    assert backend.repeats("cpu") == ""
    assert "order" in backend.repeats("cuda")


def test_the_oracle_draws_no_noise() -> None:
    oracle = backends.load("numpy")
    g = Builder("noisy")
    g.output("y", g.input("x", ("batch", 3)).dropout(rate=0.5, name="drop"))
    with pytest.raises(Unsupported, match="is fed its noise"):
        oracle.program(g.finish(), Settings(draw_noise=True))


def test_a_rule_that_the_framework_lacks_is_refused(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = importlib.import_module(f"backends.{backend.name}.train")
    if not hasattr(train, "native_optimizer"):
        pytest.skip(f"{backend.name} runs the written rules, and so each of them")
    monkeypatch.setitem(optim.RULES, "lion", optim.RULES["adam"])
    lion = optim.Optimizer("lion", lr=0.1, weight_decay=0.0)
    graph = models.build("simple_baseline", preset="tiny").train
    with pytest.raises(Unsupported, match="lion: .*train.py has no rule for it"):
        # JAX looks for the rule when it is given weights, the others before
        backend.trainer(graph, lion, Settings()).load(params.draw(graph.params, seed=1))


def test_the_oracle_knows_full_precisions_alone() -> None:
    oracle = backends.load("numpy")
    said = "numpy: NumPy has no mixed precision; use fp64 or fp32"
    with pytest.raises(Unsupported, match=said):
        oracle.program(layer(), Settings(precision="bf16"))
    exact = oracle.program(layer(), Settings(precision="fp64"))
    # whatever comes in
    fed = exact.put({"x": np.ones((1, 3), np.float32)})
    assert fed["x"].dtype == np.float64


def test_taps_show_inner_values_and_move_no_state() -> None:
    program = NumpyProgram(layer(train=True), Settings(precision="fp64"))
    program.load(params.draw(layer(train=True).params, seed=1))
    before = program.params()
    feeds = program.put({"x": np.random.default_rng(0).normal(size=(8, 3))})
    taps = program.taps(feeds)
    assert {node.name for node in program.graph.nodes} <= set(taps)
    after = program.params()
    for name, array in before.items():
        assert np.array_equal(after[name], array), name
    # now it moves: `run` comes last
    due = program.run(feeds)["y"]
    assert_close(taps[program.graph.outputs["y"]], due, rtol=0, what="y")
