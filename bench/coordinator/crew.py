"""Workers at work, several at once where the machine has room.

Whatever stops the coordinator stops them in order, so that none is left behind or cut short.
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

Listener = Callable[[Job, str, float], None]  # job, what it does, share done
Keep = Callable[[Record], None]
# seconds between looks at what signals have asked for; work itself is waited for
WAKE = 0.2


def lanes(config: Config) -> int:
    """Workers at once: as many as the cores hold."""
    # An accelerator cannot be shared fairly, and whether one will be used is not known yet.
    if config.device != "cpu" and machine.has_accelerator():
        return 1
    return config.workers or max(1, machine.usable_cores() // config.threads)


class Crew:
    """Runs groups of jobs, each group in a worker of its own.

    `keep` gets each record, one at a time.
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
                # A thread that is waited for hears no signal, hence the looks in between.
                while pending:
                    done, pending = wait(
                        pending, timeout=WAKE, return_when=FIRST_COMPLETED
                    )
                    for future in done:
                        future.result()  # raises here what was raised over there
                    if asked.is_set():
                        raise KeyboardInterrupt
            except BaseException:
                self._stop(pending)
                raise

    def compete(self, jobs: Sequence[Job]) -> None:
        """One job of each backend, all workers alive at once, each computing in its turn."""
        self._baton = Baton([job.backend for job in jobs])
        groups = [[job.model_copy(update={"turns": True})] for job in jobs]
        self.serve(groups, at_once=len(jobs))

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
            # However it ended: the others would wait for its turn for ever.
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
        self._baton.end()  # a worker that waits for its turn cannot be asked to stop
        for future in pending:
            future.cancel()
        for worker in list(self._workers):
            worker.interrupt()


@contextmanager
def _stop_asked() -> Iterator[threading.Event]:
    """Set by Ctrl-C, and by SIGTERM too, so that a scheduler's stop loses nothing."""
    asked = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt  # the second time nothing is waited for
        asked.set()

    watched = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, note) for number in watched}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
