"""Workers on this machine, as many at once as it has cores for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence

from bench.coordinator.crew import LAST, join
from bench.processes.worker import GRACE
from bench.sweep.hands import Hands
from bench.sweep.order import Ended, Executor, Hurried, Order, Setting, lost


class Lane(threading.Thread):
    """A thread with a worker, which ends with it: to Linux it is the parent.

    A daemon: a worker that even a kill does not end holds its lane, not the coordinator.
    """

    def __init__(
        self, orders: queue.SimpleQueue[Order | None], done: queue.SimpleQueue[Ended]
    ) -> None:
        super().__init__(daemon=True)
        self.hands = Hands()
        self._orders = orders
        self._done = done

    def run(self) -> None:
        """Do orders until there are no more."""
        for order in iter(self._orders.get, None):
            self._done.put(_done(self.hands, order))
        self.hands.close()


class Local:
    """Lanes that share one queue."""

    def __init__(self, workers: int) -> None:
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._at_work = 0
        self._lanes = [Lane(self._orders, self._done) for _ in range(workers)]
        for lane in self._lanes:
            lane.start()

    def takes(self, order: Order) -> bool:
        """Where a lane is free; one that is timed, where nothing is at work."""
        return self._at_work < (1 if order.alone else len(self._lanes))

    def submit(self, order: Order) -> None:
        """Give it to a lane; one that is timed is done here and now."""
        self._at_work += 1
        if order.alone:
            self._done.put(_done(Hands(), order))
        else:
            self._orders.put(order)

    def ended(self, seconds: float) -> Sequence[Ended]:
        """Those that are done."""
        try:
            ended = self._done.get(timeout=seconds)
        except queue.Empty:
            return []
        self._at_work -= 1
        return [ended]

    def close(self, hurried: Hurried = lambda: False) -> None:
        """Let workers that are busy save their state; end those that do not."""
        for lane in self._lanes:
            self._orders.put(None)
            if self._at_work:
                lane.hands.interrupt()
        join(self._lanes, GRACE, hurried)
        for lane in self._lanes:
            if lane.is_alive():
                lane.hands.kill()
        join(self._lanes, LAST, lambda: False)


def start(setting: Setting) -> Executor:
    """Workers of this machine."""
    return Local(setting.workers)


def environment(setting: Setting, backend: str) -> None:
    """This one."""


def _done(hands: Hands, order: Order) -> Ended:
    """An order's end; what goes wrong here is that order's, and the lane lives on."""
    try:
        return Ended(order.number, hands.do(order))
    except Exception as error:
        return lost(order, f"{type(error).__name__}: {error}")
