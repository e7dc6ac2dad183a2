"""Gradients of several batches and their clipping: by hand, and native against the rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backends.base import Backend, Feeds, Settings, Trainer
from backends.numpy.train import NumpyTrainer
from models.optim import NEAR_ZERO, RULES, Optimizer
from models.params import Arrays
from tests.asserts import assert_close
from tests.models.test_optim import graph, weights

SGD = Optimizer("sgd", lr=0.1, weight_decay=0.01, momentum=0.9)
TIGHT = {"clip_norm": 0.05}  # far below the norms that come
CASES: list[tuple[str, dict[str, float]]] = [
    *((rule, TIGHT) for rule in RULES),
    ("sgd", {"clip_value": 0.01}),
    ("sgd", {"clip_norm": 1e3}),
    ("sgd", {}),
]
SIZES = (5, 3, 2)  # of batches, which count alike whatever their size


def feeds(trainer: Trainer, step: int) -> list[Feeds]:
    draw = np.random.default_rng(step)
    return [
        trainer.program.put(
            {"x": draw.normal(size=(n, 3)), "y": draw.normal(size=(n, 2))}
        )
        for n in SIZES
    ]


def norm(grads: Arrays) -> float:
    return float(
        np.sqrt(sum((grad.astype(float) ** 2).sum() for grad in grads.values()))
    )


def test_the_norm_is_that_of_all_gradients_together() -> None:
    grads = {"a": np.array([3.0, 0.0]), "b": np.array(4.0)}
    clipped = replace(SGD, clip_norm=2.5).clipped(grads)
    assert clipped["a"][0] == pytest.approx(3 * 2.5 / (5 + NEAR_ZERO))
    assert norm(clipped) == pytest.approx(2.5, rel=1e-6)


def test_gradients_below_the_norm_stay_as_they_are() -> None:
    grads = {"a": np.array([3.0, 0.0]), "b": np.array(4.0)}
    clipped = replace(SGD, clip_norm=5.1).clipped(grads)
    assert all(np.array_equal(clipped[name], grads[name]) for name in grads)


def test_values_are_held_on_both_sides() -> None:
    clipped = replace(SGD, clip_value=1.0).clipped({"a": np.array([3.0, -4.0, 0.5])})
    assert clipped["a"].tolist() == [1.0, -1.0, 0.5]


@pytest.mark.parametrize(("rule", "changes"), CASES)
def test_native_steps_on_several_batches_follow_the_rule(
    rule: str, changes: dict[str, float], backend: Backend
) -> None:
    optimizer = replace(SGD, rule=rule, eps=1e-3, **changes)
    oracle = NumpyTrainer(graph(), optimizer, Settings(precision="fp64"))
    native = backend.trainer(graph(), optimizer, Settings())
    for trainer in (oracle, native):
        trainer.program.load(weights())
    for step in range(4):
        due, came = (float(one.step(*feeds(one, step))) for one in (oracle, native))
        assert_close(came, due, rtol=1e-5, what=f"{backend.name} {rule} loss")
    expected = oracle.program.params()
    for name, array in native.program.params().items():
        assert_close(array, expected[name], rtol=2e-5, what=f"{backend.name} {name}")


def test_a_step_takes_the_mean_of_the_gradients(backend: Backend) -> None:
    """By hand: without momentum and decay the weights move by the rate times the mean."""
    plain = replace(SGD, momentum=0.0, weight_decay=0.0)
    trainer = backend.trainer(graph(), plain, Settings())
    trainer.program.load(weights())
    batches = feeds(trainer, 0)
    found = [trainer.gradients(batch) for batch in batches]
    loss = float(trainer.step(*batches))
    assert_close(loss, np.mean([one for one, _ in found]), rtol=1e-5, what="loss")
    for name, array in trainer.program.params().items():
        due = weights()[name] - 0.1 * np.mean(
            [grads[name] for _, grads in found], axis=0
        )
        assert_close(array, due, rtol=1e-5, what=f"{backend.name} {name}")


def test_gradients_given_by_hand_are_clipped_too(backend: Backend) -> None:
    plain = replace(SGD, momentum=0.0, weight_decay=0.0, **TIGHT)
    trainer = backend.trainer(graph(), plain, Settings())
    trainer.program.load(weights())
    grads: Arrays = {name: np.ones(array.shape) for name, array in weights().items()}
    trainer.apply(grads)
    moved = trainer.program.params()
    steps = {name: (weights()[name] - array) / 0.1 for name, array in moved.items()}
    assert norm(steps) == pytest.approx(0.05, rel=1e-4)
