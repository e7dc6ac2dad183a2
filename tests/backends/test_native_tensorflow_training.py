"""Training in TensorFlow: Keras optimizers held to the written rules, runs resumed exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backends
from models.errors import BadInput
from models.optim import RULES, Optimizer
from tests.backends.native import arrays, assert_all_close, assert_equal

if "tensorflow" not in backends.installed():
    pytest.skip("TensorFlow is not installed", allow_module_level=True)

from tests.backends.test_native_tensorflow import (  # noqa: E402  # after the skip
    COPIES,
    layer,
    trainer,
)

# after the import above, which sets what both read when they are imported
import keras  # noqa: E402  # isort: skip
import tensorflow as tf  # noqa: E402  # isort: skip

from backends.tensorflow import train  # noqa: E402

pytestmark = pytest.mark.filterwarnings(COPIES)


@pytest.mark.parametrize("rule", list(RULES))
def test_native_optimizers_follow_the_rule_also_when_the_rate_changes(
    rule: str,
) -> None:
    graph = layer()
    made = trainer(graph, rule)
    start = made.program.params()
    due = {name: array.astype(np.float64) for name, array in start.items()}
    state: dict[str, tuple[np.ndarray, ...]] = {}
    draw = np.random.default_rng(0)
    for step, lr in enumerate((1e-2, 3e-3, 1e-3, 5e-2), start=1):
        optimizer = Optimizer(rule, lr, 1e-2)
        made.set_lr(lr)
        # from 1e-3 down to 1e-12, where epsilon decides
        scale = 10.0 ** -(3 * step)
        grads = {}
        for name in graph.trainable():
            grads[name] = draw.normal(0, scale, due[name].shape).astype(np.float32)
        made.apply(grads)
        for name, grad in grads.items():
            empty = tuple(np.zeros_like(due[name]) for _ in range(optimizer.slots()))
            held, wide = state.get(name, empty), grad.astype(np.float64)
            new, moved = optimizer.update(due[name], wide, held, step)
            due[name], state[name] = new, moved
    assert_all_close(made.program.params(), due, rtol=2e-6)


def first_step(optimizer: Any, gradient: float) -> float:
    """How far a parameter of 0 goes at a learning rate of 1."""
    variable = keras.Variable(np.zeros(1, np.float32))
    optimizer.apply([tf.constant([gradient])], [variable])
    return -float(variable.numpy()[0])


def stock_rmsprop() -> Any:
    return keras.optimizers.RMSprop(1.0, rho=0.99, epsilon=1e-8)


@pytest.mark.parametrize(
    ("rule", "stock", "gradient", "shorter"),
    [
        ("adam", lambda: keras.optimizers.Adam(1.0, epsilon=1e-8), 1e-6, 0.23),
        ("adam", lambda: keras.optimizers.Adam(1.0), 1e-6, 0.76),
        ("rmsprop", stock_rmsprop, 1e-3, 0.29),
    ],
)
def test_what_the_stock_optimizers_do_differently(
    rule: str,
    stock: Callable[[], Any],
    gradient: float,
    shorter: float,
) -> None:
    """The numbers that the module gives for having optimizers of its own."""
    ours = first_step(train.native_optimizer(Optimizer(rule, 1.0, 0.0)), gradient)
    theirs = first_step(stock(), gradient)
    assert 1 - theirs / ours == pytest.approx(shorter, abs=0.01)


@pytest.mark.parametrize("rule", list(RULES))
def test_a_resumed_training_draws_and_steps_as_if_never_stopped(rule: str) -> None:
    graph = layer(drop=0.4)
    fed = arrays(graph)
    whole, part = (trainer(graph, rule, draw_noise=True) for _ in range(2))
    for one in (whole, part):
        for _ in range(3):
            one.step(one.program.put(fed))
    # another seed: what follows must come from the state that was kept
    fresh = trainer(graph, rule, draw_noise=True, seed=99)
    fresh.program.load(part.program.params())
    fresh.load_state(part.state())
    for _ in range(2):
        came = float(fresh.step(fresh.program.put(fed)))
        assert came == float(whole.step(whole.program.put(fed)))
    assert_equal(whole.program.params(), fresh.program.params())


@pytest.mark.parametrize("rule", list(RULES))
def test_the_state_of_another_optimizer_is_refused(rule: str) -> None:
    graph = layer(drop=0.4)
    made = trainer(graph, rule, draw_noise=True)
    another = "adam" if RULES[rule][0] == 1 else "sgd"
    other = trainer(graph, another, draw_noise=True)
    said = "the optimizer's state does not fit, .* differences: bn.bias#1"
    with pytest.raises(BadInput, match=said):
        other.load_state(made.state())
