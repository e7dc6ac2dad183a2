"""Training steps as ONNX graphs: right by the rule, resumed exactly, run without PosePort."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy.backend import NumpyBackend
from models import params
from models.optim import Optimizer
from models.stepping import LR, STEP
from tests.asserts import assert_close
from tests.backends.native import (
    RULES,
    ZOO,
    arrays,
    assert_equal,
    small,
)

pytest.importorskip("onnx", reason="onnx is not installed")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


from backends.onnx.writer import NEXT  # noqa: E402  # after the skips
from tests.backends.onnx_models import CPU, trainer  # noqa: E402


@RULES
def test_the_exported_step_trains_in_plain_onnx_runtime(rule: str) -> None:
    """State out goes in again; nothing of PosePort runs."""
    ours = trainer(small("simple_baseline").train, rule=rule, draw_noise=False)
    graph = ours.program.graph
    session = ort.InferenceSession(ours.native.SerializeToString(), providers=[CPU])
    names = [output.name for output in session.get_outputs()]
    slots = {k: array for k, array in ours.state().items() if not k.startswith("#")}
    held = {**ours.program.params(), **slots}
    asked = {one.name for one in session.get_inputs()}
    assert asked == {*held, *graph.inputs, *graph.noise, LR, STEP}
    for step in (1, 2, 3):
        feeds = arrays(graph, batch=5 + step)
        clock = {LR: np.array(1e-3, np.float32), STEP: np.array(step)}
        made = session.run(None, {**held, **feeds, **clock})
        results = dict(zip(names, made, strict=True))
        held = {key: results[NEXT + key] for key in held}
        loss = ours.step(ours.program.put(feeds))
        assert_close(loss, results["loss"], rtol=0, what=f"loss {step}")
    assert_equal({**ours.program.params(), **ours.state()}, held)


@RULES
def test_the_step_graph_follows_the_written_rule(rule: str) -> None:
    graph = small("simple_baseline").train
    # with a tiny one a step has the size of the rate, be the gradient rounding alone
    eps = 1e-3
    ours = trainer(graph, rule=rule, eps=eps, draw_noise=False)
    optimizer = Optimizer(rule, 1e-3, 0.01, eps=eps)
    exact = Settings(precision="fp64")
    due = NumpyBackend().trainer(graph, optimizer, exact)
    due.program.load(params.draw(graph.params, seed=1))
    start = ours.program.params()
    for _ in range(3):
        feeds = arrays(graph)
        came = ours.step(ours.program.put(feeds))
        loss = due.step(due.program.put(feeds))
        assert_close(came, loss, rtol=2e-5, what="loss")
    ends, exact_ends = ours.program.params(), due.program.params()
    compared = 0
    for name, array in exact_ends.items():
        change = np.linalg.norm(array - start[name])
        # not biases before a batch norm: their gradient is 0, and rounding
        if change > 1e-4:
            compared += 1
            off = np.linalg.norm(ends[name] - array)
            assert off <= 1e-2 * change, name
    assert compared > 10


@ZOO
def test_training_resumes_exactly(name: str) -> None:
    spec = small(name)
    feeds = []
    for batch in (3, 4, 2, 3):
        feeds.append(arrays(spec.train, batch=batch, frames=spec.frames))
    one, other = trainer(spec.train), trainer(spec.train)
    losses = [float(one.step(one.program.put(fed))) for fed in feeds[:2]]
    other.program.load(one.program.params())
    other.load_state(one.state())
    for made in (one, other):
        made.set_lr(5e-4)
    for fed in feeds[2:]:
        losses.append(float(one.step(one.program.put(fed))))
        assert float(other.step(other.program.put(fed))) == losses[-1]
    assert np.isfinite(losses).all()
    assert len(set(losses)) == len(losses)
    assert_equal(other.program.params(), one.program.params())
    assert_equal(other.state(), one.state())


def test_gradients_leave_the_weights_and_move_the_statistics() -> None:
    ours = trainer(small("simple_baseline").train)
    graph = ours.program.graph
    before = ours.program.params()
    loss, grads = ours.gradients(ours.program.put(arrays(graph)))
    after = ours.program.params()
    assert np.isfinite(loss)
    assert set(grads) == set(graph.trainable())
    moved = [name for name in before if not np.array_equal(before[name], after[name])]
    assert set(moved) == set(graph.state)


def test_learning_rate_reaches_the_step() -> None:
    ours = trainer(small("simple_baseline").train, draw_noise=False)
    before = ours.program.params()
    ours.set_lr(0.0)
    ours.step(ours.program.put(arrays(ours.program.graph)))
    still = ours.program.params()
    for name in ours.program.graph.trainable():
        assert np.array_equal(before[name], still[name]), name
    assert ours.optimizer == replace(Optimizer("adamw", 1e-3, 0.01), lr=0.0)
    assert ours.steps == 1
