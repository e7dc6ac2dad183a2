"""A backend that gives `program` alone trains: gradient graph, written rule, noise by NumPy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from backends.base import (
    Breach,
    Settings,
    TapeTrainer,
    Trainer,
    Unsupported,
    by_shapes,
    each,
    gradient_trainer,
)
from backends.numpy.train import NumpyTrainer
from models import optim, params
from models.builder import Builder
from models.graph import Graph
from models.optim import Optimizer
from tests.asserts import assert_close
from tests.backends.eager import Tensor, TinyBackend, TinyProgram

RATES = (("fc.weight", 0.5), ("fc.bias", 0.0))
# a tiny epsilon would make steps of the rounding of gradients that batch norm cancels
EPS = 1e-2
RULES = {
    "sgd": Optimizer("sgd", 0.1, 1e-2),
    "adamw": Optimizer("adamw", 0.01, 1e-2, eps=EPS, rates=RATES),
    "amsgrad": Optimizer("adam", 0.01, 0.0, eps=EPS, amsgrad=True),
    "rmsprop": Optimizer("rmsprop", 0.01, 0.0, eps=EPS, clip_norm=0.1),
    "clipped": Optimizer("sgd", 0.1, 0.0, clip_value=1e-3),
}


def graph(*, rate: float = 0.0) -> Graph:
    g = Builder("small")
    x = g.input("x", ("batch", 3)).linear(4, name="fc")
    x = x.batch_norm(eps=1e-5, momentum=0.1, train=True, name="bn").relu()
    x = x.dropout(rate=rate, name="drop") if rate else x
    g.param("dead", (2,), init=("ones", 0.0))
    g.output("pose", x)
    g.output("loss", (x * x).mean(axis=(0, 1), keepdims=False))
    return g.finish()


def started(made: Graph, trainer: Trainer) -> Trainer:
    trainer.program.load(params.draw(made.params, seed=3))
    return trainer


def batches(count: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [{"x": rng.normal(size=(5, 3)).astype(np.float32)} for _ in range(count)]


def trained(trainer: Trainer, steps: int, *, accumulate: int = 1) -> dict[str, Any]:
    fed = [trainer.program.put(one) for one in batches(steps * accumulate)]
    for i in range(steps):
        trainer.set_lr(0.01 / (1 + i))
        trainer.step(*fed[i * accumulate : (i + 1) * accumulate])
    return trainer.program.params()


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("rule", RULES)
def test_it_steps_as_the_oracle_does(rule: str, accumulate: int) -> None:
    made, optimizer = graph(), RULES[rule]
    own = started(made, TinyBackend().trainer(made, optimizer, Settings()))
    oracle = NumpyTrainer(made, optimizer, Settings(precision="fp64"))
    due = trained(started(made, oracle), 4, accumulate=accumulate)
    came = trained(own, 4, accumulate=accumulate)
    assert came.keys() == due.keys() == made.params.keys()
    for name, array in due.items():
        assert_close(came[name], array, rtol=1e-4, what=f"{rule}: {name}")
        assert came[name].dtype == made.params[name].type.dtype
    if optimizer.rates:
        assert (came["fc.bias"] == params.draw(made.params, seed=3)["fc.bias"]).all()


@pytest.mark.parametrize("rule", RULES)
def test_it_goes_on_from_its_state_to_the_bit(rule: str) -> None:
    made, optimizer = graph(), RULES[rule]
    first = started(made, TinyBackend().trainer(made, optimizer, Settings()))
    trained(first, 2)
    again = TinyBackend().trainer(made, optimizer, Settings())
    again.program.load(first.program.params())
    again.load_state(first.state())
    due, came = (trained(one, 2) for one in (first, again))
    assert all(np.array_equal(came[name], due[name]) for name in due)
    # as the checkpoints of every framework have them
    slots = {f"fc.weight#{i}" for i in range(optimizer.slots())}
    assert {"#steps", *slots} <= first.state().keys()


def test_a_parameter_that_the_loss_does_not_know_has_gradient_zero() -> None:
    made = graph()
    trainer = started(made, gradient_trainer(TinyBackend(), made, Settings()))
    _, grads = trainer.gradients(trainer.program.put(batches(1)[0]))
    assert grads.keys() == set(made.trainable())
    assert np.array_equal(grads["dead"], np.zeros(2))


def test_noise_is_drawn_where_the_backend_draws_none() -> None:
    made = graph(rate=0.5)
    drawing = Settings(draw_noise=True, seed=7)

    def fresh(settings: Settings = drawing) -> Trainer:
        return started(made, TinyBackend().trainer(made, RULES["sgd"], settings))

    x = batches(1)[0]
    one, twin, other = fresh(), fresh(), fresh(replace(drawing, seed=8))
    losses = [
        [t.gradients(t.program.put(x))[0] for _ in "abc"] for t in (one, twin, other)
    ]
    assert losses[0] == losses[1] != losses[2]
    assert len(set(losses[0])) == 3, "each call draws anew"
    resumed = fresh()
    resumed.program.load(one.program.params())
    resumed.load_state(one.state())
    fed = one.program.put(x)
    assert resumed.step(fed) == one.step(fed), "it draws on where it was saved"


def test_the_state_of_another_framework_is_taken_and_draws() -> None:
    made, rule = graph(rate=0.5), RULES["sgd"]
    oracle = started(made, NumpyTrainer(made, rule, Settings()))
    fed = {**batches(1)[0], "drop.mask": np.ones((5, 4), np.float32)}
    name = next(iter(made.noise))
    oracle.step(oracle.program.put({**fed, name: fed["drop.mask"]}))
    own = TinyBackend().trainer(made, rule, Settings(draw_noise=True))
    own.load_state(oracle.state())
    assert int(own.state()["#steps"]) == 1


def test_a_tensor_of_another_shape_is_no_gradient() -> None:
    class Flat(TinyProgram):
        def array(self, value: Any) -> np.ndarray:
            return value.held.ravel()

    class Bent(TinyBackend):
        def program(self, graph: Graph, settings: Settings) -> Any:
            return Flat(graph, settings, self.kernels)

    made = graph()
    trainer = Bent().trainer(made, RULES["sgd"], Settings())
    said = r"^Flat.numpy gave shape \(12,\) for gradient fc.weight; \(4, 3\) was due$"
    with pytest.raises(Breach, match=said):
        trainer.gradients(trainer.program.put(batches(1)[0]))


def test_gradients_are_asked_with_a_rule_that_is_there() -> None:
    class Poor(TinyBackend):
        asked: list[str] = []
        lacking = {"sgd": "no momentum"}

        def optimizers(self) -> dict[str, str]:
            return self.lacking

        def trainer(
            self, graph: Graph, optimizer: Optimizer, settings: Settings
        ) -> Any:
            self.asked.append(optimizer.rule)
            if optimizer.rule == "adam":
                raise Unsupported("no adam, undeclared")
            return super().trainer(graph, optimizer, settings)

    gradient_trainer(Poor(), graph(), Settings())
    assert Poor.asked == ["adam", "adamw"]
    Poor.lacking = dict.fromkeys(optim.RULES, "none at all")
    with pytest.raises(Unsupported, match="tiny has no optimizer: sgd: none at all"):
        gradient_trainer(Poor(), graph(), Settings())


def test_what_a_backend_leaves_out_has_an_answer() -> None:
    backend = TinyBackend()
    assert (backend.gaps, backend.part_gaps, backend.draws_noise) == ({}, (), False)
    assert backend.devices() == {"cpu": ""} and backend.device("auto") == "cpu"
    precisions = backend.precisions("cpu")
    assert precisions.pop("fp32") == "" and all(precisions.values())
    assert backend.features() == {"autograd": "no: gradient graph"}
    assert backend.pin(threads=2) == {"threads": 2}
    assert (backend.peak_memory("cpu") or 0) > 1_000_000
    assert backend.peak_memory("cuda") is None
    backend.synchronize("cpu")
    with pytest.raises(
        Unsupported, match="tiny on cpu: bf16: backend tiny declares no"
    ):
        backend.program(graph(), Settings(precision="bf16"))
    with pytest.raises(Unsupported, match="device cuda is not usable here: unknown"):
        backend.program(graph(), Settings(device="cuda"))


def test_bfloat16_crosses_as_float32() -> None:
    g = Builder("half")
    x = g.input("x", (3,), dtype="bfloat16")
    g.output("y", x + x)
    program = TinyBackend().program(g.finish(), Settings())
    came = program({"x": np.array([1.00390625, 2.0, -3.0])})["y"]
    assert came.dtype.name == "bfloat16" and came.tolist() == [2.0, 4.0, -6.0]


class Differences(TapeTrainer):
    """A tape that asks the function itself; of what it does not know it gives nothing."""

    def differentiate(self, loss: Any) -> Any:
        def slopes(weights: Any, *given: Any) -> Any:
            grads = {}
            for name, weight in weights.items():

                def at(held: np.ndarray, *, of: str = name) -> float:
                    return float(loss({**weights, of: Tensor(held)}, *given).held)

                slope = slopes_of(at, weight.held)
                if slope.any():
                    grads[name] = Tensor(slope)
            return loss(weights, *given), grads

        return slopes


def slopes_of(at: Any, point: np.ndarray) -> np.ndarray:
    found = np.zeros_like(point)
    for place in np.ndindex(point.shape):
        nudge = np.zeros_like(point)
        nudge[place] = 1e-2
        found[place] = (at(point + nudge) - at(point - nudge)) / 2e-2
    return found


def test_a_tape_alone_trains_too() -> None:
    made = graph()
    program = TinyProgram(made, Settings(), TinyBackend.kernels)
    own = started(made, Differences(program, RULES["sgd"]))
    oracle = started(made, NumpyTrainer(made, RULES["sgd"], Settings()))
    x = batches(1)[0]
    loss, grads = own.gradients(own.program.put(x))
    due_loss, due = oracle.gradients(oracle.program.put(x))
    assert loss == pytest.approx(due_loss, rel=1e-5)
    assert np.array_equal(grads["dead"], np.zeros(2)), "where the tape gave none"
    for name in ("bn.weight", "bn.bias"):
        assert_close(grads[name], due[name], rtol=1e-2, what=name)
    for name in ("bn.running_mean", "bn.running_var"):
        came = own.program.params()[name]
        assert_close(came, oracle.program.params()[name], rtol=1e-5, what=name)


class Compiling(TinyProgram):
    """Keeps what is compiled, and what each call of it was given."""

    def compiled(self, function: Any) -> Any:
        calls: list[Any] = []
        self.kept = [*getattr(self, "kept", []), calls]

        def call(*given: Any) -> Any:
            calls.append(given)
            return function(*given)

        return call


def test_what_is_compiled_is_made_once_and_holds_no_batch() -> None:
    made = graph()
    program = Compiling(made, Settings(), TinyBackend.kernels)
    trainer = started(made, Differences(program, RULES["sgd"]))
    fed = [trainer.program.put(batch) for batch in batches(3)]
    losses = [trainer.gradients(feeds)[0] for feeds in fed]
    assert len(set(losses)) == 3
    forward, slopes = program.kept
    assert [given[-1] for given in forward] == [given[-1] for given in slopes] == fed
    weights, fixed, _ = slopes[0]
    assert tuple(weights) == made.trainable() and not weights.keys() & fixed.keys()
    assert weights.keys() | fixed.keys() == made.params.keys()


def test_op_by_op_nothing_is_compiled() -> None:
    program = Compiling(graph(), Settings(compiled=False), TinyBackend.kernels)
    Differences(program, RULES["sgd"])
    assert not hasattr(program, "kept")


def test_what_is_captured_fits_one_set_of_shapes() -> None:
    made: list[Any] = []

    def capture() -> Any:
        made.append(lambda given: {"y": given["x"] * 2})
        return made[-1]

    call = by_shapes(capture)
    for length in (3, 4, 3):
        assert call({"x": np.ones(length)})["y"].tolist() == [2.0] * length
    assert len(made) == 2
    assert call({"x": np.ones(3, np.int64)})["y"].dtype == np.int64
    assert len(made) == 3


def test_each_tensor_of_what_is_found_is_changed() -> None:
    found = (1, {"a": 2, "b": None})
    assert each(lambda x: -x, found) == (-1, {"a": -2, "b": None})


def test_an_op_that_is_not_there_is_unsupported_and_named() -> None:
    less = {
        name: kernel for name, kernel in TinyBackend.kernels.items() if name != "sqrt"
    }
    # batch norm runs by its body
    with pytest.raises(Unsupported, match="^no kernel of sqrt; small needs it$"):
        TinyProgram(graph(), Settings(), less)


def test_a_tape_is_asked_once_a_subclass_is_set_up() -> None:
    class Late(Differences):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.asked = 0

        def differentiate(self, loss: Any) -> Any:
            self.asked += 1
            return super().differentiate(loss)

    program = TinyBackend().program(graph(), Settings())
    trainer = Late(program, RULES["sgd"])
    assert trainer.asked == 0 and trainer._slopes is trainer._slopes
    assert trainer.asked == 1
