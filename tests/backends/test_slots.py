"""Optimizer state in a checkpoint: one framework goes on from where another was."""

from __future__ import annotations

import numpy as np
import pytest

import backends
from backends.base import Backend, Settings, Trainer
from backends.slots import STEPS, whole
from models.errors import BadInput
from models.optim import RULES, Optimizer
from tests.asserts import assert_close
from tests.models.test_optim import descend, graph, weights

every_rule = pytest.mark.parametrize("rule", [*RULES, "amsgrad"])
SHAPES = {"a": (2,), "b": (3,)}


def made(backend: Backend, rule: str) -> Trainer:
    amsgrad = rule == "amsgrad"
    name = "adam" if amsgrad else rule
    optimizer = Optimizer(name, lr=0.02, weight_decay=0.01, amsgrad=amsgrad)
    trainer = backend.trainer(graph(), optimizer, Settings())
    trainer.program.load(weights())
    return trainer


@every_rule
def test_a_state_has_the_names_and_numbers_of_the_rule(
    rule: str, backend: Backend
) -> None:
    native, oracle = made(backend, rule), made(backends.load("numpy"), rule)
    for trainer in (native, oracle):
        descend(trainer, steps=3)
    came, due = native.state(), oracle.state()
    assert due.keys() <= came.keys() and int(came[STEPS]) == 3
    for name, array in due.items():
        assert_close(came[name], array, rtol=1e-4, what=f"{backend.name} {name}")
    # what is left is the framework's own: where its noise stands, how it scales a loss
    assert all("#random" in one or "." not in one for one in came.keys() - due.keys())


@every_rule
@pytest.mark.parametrize("first", ["numpy", "native"])
def test_another_framework_goes_on_from_it(
    rule: str, first: str, backend: Backend
) -> None:
    both = (backend, backends.load("numpy"))
    one, other = both if first == "native" else both[::-1]
    due, half, rest = made(one, rule), made(one, rule), made(other, rule)
    descend(due)
    descend(half, steps=3)
    # a step of its own, which the state that is loaded must undo
    descend(rest, steps=1)
    rest.program.load(half.program.params())
    rest.load_state(half.state())
    descend(rest, steps=3, first=3)
    came = rest.program.params()
    for name, array in due.program.params().items():
        assert_close(came[name], array, rtol=1e-5, what=f"{one.name} {rule} {name}")


def test_a_parameter_that_never_moved_has_slots_of_zeros() -> None:
    found = whole({STEPS: np.array(2), "a#0": np.ones(2)}, SHAPES, sgd())
    assert found.keys() == {STEPS, "a#0", "b#0"}
    np.testing.assert_array_equal(found["b#0"], np.zeros(3))


def sgd() -> Optimizer:
    return Optimizer("sgd", 0.1, 0.0)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"a#0": np.ones(2)}, "#steps"),
        ({STEPS: np.array(1), "a#0": np.ones(2), "a#1": np.ones(2)}, "a#1"),
        ({STEPS: np.array(1), "a#0": np.ones(3)}, "a#0"),
        ({STEPS: np.array(1), "c#0": np.ones(3)}, "c#0"),
    ],
    ids=["no count", "another rule", "another shape", "another model"],
)
def test_a_state_that_does_not_fit_is_refused(
    state: dict[str, np.ndarray], said: str
) -> None:
    with pytest.raises(BadInput, match=f"does not fit, 1 differences: {said};"):
        whole(state, SHAPES, sgd())


def test_one_slot_of_two_is_another_rule() -> None:
    state = {STEPS: np.array(1), "a#0": np.ones(2)}
    with pytest.raises(BadInput, match="a#1"):
        whole(state, SHAPES, Optimizer("adam", 0.1, 0.0))
