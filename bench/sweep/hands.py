"""Doing orders with the house's workers: one stays alive for the cells of a backend."""

from __future__ import annotations

from bench.coordinator import contests
from bench.processes.worker import Worker
from bench.records import Record
from bench.sweep.order import Order

Fit = tuple[str, int, int | None, str]  # backend, threads, memory, device


class Hands:
    """One worker at a time, kept for as long as orders fit it."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._fit: Fit | None = None
        self._stopped = False

    def do(self, order: Order) -> tuple[Record, ...]:
        """A record for each cell of an order; fewer where it was stopped meanwhile."""
        if order.alone:
            return self._contest(order)
        used = self._engaged(order)
        assert self._worker is not None
        found: list[Record] = []
        for job in order.jobs:
            if job.task == "train" and job.settings.train.replicas > 1:
                # a CPU can be made several devices only before a framework has run on it
                self._worker.close()
            record = self._worker.run(job, _quiet, timeout=job.config.timeout)
            if self._stopped:
                break  # a cell that was cut short has found nothing
            # the peak of a process is that of all that it has done
            unknown = {"peak_rss_bytes": None} if used else {}
            found.append(record.model_copy(update=unknown))
        return tuple(found)

    def interrupt(self) -> None:
        """Ask the worker to save its state and end; nothing more is done."""
        self._stopped = True
        if self._worker:
            self._worker.interrupt()

    def kill(self) -> None:
        """End the worker as it is."""
        self._stopped = True
        if self._worker:
            self._worker.kill()

    def close(self) -> None:
        """Let the worker end."""
        if self._worker:
            self._worker.close()
        self._worker = self._fit = None

    def _engaged(self, order: Order) -> bool:
        """See to a worker that fits; whether it has served others already."""
        job = order.jobs[0]
        config = job.config
        fit = (job.backend, config.threads, config.memory, config.device)
        if fit == self._fit and not order.fresh:
            return True
        self.close()
        self._worker = Worker(threads=config.threads)
        self._fit = None if order.fresh else fit
        return False

    def _contest(self, order: Order) -> tuple[Record, ...]:
        self.close()
        with contests.ring(order.jobs[0].config, _unheard) as contest:
            return tuple(contest(order.jobs))


def _quiet(text: str, share: float) -> None:
    """Cells of a sweep are told as they end."""


def _unheard(job: object, text: str, share: float) -> None:
    """So are those of a contest."""
