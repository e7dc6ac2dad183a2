"""A sweep of nothing that computes: an executor that answers from a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from bench.records import Record
from bench.sweep import index, lots, points
from bench.sweep.conducting import Sweep
from bench.sweep.keys import Keys
from bench.sweep.order import Ended, Executor, Hurried, Order, lost

# nothing is trained or read: what is asked is what a sweep makes of the answers
BASE = {
    "tasks": ["feasibility"],
    "backend": "numpy",
    "device": "cpu",
    "threads": 1,
    "model": "simple_baseline",
}
Answer = Callable[[Order], Sequence[str]]  # a status for each cell


class Fake:
    """Answers orders in turn, and notes them."""

    def __init__(self, answer: Answer | None = None, *, room: int = 2) -> None:
        self.orders: list[Order] = []
        self.closed = 0
        self._answer = answer or (lambda order: ["ok"] * len(order.jobs))
        self._room = room
        self._waiting: list[Order] = []

    def takes(self, order: Order) -> bool:
        return len(self._waiting) < (1 if order.alone else self._room)

    def submit(self, order: Order) -> None:
        assert self.takes(order)
        self.orders.append(order)
        self._waiting.append(order)

    def ended(self, seconds: float) -> Sequence[Ended]:
        if not self._waiting:
            return []
        order = self._waiting.pop()
        blank = lost(order, "as the test says").records
        found = [
            Record.model_validate({**record.model_dump(), "status": status})
            for record, status in zip(blank, self._answer(order), strict=True)
        ]
        return [Ended(order.number, tuple(found))]

    def close(self, hurried: Hurried = lambda: False) -> None:
        self.closed += 1
        self._waiting.clear()


def written(folder: Path, **said: object) -> Path:
    """The file of a sweep."""
    file = folder / "sweep.yaml"
    base = {**BASE, **said.pop("base", {})}  # type: ignore[dict-item]
    file.write_text(yaml.safe_dump({"base": base, **said}))
    return file


def here(backend: str) -> None:
    """Every backend's environment is this one."""


def swept(file: Path, executor: Executor, *, keys: Keys | None = None) -> Sweep:
    """The sweep of a file beside which it lies, done."""
    found = points.of(file)
    plan = lots.planned(found, keys or Keys(here), lambda text, share: None)
    known = index.read(file.parent)
    heard: list[Record] = []
    sweep = Sweep(
        found,
        file.parent,
        known,
        plan,
        lambda run, record: heard.append(record),
        "sweep",
    )
    sweep.execute(executor)
    return sweep


def statuses(sweep: Sweep) -> list[str]:
    """How the cells have ended, in the order of the plan."""
    return [sweep.index.cells[key].status for lot in sweep.lots for key in lot.keys]
