"""What a trainer is asked, rule by rule: gradients, steps, the rate, and a state to go on from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from backends.base import Settings, Trainer
from backends.numpy.train import NumpyTrainer
from bench.kit import graphs
from bench.kit.sheets import Asking, compared
from bench.processes.contract import bare
from models import params as initial
from models.optim import RULES, Optimizer

Arrays = Mapping[str, np.ndarray]
# well above most gradients: else a step is of the rate's size, whatever the gradient
EPSILON = 1e-2


def trainers(asking: Asking) -> Iterator[str]:
    """Each rule that is declared, on one graph with a dead parameter."""
    declared = asking.ask("Backend.optimizers", asking.backend.optimizers)
    for rule in RULES:
        if not declared.get(rule, ""):
            yield from _trainer(asking, Optimizer(rule, 0.1, 1e-3, eps=EPSILON))


def _trainer(asking: Asking, optimizer: Optimizer) -> Iterator[str]:
    graph, rule = graphs.training(), optimizer.rule
    own = _made(asking, optimizer)
    oracle = NumpyTrainer(graph, optimizer, Settings(precision="fp32"))
    oracle.program.load(initial.draw(graph.params, seed=1))
    # each another, the last of another length: what captures a call may hold its batch
    batches = [_fed(2, 4), _fed(3, 4), _fed(4, 4), _fed(5, 6)]
    feeds = [asking.ask("Program.put", own.program.put, batch) for batch in batches]
    loss, grads = asking.ask("Trainer.gradients", own.gradients, feeds[0])
    due_loss, due_grads = oracle.gradients(batches[0])
    came = {"loss": np.array(loss), **grads}
    due = {"loss": np.array(due_loss), **due_grads}
    yield from _told(own, came, due, f"gradients with {rule}")
    for number, rate in enumerate((0.1, 0.01), 1):
        asking.ask("Trainer.set_lr", own.set_lr, rate)
        oracle.set_lr(rate)
        asking.ask(f"Trainer.step with {rule}", own.step, feeds[number])
        oracle.step(batches[number])
    came = _params(asking, own)
    yield from _told(own, came, oracle.program.params(), f"two steps of {rule}")
    asking.ask(f"Trainer.step of two batches with {rule}", own.step, *feeds[2:])
    oracle.step(*batches[2:])
    came = _params(asking, own)
    yield from _told(own, came, oracle.program.params(), "a step of two batches")
    yield from _gone_on(asking, own, optimizer)


def _gone_on(asking: Asking, own: Trainer, optimizer: Optimizer) -> Iterator[str]:
    """A new trainer from weights and state makes the step that the old one makes."""
    again = _made(asking, optimizer)
    saved = _copied(asking.ask("Trainer.state", own.state))
    again.program.load(_params(asking, own))
    asking.ask("Trainer.load_state", again.load_state, saved)
    grads = {
        name: np.full_like(array, 0.1) for name, array in _params(asking, own).items()
    }
    for one in (own, again):
        asking.ask("Trainer.set_lr", one.set_lr, 0.05)
        asking.ask("Trainer.apply", one.apply, grads)
    due, came = _params(asking, own), _params(asking, again)
    where = f"a step of {optimizer.rule} from a saved state"
    yield from _told(again, came, due, where)


def _made(asking: Asking, optimizer: Optimizer) -> Trainer:
    graph = graphs.training()
    settings = Settings(device=asking.device)
    call = f"Backend.trainer with {optimizer.rule}"
    made: Trainer = asking.ask(call, asking.backend.trainer, graph, optimizer, settings)
    asking.ask("Program.load", made.program.load, initial.draw(graph.params, seed=1))
    return made


def _params(asking: Asking, trainer: Trainer) -> dict[str, np.ndarray]:
    return _copied(asking.ask("Program.params", trainer.program.params))


def _copied(arrays: Arrays) -> dict[str, np.ndarray]:
    """A framework may give views of what its next step changes."""
    return {name: np.array(array) for name, array in arrays.items()}


def _told(trainer: Trainer, came: Arrays, due: Arrays, where: str) -> Iterator[str]:
    name = type(bare(trainer)).__name__
    yield from compared(f"{name}, {where},", came, due)


def _fed(seed: int, length: int) -> dict[str, np.ndarray]:
    drawn = np.random.default_rng(seed).normal(size=(length, 3))
    return {"x": drawn.astype(np.float32)}
