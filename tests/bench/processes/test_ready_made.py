"""What the contract has ready is watched as what an adapter writes, and blames the adapter."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from backends.base import (
    Backend,
    Breach,
    DrawingTrainer,
    GraphTrainer,
    Settings,
    Trainer,
    Unsupported,
)
from bench.processes import contract
from bench.processes.blame import said
from bench.processes.contract import Watch
from models import params
from models.builder import Builder
from models.graph import Graph
from models.optim import Optimizer
from tests.backends.eager import KERNELS, TinyBackend, TinyProgram

PLAIN = Optimizer("sgd", 0.1, 0.0)
X = {"x": np.ones((2, 3), np.float32)}


def graph(*, rate: float = 0.0) -> Graph:
    g = Builder("small")
    x = g.input("x", (2, 3)).linear(4, name="fc").tanh()
    x = x.dropout(rate=rate, name="drop") if rate else x
    g.output("loss", x.sum(axis=(0, 1), keepdims=False))
    return g.finish()


def watched(backend: Backend, watch: Watch | None = None) -> Backend:
    return contract.watched(backend, watch or Watch())


def trainer_of(backend: Backend, made: Graph, **settings: Any) -> Trainer:
    trainer = watched(backend).trainer(made, PLAIN, Settings(**settings))
    trainer.program.load(params.draw(made.params, seed=0))
    return trainer


def test_a_default_trainer_asks_a_watched_program() -> None:
    class Silent(TinyProgram):
        def run(self, feeds: Any) -> Any:
            return None

    class Made(TinyBackend):
        def program(self, graph: Graph, settings: Settings) -> Any:
            return Silent(graph, settings, self.kernels)

    trainer = trainer_of(Made(), graph())
    with pytest.raises(Breach, match="^Silent.run gave None; a dict of native tensors"):
        trainer.step(trainer.program.put(X))


def test_a_kernel_that_raises_is_the_programs_and_its_line_is_told() -> None:
    def tanh(x: Any) -> Any:
        raise FloatingPointError("no table of tanh")

    class Made(TinyBackend):
        kernels = {**KERNELS, "tanh": tanh}

    trainer = trainer_of(Made(), graph())
    with pytest.raises(FloatingPointError) as caught:
        trainer.step(trainer.program.put(X))
    told = (
        "TinyProgram.run raised FloatingPointError: no table of tanh (test_ready_made"
    )
    assert said(caught.value).startswith(told)


def test_precision_and_device_are_guarded_and_noted() -> None:
    class Careless(TinyBackend):
        def program(self, graph: Graph, settings: Settings) -> Any:
            return TinyProgram(graph, settings, self.kernels)

    watch = Watch()
    backend = watched(Careless(), watch)
    with pytest.raises(Unsupported, match="tiny on cpu: bf16: "):
        backend.program(graph(), Settings(precision="bf16"))
    with pytest.raises(Unsupported, match="device cuda is not usable here"):
        backend.trainer(graph(), PLAIN, Settings(device="cuda"))
    backend.trainer(graph(), PLAIN, Settings())
    assert list(watch.precisions) == ["fp32"]


def test_what_is_timed_is_not_watched_and_steps_the_same_weights() -> None:
    trainer = trainer_of(TinyBackend(), graph(rate=0.5), draw_noise=True)
    plain = cast(DrawingTrainer, contract.bare(trainer))
    assert isinstance(plain.inner, GraphTrainer)
    assert isinstance(plain.inner.program, TinyProgram)
    assert contract.timed(plain, "step") == "GraphTrainer.step"
    before = trainer.program.params()["fc.bias"]
    plain.step(trainer.program.put(X))
    assert not np.array_equal(trainer.program.params()["fc.bias"], before)
    # one generator: what one has drawn, the other does not draw again
    assert int(trainer.state()["#noise calls"]) == 1


class Taped(Trainer):
    """A trainer of an adapter, which differentiates and draws nothing."""

    def __init__(self, made: Trainer, settings: Settings) -> None:
        assert not settings.draw_noise, "it is never asked to"
        self.made = made
        self.program = made.program

    def gradients(self, feeds: Any) -> Any:
        return self.made.gradients(feeds)

    def apply(self, grads: Any) -> None:
        self.made.apply(grads)

    def step(self, feeds: Any, *more: Any) -> Any:
        return self.made.step(feeds, *more)

    def set_lr(self, lr: float) -> None:
        self.made.set_lr(lr)

    def state(self) -> Any:
        return self.made.state()

    def load_state(self, state: Any) -> None:
        self.made.load_state(state)


def test_noise_is_drawn_for_a_trainer_of_its_own_too() -> None:
    class Own(TinyBackend):
        def trainer(
            self, graph: Graph, optimizer: Optimizer, settings: Settings
        ) -> Any:
            return Taped(super().trainer(graph, optimizer, settings), settings)

    assert watched(Own()).features() == {}, "it differentiates by itself"
    trainer = trainer_of(Own(), graph(rate=0.5), draw_noise=True, seed=1)
    losses = {trainer.gradients(trainer.program.put(X))[0] for _ in range(4)}
    assert len(losses) > 1
    program = watched(Own()).program(graph(rate=0.5), Settings(draw_noise=True))
    assert len({float(program(X)["loss"]) for _ in range(4)}) > 1


def test_the_default_features_are_those_of_a_default_trainer() -> None:
    assert watched(TinyBackend()).features() == {"autograd": "no: gradient graph"}


def test_a_gradient_of_another_shape_is_laid_to_the_class_of_its_program() -> None:
    trainer = trainer_of(TinyBackend(), graph(rate=0.5))
    weight = trainer.program.weights()["fc.bias"]
    with pytest.raises(
        Breach, match=r"^TinyProgram\.numpy gave shape .* for x; \(9,\)"
    ):
        cast(GraphTrainer, trainer)._array(weight, (9,), "x")
