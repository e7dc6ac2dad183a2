"""Workers at work, several at once where the machine has room.

Whatever stops the coordinator stops them in order: each may save its state, and one that does not
answer is killed, so that none is left behind.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from bench.config import Config
from bench.coordinator.job import Job
from bench.processes import machine
from bench.processes.worker import GRACE, Worker
from bench.records import Record
from bench.speed.turns import Baton
from bench.training import TASK as TRAIN

Listener = Callable[[Job, str, float], None]  # job, what it does, share done
Keep = Callable[[Record], None]
# seconds between looks at what signals have asked for; work itself is waited for
WAKE = 0.2
# seconds for the kernel to end what was killed: of a machine that swaps it needs some
LAST = 5.0


def lanes(config: Config) -> int:
    """Workers at once: those asked for, else as many as the cores hold."""
    if config.workers:
        return config.workers
    # An accelerator cannot be shared fairly, and whether one will be used is not known yet.
    if config.device != "cpu" and machine.has_accelerator():
        return 1
    return max(1, machine.usable_cores() // config.threads)


class Crew:
    """Runs groups of jobs, each group in a worker of its own.

    `keep` gets each record, one at a time. `grace` is how many seconds a worker has to save its
    state when the run is stopped.
    """

    def __init__(
        self, config: Config, listen: Listener, keep: Keep, *, grace: float = GRACE
    ) -> None:
        self._config = config
        self._listen = listen
        self._keep = keep
        self._grace = grace
        self._lock = threading.Lock()
        self._workers: list[Worker] = []
        self._stopping = threading.Event()
        self._baton = Baton([])

    def serve(self, groups: Sequence[Sequence[Job]], *, at_once: int) -> None:
        """Work off all groups.

        On Ctrl-C or SIGTERM every worker saves its state and KeyboardInterrupt goes on up; the
        second time they are killed at once.
        """
        waiting = iter(groups)  # one for all lanes
        ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

        def lane() -> None:
            try:
                for group in waiting:
                    self._work_off(group)
            except BaseException as error:
                ended.put(error)
            else:
                ended.put(None)

        count = max(1, min(at_once, len(groups)))
        # daemons: a worker that even a kill does not end holds its lane, not the coordinator
        lanes = [threading.Thread(target=lane, daemon=True) for _ in range(count)]
        with stop_asked() as asked:
            try:
                for thread in lanes:
                    thread.start()
                for _ in lanes:
                    _wait(ended, asked)
            except BaseException:
                self._stop(lanes, asked)
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
                if job.task == TRAIN and job.settings.train.replicas > 1:
                    # a CPU can be made several devices only before a framework has run on it
                    worker.close()
                record = self._run(worker, job)
                if self._stopping.is_set():
                    return  # a job that we cut short found nothing
                with self._lock:
                    self._keep(record)

    def _run(self, worker: Worker, job: Job) -> Record:
        try:
            return worker.run(
                job,
                lambda text, share: self._heard(job, text, share),
                timeout=self._config.timeout,
                turn=lambda: self._baton.take(job.backend),
            )
        finally:
            # However it ended: the others would wait for its turn for ever.
            self._baton.leave(job.backend)

    def _heard(self, job: Job, text: str, share: float) -> None:
        """Pass on what a worker does: one at a time, as records are."""
        with self._lock:
            self._listen(job, text, share)

    @contextmanager
    def _hired(self, worker: Worker) -> Iterator[None]:
        """Known to `_stop` for as long as it lives."""
        self._workers.append(worker)
        try:
            yield
        finally:
            worker.close()
            self._workers.remove(worker)

    def _stop(self, lanes: Sequence[threading.Thread], asked: Sequence[int]) -> None:
        """Let the workers save their state; end those that do not, or all when asked again."""
        self._stopping.set()
        self._baton.end()  # a worker that waits for its turn cannot be asked to stop
        for worker in list(self._workers):
            worker.interrupt()
        join(lanes, self._grace, lambda: len(asked) > 1)
        for worker in list(self._workers):
            worker.kill()
        join(lanes, LAST, lambda: len(asked) > 2)


def _wait(ended: queue.SimpleQueue[BaseException | None], asked: Sequence[int]) -> None:
    """Until a lane has ended; raises here what was raised over there, or what was asked."""
    error: BaseException | None = None
    # a thread that is waited for may hear no signal, hence the looks in between
    while not asked:
        with suppress(queue.Empty):
            error = ended.get(timeout=WAKE)
            break
    if asked:
        error = KeyboardInterrupt()
    if error is not None:
        raise error


def join(
    lanes: Sequence[threading.Thread], seconds: float, hurried: Callable[[], bool]
) -> None:
    """Until all lanes have ended, their time is over, or nobody is to be waited for."""
    end = time.monotonic() + seconds
    for thread in lanes:
        while thread.is_alive() and time.monotonic() < end and not hurried():
            thread.join(WAKE)


@contextmanager
def stop_asked() -> Iterator[list[int]]:
    """Signals that ask for an end, as they come; raising is left to who can clean up.

    Ctrl-C, a scheduler's SIGTERM, and SIGHUP where the terminal goes, unless `nohup` has said
    that it may.
    """
    asked: list[int] = []
    watched = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        watched.append(signal.SIGHUP)
    before = {
        number: signal.signal(number, lambda number, frame: asked.append(number))
        for number in watched
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:  # when the last lane had just ended
        raise KeyboardInterrupt
