"""How faults are planted: where they should be, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import models
from backends.base import Backend, Program, Settings
from backends.numpy.backend import NumpyBackend
from bench import tasks
from bench.audit import catalogue
from bench.audit.fault import Fault
from bench.audit.faults import activations, gradients
from bench.audit.planting import graphs, noise, patches
from bench.audit.planting.proxy import Planting, WrongBackend
from bench.audit.subjects import SUBJECTS
from bench.parity import rungs
from bench.processes import contract
from models import ops
from models.builder import Builder
from models.graph import Graph
from models.optim import Optimizer

STILL = Optimizer("sgd", 0.0, 0.0)


def graph() -> Graph:
    """y = relu(w x) with a loss, its lines known."""
    builder = Builder("small_train")
    x = builder.input("x", ("batch", 3))
    with builder.at("mine.py:1"):
        h = x.linear(3, name="w")
    with builder.at("mine.py:2"):
        y = h.relu()
    builder.output("y", y)
    builder.output("loss", y.sum(axis=(0, 1), keepdims=False))
    return builder.finish()


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    drawn = {"w.weight": rng.normal(size=(3, 3)), "w.bias": rng.normal(size=3)}
    return {name: np.float32(array) for name, array in drawn.items()}


X = np.float32(np.random.default_rng(1).normal(size=(4, 3)))


def answers(backend: Any) -> dict[str, np.ndarray]:
    """Outputs, then gradients, of a backend that may be wrong."""
    program = backend.program(graph(), Settings())
    program.load(weights())
    trainer = backend.trainer(graph(), STILL, Settings())
    trainer.program.load(weights())
    _, grads = trainer.gradients(trainer.program.put({"x": X}))
    found: dict[str, np.ndarray] = {**program({"x": X}), **grads}
    return found


def of(fault: Fault) -> WrongBackend:
    return WrongBackend(NumpyBackend(), fault.planting)


def named(faults: tuple[Fault, ...], name: str) -> Fault:
    return next(fault for fault in faults if fault.name == name)


# Nothing planted


def test_a_proxy_without_a_fault_is_the_backend_itself() -> None:
    honest, proxy = NumpyBackend(), WrongBackend(NumpyBackend(), Planting())
    right, came = answers(honest), answers(proxy)
    assert all(np.array_equal(came[name], array) for name, array in right.items())
    assert proxy.name == honest.name and proxy.modes == honest.modes
    assert isinstance(proxy.program(graph(), Settings()), Program)
    assert proxy.device("auto") == "cpu"


# In the graph


def test_a_fault_in_an_op_is_in_that_op_alone_and_keeps_its_line() -> None:
    wrong = of(named(activations.FAULTS, "relu: the absolute value"))
    came, right = answers(wrong), answers(NumpyBackend())
    assert not np.allclose(came["y"], right["y"])
    assert wrong.touched.nodes == {("relu", "mine.py:2")}
    assert wrong.touched.slips == set()


def test_a_fault_in_a_gradient_leaves_every_bit_of_the_value() -> None:
    wrong = of(named(gradients.FAULTS, "relu: straight through"))
    came, right = answers(wrong), answers(NumpyBackend())
    assert np.array_equal(came["y"], right["y"])
    assert not np.allclose(came["w.bias"], right["w.bias"])
    np.testing.assert_allclose(came["w.bias"], [4, 4, 4])  # of a sum over four rows


def test_a_fault_that_fits_no_rule_is_a_slip_and_no_catch() -> None:
    rewrite = graphs.nodes("relu", lambda x: x.sum(axis=0, keepdims=False))
    wrong = WrongBackend(NumpyBackend(), Planting(graph=rewrite))
    with pytest.raises(ValueError, match="was planted where"):
        wrong.program(graph(), Settings())
    assert len(wrong.touched.slips) == 1


def test_inputs_and_results_are_bent_where_they_enter_and_leave() -> None:
    cut = graphs.inputs(lambda x: x.maximum(0.0))
    wrong = WrongBackend(NumpyBackend(), Planting(graph=cut))
    program = wrong.program(graph(), Settings())
    program.load(weights())
    right = NumpyBackend().program(graph(), Settings())
    right.load(weights())
    due = right({"x": np.maximum(X, 0)})
    assert np.array_equal(program({"x": X})["y"], due["y"])
    doubled = graphs.results(lambda y: y * 2.0)
    wrong = WrongBackend(NumpyBackend(), Planting(graph=doubled))
    came, due = answers(wrong), answers(NumpyBackend())
    np.testing.assert_array_equal(came["y"], 2 * due["y"])
    np.testing.assert_array_equal(came["loss"], 2 * due["loss"])


@pytest.mark.parametrize("digits", [8, 11])
def test_rounding_keeps_as_many_digits_as_it_says(digits: int) -> None:
    builder = Builder("rounding")
    builder.output("y", graphs.rounded(builder.input("x", (1000,)), digits))
    program = NumpyBackend().program(builder.finish(), Settings())
    program.load({})
    x = np.float32(np.random.default_rng(0).normal(size=1000))
    y = program({"x": x})["y"]
    off = np.abs(y - x) / np.abs(x)
    assert 2.0 ** -(digits + 2) < off.max() <= 2.0**-digits
    mantissa, _ = np.frexp(y)
    whole = mantissa * 2.0**digits
    assert np.array_equal(whole, np.rint(whole))


# Noise


def test_noise_of_numpy_keeps_its_rate_its_calls_apart_and_its_seed() -> None:
    builder = Builder("noise")
    x = builder.input("x", ("batch", 100))
    builder.output("y", x.dropout(rate=0.25, name="a").dropout(rate=0.25, name="b"))
    noisy = builder.finish()
    first, again = (noise.Drawing(noisy, Settings(seed=3)) for _ in range(2))
    one, two = first.all({"batch": 100}), first.all({"batch": 100})
    assert abs(one["a.mask"].mean() - 0.75) < 0.03
    assert not np.array_equal(one["a.mask"], two["a.mask"])
    assert not np.array_equal(one["a.mask"], one["b.mask"])
    assert np.array_equal(again.all({"batch": 100})["a.mask"], one["a.mask"])
    other = noise.Drawing(noisy, Settings(seed=4)).all({"batch": 100})
    assert not np.array_equal(other["a.mask"], one["a.mask"])


def test_a_backend_that_refuses_to_draw_noise_cannot_draw_it_wrongly() -> None:
    assert "noise" in noise.undrawn(NumpyBackend())


def test_wrong_noise_reaches_a_backend_that_leaves_drawing_to_the_harness() -> None:
    class Nothing(noise.Drawing):
        def mask(self, rng: np.random.Generator, kept: float, shape: Any) -> np.ndarray:
            return np.zeros(shape)

    builder = Builder("noise")
    x = builder.input("x", ("batch", 2))
    builder.output("y", x.dropout(rate=0.5, name="drop"))
    wrong = WrongBackend(NumpyBackend(), noise.drawn(Nothing))
    seen = contract.watched(cast(Backend, wrong), contract.Watch())
    program = seen.program(builder.finish(), Settings(draw_noise=True))
    assert not program({"x": np.ones((3, 2), np.float32)})["y"].any()


# In the harness


def test_what_is_patched_is_put_back_whatever_was_raised() -> None:
    place = "bench.audit.planting.graphs"
    with (
        pytest.raises(RuntimeError),
        patches.patched([(place, "always", lambda real: "wrong")]),
    ):
        assert graphs.always == "wrong"  # type: ignore[comparison-overlap]
        raise RuntimeError
    assert graphs.always(Settings()) is True
    with pytest.raises(AttributeError), patches.patched([(place, "absent", str)]):
        pass


# The catalogue


def test_the_catalogue_is_large_and_of_every_kind() -> None:
    kinds = [kind for kind, _ in catalogue.table().values()]
    assert len(kinds) > 300
    due = "kernel gradient noise optimizer trainer program precision device pipeline"
    assert set(kinds) == {*due.split(), "none"}


@pytest.mark.parametrize("name", catalogue.table())
def test_every_fault_can_be_put_where_it_says(name: str, tmp_path: Path) -> None:
    _, fault = catalogue.table()[name]
    assert not fault.op or fault.op in ops.table()
    assert set(fault.ops) <= set(ops.table())
    assert set(fault.tasks) <= set(tasks.table())
    assert set(fault.blind) <= set(rungs.names())
    assert not fault.model or SUBJECTS[fault.model].model in models.names()
    assert fault.model or fault.tasks[0] == "shape_ops"
    with patches.patched(fault.patches):
        pass  # whatever is patched is there
