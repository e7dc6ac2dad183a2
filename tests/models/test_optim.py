"""Optimizer rules against numbers done by hand, and native optimizers against the rules."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from backends.base import Backend, Settings, Trainer
from backends.numpy.train import NumpyTrainer
from models.builder import Builder
from models.errors import BadInput, UnknownName
from models.graph import Graph
from models.optim import LATER, RULES, Optimizer
from models.params import Arrays
from tests.asserts import assert_close

STEPS = 6
# one group of two parameters, and one parameter alone; the others have the rate itself
RATES = (("a.weight", 0.25), ("b.bias", 2.0), ("b.weight", 0.25))
every_rule = pytest.mark.parametrize("rule", RULES)
State = tuple[float, ...]


def by_hand(rule: str, *, decay: float = 0.0) -> Optimizer:
    """Round numbers, so that a step can be done on paper."""
    return Optimizer(
        rule,
        lr=0.1,
        weight_decay=decay,
        momentum=0.9,
        beta1=0.9,
        beta2=0.99,
        alpha=0.9,
        eps=1e-8,
    )


@pytest.mark.parametrize(
    ("rule", "state", "due", "kept"),
    [
        # velocity 2; 1 - 0.1 * 2
        ("sgd", (0.0,), 0.8, (2.0,)),
        # corrected moments 2 and 4: one step of lr
        ("adam", (0.0, 0.0), 0.9, (0.2, 0.04)),
        ("adamw", (0.0, 0.0), 0.9, (0.2, 0.04)),
        # square 0.1 * 4
        ("rmsprop", (0.0,), 1 - 0.2 / 0.4**0.5, (0.4,)),
    ],
)
def test_the_first_step(rule: str, state: State, due: float, kept: State) -> None:
    param, after = by_hand(rule).update(1.0, 2.0, state, 1)
    # 1e-7: eps is not 0
    assert_close(param, due, rtol=1e-7, what=rule)
    assert_close(after, kept, rtol=1e-12, what=f"{rule} state")


def test_the_second_step_of_momentum() -> None:
    param, (velocity,) = by_hand("sgd").update(0.8, 1.0, (2.0,), 2)
    assert velocity == pytest.approx(0.9 * 2.0 + 1.0)
    assert param == pytest.approx(0.8 - 0.1 * 2.8)


def test_the_second_step_of_adam() -> None:
    param, moments = by_hand("adam").update(0.9, -1.0, (0.2, 0.04), 2)
    assert moments == pytest.approx((0.08, 0.0496))
    # divided by 1 - 0.9^2 and 1 - 0.99^2
    mean, square = 0.08 / 0.19, 0.0496 / 0.0199
    assert param == pytest.approx(0.9 - 0.1 * mean / square**0.5)


@pytest.mark.parametrize(
    ("rule", "state", "due"),
    [
        # shrinks by lr * decay
        ("adamw", (0.0, 0.0), 0.95),
        # a normalised step of lr, however large the decay
        ("adam", (0.0, 0.0), 0.9),
        ("sgd", (0.0,), 0.95),
    ],
)
def test_decay_is_decoupled_in_adamw_alone(rule: str, state: State, due: float) -> None:
    """With gradient 0, a step is the decay alone."""
    param, _ = by_hand(rule, decay=0.5).update(1.0, 0.0, state, 1)
    assert param == pytest.approx(due)


def test_epsilon_stands_outside_the_root() -> None:
    loud = Optimizer("adam", lr=1.0, weight_decay=0.0, eps=1.0)
    param, _ = loud.update(0.0, 2.0, (0.0, 0.0), 1)
    assert param == pytest.approx(-2 / (2 + 1))


def test_amsgrad_goes_by_the_largest_square() -> None:
    own = replace(by_hand("adam"), amsgrad=True)
    param, kept = own.update(0.9, -1.0, (0.2, 0.04, 1.0), 2)
    assert kept == pytest.approx((0.08, 0.0496, 1.0))
    assert param == pytest.approx(0.9 - 0.1 * (0.08 / 0.19) / (1 / 0.0199) ** 0.5)
    assert own.slots() == 3
    with pytest.raises(BadInput, match="optimizer sgd: it has no amsgrad; adam has"):
        replace(by_hand("sgd"), amsgrad=True)


def test_parameters_have_rates_of_their_own() -> None:
    own = replace(by_hand("sgd"), rates=RATES)
    assert own.of("a.weight").lr == pytest.approx(0.025)
    assert own.of("a.bias") is own
    said = own.describe()
    assert said["rate x 0.25"] == "2 parameters"
    assert "rates" not in said


def test_an_unknown_rule_is_named() -> None:
    said = "unknown optimizer 'adamm': did you mean adam"
    with pytest.raises(UnknownName, match=said):
        Optimizer("adamm", lr=0.1, weight_decay=0.0)


def test_the_numbers_can_be_recorded() -> None:
    optimizer = Optimizer("adamw", lr=1e-3, weight_decay=0.01)
    numbers = optimizer.describe()
    # what came later is said only where it is asked for: fingerprints of before have none of it
    later = {name: getattr(optimizer, name) for name in LATER}
    assert not any(later.values())
    assert asdict(optimizer) == numbers | later
    assert Optimizer(**numbers) == optimizer
    clipping = replace(optimizer, clip_norm=1.0)
    assert Optimizer(**clipping.describe()) == clipping


@pytest.mark.parametrize(
    ("rule", "slots"), [("adam", 2), ("adamw", 2), ("rmsprop", 1), ("sgd", 1)]
)
def test_a_rule_says_how_many_arrays_it_keeps(rule: str, slots: int) -> None:
    assert by_hand(rule).slots() == slots


def graph() -> Graph:
    g = Builder("regression")
    x = g.input("x", ("batch", 3))
    y = g.input("y", ("batch", 2))
    hidden = x.linear(4, name="a").tanh()
    error = hidden.linear(2, name="b") - y
    square = error * error
    g.output("loss", square.mean(axis=(0, 1), keepdims=False))
    return g.finish()


def weights() -> Arrays:
    draw = np.random.default_rng(0)
    arrays: Arrays = {}
    for name, param in graph().params.items():
        shape = tuple(int(str(length)) for length in param.type.shape)
        arrays[name] = draw.normal(size=shape).astype(np.float32)
    return arrays


def descend(trainer: Trainer, *, steps: int = STEPS, first: int = 0) -> list[float]:
    """Losses of some steps on data that differs from step to step.

    The learning rate is halved on the way.
    """
    losses = []
    for step in range(first, first + steps):
        # seeded by the step, so that a trainer that starts later sees the same data
        draw = np.random.default_rng(step)
        if step == 3:
            trainer.set_lr(0.01)
        x = draw.normal(size=(5, 3))
        y = draw.normal(size=(5, 2))
        feeds = trainer.program.put({"x": x, "y": y})
        losses.append(float(trainer.step(feeds)))
    return losses


@pytest.mark.parametrize(
    ("rule", "decay", "changes"),
    [
        *((rule, decay, {}) for rule in RULES for decay in (0.0, 0.1)),
        *((rule, 0.1, {"rates": RATES}) for rule in RULES),
        ("adam", 0.1, {"amsgrad": True}),
        ("adamw", 0.1, {"amsgrad": True, "rates": RATES}),
        ("sgd", 0.1, {"momentum": 0.0, "rates": RATES}),
    ],
)
def test_a_native_optimizer_follows_the_rule(
    rule: str, decay: float, changes: dict[str, Any], backend: Backend
) -> None:
    # none of the defaults: a number that a backend leaves out would go unseen
    optimizer = Optimizer(
        rule,
        lr=0.02,
        weight_decay=decay,
        momentum=0.8,
        beta1=0.85,
        beta2=0.95,
        alpha=0.9,
        eps=1e-3,
    )
    optimizer = replace(optimizer, **changes)
    oracle = NumpyTrainer(graph(), optimizer, Settings(precision="fp64"))
    native = backend.trainer(graph(), optimizer, Settings())
    oracle.program.load(weights())
    native.program.load(weights())
    label = f"{backend.name} {rule}"
    assert_close(descend(native), descend(oracle), rtol=1e-5, what=f"{label} losses")
    due = oracle.program.params()
    for name, array in native.program.params().items():
        assert_close(array, due[name], rtol=1e-5, what=f"{label} {name}")
        moved = np.abs(array - weights()[name]).max()
        assert moved > 1e-3, "the weights have moved"


@every_rule
def test_a_weight_without_a_part_in_the_loss_decays_as_the_rule_says(
    rule: str, backend: Backend
) -> None:
    """And takes a gradient that is given to it later."""
    g = Builder("idle")
    x = g.input("x", ("batch", 3))
    idle = g.param("idle", (3,), init=("ones", 0.0))
    used = x * g.param("used", (3,), init=("ones", 0.0))
    g.output("pose", used * idle)
    g.output("loss", (used * used).mean(axis=(0, 1), keepdims=False))
    optimizer = Optimizer(rule, lr=0.02, weight_decay=0.1)
    made = g.finish()
    oracle = NumpyTrainer(made, optimizer, Settings(precision="fp64"))
    native = backend.trainer(made, optimizer, Settings())
    for trainer in (oracle, native):
        trainer.program.load({name: np.full(3, 2.0) for name in made.params})
        trainer.step(trainer.program.put({"x": np.ones((2, 3))}))
        trainer.apply({name: np.full(3, 0.5) for name in made.params})
    due = oracle.program.params()
    for name, array in native.program.params().items():
        assert_close(array, due[name], rtol=1e-5, what=f"{backend.name} {rule} {name}")


@every_rule
def test_gradients_given_by_hand_are_applied_as_the_rule_says(
    rule: str, backend: Backend
) -> None:
    optimizer = Optimizer(rule, lr=0.02, weight_decay=0.1)
    trainer = backend.trainer(graph(), optimizer, Settings())
    trainer.program.load(weights())
    due = weights()
    states: dict[str, tuple[np.ndarray, ...]] = {}
    for name, array in due.items():
        # a rule gives new arrays and writes into none, so these may be one
        states[name] = (np.zeros(array.shape),) * optimizer.slots()
    for step in (1, 2, 3):
        grads: Arrays = {}
        for name, array in due.items():
            # the same draw for every array: what differs is its shape
            draw = np.random.default_rng(step)
            grads[name] = draw.normal(size=array.shape)
        trainer.apply(grads)
        for name, grad in grads.items():
            moved, kept = optimizer.update(due[name], grad, states[name], step)
            due[name], states[name] = moved, kept
    for name, array in trainer.program.params().items():
        assert_close(array, due[name], rtol=1e-5, what=f"{backend.name} {rule} {name}")


@pytest.mark.parametrize(
    ("rule", "changes"),
    [*((rule, {}) for rule in RULES), ("adam", {"amsgrad": True, "rates": RATES})],
)
def test_a_checkpoint_continues_where_it_stopped(
    rule: str, changes: dict[str, Any], backend: Backend
) -> None:
    optimizer = replace(Optimizer(rule, lr=0.02, weight_decay=0.01), **changes)

    def fresh() -> Trainer:
        return backend.trainer(graph(), optimizer, Settings())

    whole, half, rest = fresh(), fresh(), fresh()
    whole.program.load(weights())
    half.program.load(weights())
    descend(whole)
    descend(half, steps=3)
    rest.program.load(half.program.params())
    rest.load_state(half.state())
    descend(rest, steps=3, first=3)
    came = rest.program.params()
    for name, array in whole.program.params().items():
        assert_close(came[name], array, rtol=1e-6, what=f"{backend.name} {rule} {name}")
