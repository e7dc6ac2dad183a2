"""Optimizer rules against numbers done by hand, and each backend's native optimizer against
the rule.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from backends.base import Backend, Settings, Trainer
from backends.numpy.train import NumpyTrainer
from models.builder import Builder
from models.errors import UnknownName
from models.graph import Graph
from models.optim import RULES, Optimizer
from tests.asserts import assert_close

STEPS = 6


def once(
    rule: str,
    *,
    param: float,
    grad: float,
    state: tuple[float, ...],
    step: int,
    decay: float = 0.0,
) -> tuple[float, tuple[float, ...]]:
    optimizer = Optimizer(
        rule,
        lr=0.1,
        weight_decay=decay,
        momentum=0.9,
        beta1=0.9,
        beta2=0.99,
        alpha=0.9,
        eps=1e-8,
    )
    return optimizer.update(param, grad, state, step)


@pytest.mark.parametrize(
    ("rule", "state", "due", "kept"),
    [
        ("sgd", (0.0,), 0.8, (2.0,)),  # velocity 2; 1 - 0.1 * 2
        ("adam", (0.0, 0.0), 0.9, (0.2, 0.04)),  # corrected moments 2 and 4: one step of lr
        ("adamw", (0.0, 0.0), 0.9, (0.2, 0.04)),
        ("rmsprop", (0.0,), 1 - 0.2 / 0.4**0.5, (0.4,)),  # square 0.1 * 4
    ],
)
def test_the_first_step(
    rule: str, state: tuple[float, ...], due: float, kept: tuple[float, ...]
) -> None:
    param, after = once(rule, param=1.0, grad=2.0, state=state, step=1)
    assert_close(param, due, rtol=1e-7, what=rule)
    assert_close(after, kept, rtol=1e-12, what=f"{rule} state")


def test_the_second_step_of_momentum() -> None:
    param, (velocity,) = once("sgd", param=0.8, grad=1.0, state=(2.0,), step=2)
    assert (param, velocity) == pytest.approx((0.8 - 0.1 * 2.8, 2.8))


def test_the_second_step_of_adam() -> None:
    param, (first, second) = once("adam", param=0.9, grad=-1.0, state=(0.2, 0.04), step=2)
    assert (first, second) == pytest.approx((0.08, 0.0496))
    assert param == pytest.approx(0.9 - 0.1 * (0.08 / 0.19) / (0.0496 / 0.0199) ** 0.5)


def test_decay_is_decoupled_in_adamw_alone() -> None:
    """With gradient 0, Adam's normalised step ignores how large the decay is, AdamW's
    shrinks the weight by lr * decay.
    """
    assert once("adamw", param=1.0, grad=0.0, state=(0.0, 0.0), step=1, decay=0.5)[
        0
    ] == pytest.approx(0.95)
    assert once("adam", param=1.0, grad=0.0, state=(0.0, 0.0), step=1, decay=0.5)[
        0
    ] == pytest.approx(0.9)
    assert once("sgd", param=1.0, grad=0.0, state=(0.0,), step=1, decay=0.5)[
        0
    ] == pytest.approx(0.95)


def test_epsilon_stands_outside_the_root() -> None:
    loud = Optimizer("adam", lr=1.0, weight_decay=0.0, eps=1.0)
    assert loud.update(0.0, 2.0, (0.0, 0.0), 1)[0] == pytest.approx(-2 / (2 + 1))


def test_an_unknown_rule_is_named() -> None:
    with pytest.raises(UnknownName, match="unknown optimizer 'adamm': did you mean adam"):
        Optimizer("adamm", lr=0.1, weight_decay=0.0)


def test_the_numbers_can_be_recorded() -> None:
    optimizer = Optimizer("adamw", lr=1e-3, weight_decay=0.01)
    assert (
        optimizer.describe() == asdict(optimizer)
        and Optimizer(**optimizer.describe()) == optimizer
    )
    assert [Optimizer(rule, lr=1, weight_decay=0).slots() for rule in sorted(RULES)] == [
        2,
        2,
        1,
        1,
    ]


def graph() -> Graph:
    g = Builder("regression")
    x, y = g.input("x", ("batch", 3)), g.input("y", ("batch", 2))
    error = x.linear(4, name="a").tanh().linear(2, name="b") - y
    g.output("loss", (error * error).mean(axis=(0, 1), keepdims=False))
    return g.finish()


def weights() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        name: (
            draw.normal(size=tuple(map(int, map(str, param.type.shape)))).astype(np.float32)
        )
        for name, param in graph().params.items()
    }


def descend(trainer: Trainer, *, steps: int = STEPS, first: int = 0) -> list[float]:
    """Losses of some steps on data that differs from step to step; the learning rate is
    halved on the way.
    """
    losses = []
    for step in range(first, first + steps):
        draw = np.random.default_rng(step)
        if step == 3:
            trainer.set_lr(0.01)
        feeds = trainer.program.put(
            {"x": draw.normal(size=(5, 3)), "y": draw.normal(size=(5, 2))}
        )
        losses.append(float(trainer.step(feeds)))
    return losses


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("rule", RULES)
def test_a_native_optimizer_follows_the_rule(
    rule: str, decay: float, backend: Backend
) -> None:
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
    oracle, native = (
        NumpyTrainer(graph(), optimizer, Settings(precision="fp64")),
        backend.trainer(graph(), optimizer, Settings()),
    )
    for trainer in (oracle, native):
        trainer.program.load(weights())
    assert_close(
        descend(native), descend(oracle), rtol=1e-5, what=f"{backend.name} {rule} losses"
    )
    due = oracle.program.params()
    for name, array in native.program.params().items():
        assert_close(array, due[name], rtol=1e-5, what=f"{backend.name} {rule} {name}")
        assert np.abs(array - weights()[name]).max() > 1e-3, "the weights have moved"


@pytest.mark.parametrize("rule", RULES)
def test_gradients_given_by_hand_are_applied_as_the_rule_says(
    rule: str, backend: Backend
) -> None:
    optimizer = Optimizer(rule, lr=0.02, weight_decay=0.1)
    trainer = backend.trainer(graph(), optimizer, Settings())
    trainer.program.load(weights())
    due, states = (
        weights(),
        {
            name: tuple(np.zeros(array.shape) for _ in range(optimizer.slots()))
            for name, array in weights().items()
        },
    )
    for step in (1, 2, 3):
        grads = {
            name: np.random.default_rng(step).normal(size=array.shape)
            for name, array in due.items()
        }
        trainer.apply(grads)
        for name, grad in grads.items():
            due[name], states[name] = optimizer.update(due[name], grad, states[name], step)
    for name, array in trainer.program.params().items():
        assert_close(array, due[name], rtol=1e-5, what=f"{backend.name} {rule} {name}")


@pytest.mark.parametrize("rule", RULES)
def test_a_checkpoint_continues_where_it_stopped(rule: str, backend: Backend) -> None:
    optimizer = Optimizer(rule, lr=0.02, weight_decay=0.01)

    def fresh() -> Trainer:
        return backend.trainer(graph(), optimizer, Settings())

    whole, half, rest = fresh(), fresh(), fresh()
    for trainer in (whole, half):
        trainer.program.load(weights())
    descend(whole)
    descend(half, steps=3)
    rest.program.load(half.program.params())
    rest.load_state(half.state())
    descend(rest, steps=3, first=3)
    for name, array in whole.program.params().items():
        assert_close(
            rest.program.params()[name],
            array,
            rtol=1e-6,
            what=f"{backend.name} {rule} {name}",
        )
