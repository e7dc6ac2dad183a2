"""Workers at work, several at once where the machine has room.

Whatever stops the coordinator stops them in order: each may save its state, and one that does not
answer is killed, so that none is left behind.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Callable, Container, Iterator, Sequence
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
# bytes that a worker has held at most, from which it is replaced after its job: what frameworks
# keep of one large model is no burden to the next, and starting anew is little beside them
TIRED = 3 << 30


def lanes(config: Config) -> int:
    """Workers at once: those asked for, else as many as the cores hold."""
    if config.workers:
        return config.workers
    # An accelerator cannot be shared fairly, and whether one will be used is not known yet.
    if config.device != "cpu" and machine.has_accelerator():
        return 1
    return max(1, machine.usable_cores() // config.threads)


class _Waiting:
    """Groups that nobody has begun. Each group is of one backend."""

    def __init__(self, groups: Sequence[Sequence[Job]]) -> None:
        self._groups = list(groups)

    def next(
        self, *, idle: Container[str], busy: Container[str]
    ) -> Sequence[Job] | None:
        """One whose backend a worker has loaded that has nothing to do, or nobody yet."""

        def cost(group: Sequence[Job]) -> tuple[bool, bool]:
            backend = group[0].backend
            # two workers of one backend load it twice
            return backend not in idle, backend in busy

        if not self._groups:
            return None
        chosen = min(self._groups, key=cost)
        self._groups.remove(chosen)
        return chosen


class Crew:
    """Runs groups of jobs. A worker serves one backend, and group after group of it.

    `keep` gets each record, one at a time. `grace` is how many seconds a worker has to save its
    state when the run is stopped. Workers end with the `with` block.
    """

    def __init__(
        self, config: Config, listen: Listener, keep: Keep, *, grace: float = GRACE
    ) -> None:
        self._config = config
        self._listen = listen
        self._keep = keep
        self._grace = grace
        self._lock = threading.Lock()  # of what is heard and kept
        self._hiring = threading.Lock()  # of who does what
        self._workers: list[Worker] = []
        self._idle: list[tuple[str, Worker]] = []  # each with its backend
        self._busy: list[str] = []  # backends of the others
        self._stopping = threading.Event()
        self._baton = Baton([])

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        """Let the workers end; those that are still at something are ended by `_stop`."""
        self.dismiss()

    def dismiss(self) -> None:
        """Let go of all that have nothing to do: the next jobs get new processes."""
        while self._idle:
            _, worker = self._idle.pop()
            self._let_go(worker)

    def serve(self, groups: Sequence[Sequence[Job]], *, at_once: int) -> None:
        """Work off all groups.

        On Ctrl-C or SIGTERM every worker saves its state and KeyboardInterrupt goes on up; the
        second time they are killed at once.
        """
        waiting = _Waiting(groups)  # one for all lanes
        ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        count = max(1, min(at_once, len(groups)))

        def lane() -> None:
            try:
                while hired := self._hired(waiting, most=count):
                    self._work_off(*hired)
            except BaseException as error:
                ended.put(error)
            else:
                ended.put(None)

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

    def _hired(
        self, waiting: _Waiting, *, most: int
    ) -> tuple[Worker, Sequence[Job]] | None:
        """The next group and who does it: of at most so many workers."""
        with self._hiring:
            known = {backend for backend, _ in self._idle}
            group = waiting.next(idle=known, busy=self._busy)
            if group is None:
                return None
            backend = group[0].backend
            self._busy.append(backend)
            worker = self._free(backend)
            spare = None
            if worker is None:
                if len(self._workers) >= most and self._idle:
                    _, spare = self._idle.pop(0)
                worker = Worker(threads=self._config.threads)
                self._workers.append(worker)
        if spare:
            # what has nothing to do would keep its framework in memory
            self._let_go(spare)
        return worker, group

    def _free(self, backend: str) -> Worker | None:
        """A worker that has loaded this backend and has nothing to do."""
        for pair in self._idle:
            if pair[0] == backend:
                self._idle.remove(pair)
                return pair[1]
        return None

    def _work_off(self, worker: Worker, group: Sequence[Job]) -> None:
        try:
            for job in group:
                if self._stopping.is_set():
                    return
                several = job.task == TRAIN and job.settings.train.replicas > 1
                if several:
                    # a CPU can be made several devices only before a framework has run on it
                    worker.close()
                record = self._run(worker, job)
                if self._stopping.is_set():
                    return  # a job that we cut short found nothing
                with self._lock:
                    self._keep(record)
                if several or (record.peak_rss_bytes or 0) > TIRED:
                    worker.close()
        finally:
            self._released(worker, group[0].backend)

    def _released(self, worker: Worker, backend: str) -> None:
        """Free for the next group, unless there is to be none."""
        with self._hiring:
            self._busy.remove(backend)
            going = self._stopping.is_set()
            if not going:
                self._idle.append((backend, worker))
        if going:
            self._let_go(worker)

    def _let_go(self, worker: Worker) -> None:
        """End a worker; without the lock, since one that is slow to end takes its time."""
        worker.close()
        self._workers.remove(worker)

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
