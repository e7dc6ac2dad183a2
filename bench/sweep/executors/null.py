"""Answers every cell at once with nothing measured: what a sweep costs by itself."""

from __future__ import annotations

from collections.abc import Sequence

from bench.sweep.order import Ended, Executor, Hurried, Order, Setting, lost

AT_ONCE = 64


class Null:
    """Nobody computes."""

    def __init__(self) -> None:
        self._orders: list[Order] = []

    def takes(self, order: Order) -> bool:
        """As many as a cluster would hold."""
        return len(self._orders) < AT_ONCE

    def submit(self, order: Order) -> None:
        """Remember it until it is asked for."""
        self._orders.append(order)

    def ended(self, seconds: float) -> Sequence[Ended]:
        """All of them."""
        orders, self._orders = self._orders, []
        return [_answered(order) for order in orders]

    def close(self, hurried: Hurried = lambda: False) -> None:
        """Nothing is at work."""


def start(setting: Setting) -> Executor:
    """The null executor."""
    return Null()


def environment(setting: Setting, backend: str) -> str:
    """None that any number could come of."""
    return "null"


def _answered(order: Order) -> Ended:
    """No number came of it, and nothing went wrong."""
    said = {"status": "not_measured", "reason": "the null executor measures nothing"}
    found = lost(order, "")
    records = [record.model_copy(update=said) for record in found.records]
    return Ended(order.number, tuple(records))
