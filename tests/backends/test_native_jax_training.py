"""Compiled training with optax: memory is reused safely, optimizers follow the written
rule, runs resume exactly, faults are named.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models.errors import BadInput
from models.optim import Optimizer
from tests.asserts import assert_close

jax = pytest.importorskip("jax", reason="JAX is not installed")
optax = pytest.importorskip("optax", reason="optax is not installed")

import jax.numpy as jnp  # noqa: E402  # after the skips

from backends.jax.train import JaxTrainer, scale_by_adam  # noqa: E402
from tests.backends.test_native_jax import (
    arrays,
    dense,
    realised,
    small,
    trained,
)  # noqa: E402


def test_stepping_reuses_memory_and_harms_nothing_that_was_given_out() -> None:
    trainer = trained(small("simple_baseline").train, draw_noise=True)
    program = trainer.program
    start, old = program.params(), dict(program.values)
    kept = {name: array.copy() for name, array in start.items()}
    feeds = program.put(arrays(program.graph, noise=False))
    losses = [trainer.step(feeds) for _ in range(4)]
    assert all(
        value.is_deleted()
        for name, value in old.items()
        if name in program.graph.trainable()
    ), "donated"
    assert all(np.array_equal(start[name], kept[name]) for name in start), (
        "copies stay as they were"
    )
    assert not any(value.is_deleted() for value in feeds.values())
    assert len({float(loss) for loss in losses}) == 4 and all(
        map(math.isfinite, map(float, losses))
    )
    assert any(
        not np.array_equal(kept[name], program.params()[name])
        for name in program.graph.trainable()
    )
    assert int(program.params()["batch_norm1.num_batches_tracked"]) == 4
    trainer.gradients(feeds)  # the arrays in the program are alive


def test_one_compilation_serves_every_learning_rate() -> None:
    trainer = trained(dense(train=True))
    feeds = trainer.program.put(arrays(trainer.program.graph))
    moved = []
    for lr in (1e-2, 1e-3, 0.0):
        trainer.set_lr(lr)
        before = trainer.program.params()["fc.weight"]
        trainer.step(feeds)
        moved.append(np.abs(trainer.program.params()["fc.weight"] - before).max())
    assert moved[0] > 3 * moved[1] > 0 and moved[2] == 0
    assert trainer._step._cache_size() == 1


@pytest.mark.parametrize("rule", ["sgd", "adam", "adamw", "rmsprop"])
def test_optimizers_follow_the_written_rule(rule: str) -> None:
    """Adam's early bias corrections are the hard part: optax's own are off by 1e-5 of the
    update.
    """
    optimizer = Optimizer(rule, 1e-2, 1e-2)
    trainer = trained(dense(train=True), optimizer)
    draw = np.random.default_rng(2)
    due = {
        name: trainer.program.params()[name].astype(np.float64)
        for name in trainer.program.graph.trainable()
    }
    slots = {
        name: tuple(np.zeros_like(array) for _ in range(optimizer.slots()))
        for name, array in due.items()
    }
    for step in range(1, 6):
        grads = {
            name: draw.normal(size=array.shape).astype(np.float32)
            for name, array in due.items()
        }
        before = trainer.program.params()
        trainer.apply(grads)
        for name, grad in grads.items():
            old = before[name].astype(np.float64)
            new, slots[name] = optimizer.update(
                old, grad.astype(np.float64), slots[name], step
            )
            assert_close(
                (trainer.program.params()[name] - old) / optimizer.lr,
                (new - old) / optimizer.lr,
                rtol=3e-5,
                what=f"{rule} {step}",
            )


def test_bias_corrections_are_closer_to_the_rule_than_those_of_optax() -> None:
    o, grad = Optimizer("adam", 1.0, 0.0), {"w": jnp.full(3, 0.25)}
    due = -o.update(np.zeros(3), np.full(3, 0.25), (np.zeros(3), np.zeros(3)), 1)[0]
    errors = []
    for rule in (optax.scale_by_adam(o.beta1, o.beta2, o.eps), scale_by_adam(o)):
        updates, _ = rule.update(grad, rule.init(grad))
        errors.append(float(np.abs(updates["w"] / due - 1).max()))
    assert errors[1] < 1e-6 < 5e-6 < errors[0] < 3e-5


@pytest.mark.parametrize("rule", ["sgd", "adam", "adamw", "rmsprop"])
def test_training_resumes_exactly(rule: str) -> None:
    graph = small("simple_baseline").train

    def fresh() -> JaxTrainer:
        return trained(graph, Optimizer(rule, 1e-3, 1e-2), draw_noise=True, seed=5)

    first, second = fresh(), fresh()
    feeds = first.program.put(arrays(graph, noise=False))
    for _ in range(3):
        first.step(feeds)
    weights, state = (
        first.program.params(),
        {name: array.copy() for name, array in first.state().items()},
    )
    due = [float(first.step(feeds)) for _ in range(3)]
    second.step(feeds)
    second.program.load(weights)
    second.load_state(state)
    assert [float(second.step(feeds)) for _ in range(3)] == due
    for name, array in first.program.params().items():
        assert np.array_equal(second.program.params()[name], array), name
    assert all(
        np.array_equal(second.state()[name], array) for name, array in first.state().items()
    )


def test_the_state_of_another_optimizer_is_refused_and_nothing_is_loaded() -> None:
    sgd, adam = (
        trained(dense(train=True), Optimizer(rule, 1e-2, 0.0)) for rule in ("sgd", "adam")
    )
    before = adam.state()
    assert any(name.endswith("mu/fc.weight") for name in before) and "key" in before
    with pytest.raises(
        BadInput, match="the optimizer's state does not fit, .* differences: .*trace/"
    ):
        adam.load_state(sgd.state())
    assert all(np.array_equal(adam.state()[name], array) for name, array in before.items())


def test_running_statistics_move_alike_compiled_or_not() -> None:
    graph = dense(train=True)
    fed = arrays(graph, batch=16)
    due = NumpyProgram(graph, Settings(precision="fp64"))
    programs = [due, realised(graph), realised(graph, compiled=True)]
    due.load(programs[1].params())
    for program in programs:
        program(fed)
        program(fed)
    for program in programs[1:]:
        for name in ("bn.running_mean", "bn.running_var", "bn.num_batches_tracked"):
            assert_close(program.params()[name], due.params()[name], rtol=1e-5, what=name)
