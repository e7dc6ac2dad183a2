"""Workers at work, several at once where the machine has room; whatever stops the
coordinator stops them in order.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType

from bench.config import Config
from bench.coordinator.job import Job
from bench.processes import machine
from bench.processes.worker import Worker
from bench.records import Record
from bench.speed.turns import Baton

Listener = Callable[[Job, str, float], None]
Keep = Callable[[Record], None]
# seconds between looks at what signals have asked for; the work itself is waited for
WAKE = 0.2


def lanes(config: Config) -> int:
    """Workers at once: as many as the cores hold; one where an accelerator may be in use,
    which cannot be shared fairly.
    """
    if config.device != "cpu" and machine.has_accelerator():
        return 1
    return config.workers or max(1, machine.usable_cores() // config.threads)


class Crew:
    """Runs groups of jobs, each group in a worker of its own. `keep` gets each record, one
    at a time.
    """

    def __init__(self, config: Config, listen: Listener, keep: Keep) -> None:
        self._config = config
        self._listen = listen
        self._keep = keep
        self._lock = threading.Lock()
        self._workers: list[Worker] = []
        self._stopping = threading.Event()
        self._baton = Baton([])

    def serve(self, groups: Sequence[Sequence[Job]], *, at_once: int) -> None:
        """Work off all groups.

        On Ctrl-C or SIGTERM every worker saves its state and KeyboardInterrupt goes on up.
        """
        with (
            _stop_asked() as asked,
            ThreadPoolExecutor(max_workers=max(1, at_once)) as pool,
        ):
            pending = {pool.submit(self._work_off, group) for group in groups}
            try:
                while pending:
                    done, pending = wait(pending, timeout=WAKE, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
                    if asked.is_set():
                        raise KeyboardInterrupt
            except BaseException:
                self._stop(pending)
                raise

    def compete(self, jobs: Sequence[Job]) -> None:
        """One job of each backend, all workers alive at once, each computing in its turn
        only.
        """
        self._baton = Baton([job.backend for job in jobs])
        self.serve(
            [[job.model_copy(update={"turns": True})] for job in jobs], at_once=len(jobs)
        )

    def _work_off(self, group: Sequence[Job]) -> None:
        worker = Worker(threads=self._config.threads)
        with self._hired(worker):
            for job in group:
                if self._stopping.is_set():
                    return
                record = self._run(worker, job)
                if self._stopping.is_set():
                    return  # a job that we cut short found nothing
                with self._lock:
                    self._keep(record)

    def _run(self, worker: Worker, job: Job) -> Record:
        try:
            return worker.run(
                job,
                lambda text, share: self._listen(job, text, share),
                timeout=self._config.timeout,
                turn=lambda: self._baton.take(job.backend),
            )
        finally:
            self._baton.leave(job.backend)

    @contextmanager
    def _hired(self, worker: Worker) -> Iterator[None]:
        """Known to `_stop` for as long as it lives."""
        self._workers.append(worker)
        try:
            yield
        finally:
            self._workers.remove(worker)
            worker.close()

    def _stop(self, pending: set[Future[None]]) -> None:
        """Take back what has not begun, and ask the rest to save its state."""
        self._stopping.set()
        self._baton.end()
        for future in pending:
            future.cancel()
        for worker in list(self._workers):
            worker.interrupt()


@contextmanager
def _stop_asked() -> Iterator[threading.Event]:
    """Set by Ctrl-C, and by SIGTERM too, so that a scheduler's stop loses nothing; the
    second one does not wait for anything.
    """
    asked = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {
        number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
