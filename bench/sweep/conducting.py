"""A sweep at work: lots to the executor, records into run folders, ends into the index.

Nobody else writes in the sweep's folder but workers, who leave checkpoints there. Killed at any
time, it goes on from what the index has.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import records, tasks
from bench.config import Config
from bench.coordinator import dataset, lock
from bench.coordinator import run as runs
from bench.coordinator.comparing import comparisons
from bench.coordinator.crew import WAKE, stop_asked
from bench.coordinator.job import Job
from bench.processes.machine import Where
from bench.records import Record, Throughput
from bench.sweep import lots
from bench.sweep.index import Index, Line
from bench.sweep.keys import digest
from bench.sweep.lots import Lot
from bench.sweep.order import Ended, Executor, Order
from bench.sweep.points import Points
from bench.training import brought
from models import title

Keep = Callable[[str, Record], None]  # name of the run folder, its record
DATA = "data"  # folder of the clips, which points that ask for the same share


@dataclass
class Sweep:
    """What is to be done, and how far it is."""

    points: Points
    folder: Path
    index: Index
    lots: Sequence[Lot]
    keep: Keep
    command: str
    where: Where = field(default_factory=Where.here)
    # lots of each point that are not done
    pending: Counter[str] = field(default_factory=Counter)
    # points that are at work, each held so that no other command works in its folder
    held: dict[str, ExitStack] = field(default_factory=dict)

    def execute(self, executor: Executor) -> None:
        """Do all that is left. On Ctrl-C what has ended is kept; KeyboardInterrupt goes on up."""
        self.pending = Counter(lot.run for lot in self.lots)
        flying: dict[int, Lot] = {}
        with stop_asked() as asked:
            try:
                for turn in self._turns():
                    self._work_off(turn, executor, flying, asked)
            finally:
                executor.close(lambda: len(asked) > 1)
                # of lots that were cut short the cells that had ended count
                while left := executor.ended(0):
                    self._settle(left, flying)
                self._let_go(())

    def _turns(self) -> Iterable[deque[Lot]]:
        """Lots, then those that are timed when all is quiet, then those that others have done."""
        seen: set[str] = set()
        first: deque[Lot] = deque()
        twins: deque[Lot] = deque()
        for lot in self.lots:
            (twins if seen.issuperset(lot.keys) else first).append(lot)
            seen.update(lot.keys)
        yield deque(lot for lot in first if not lot.alone)
        yield deque(lot for lot in first if lot.alone)
        yield twins

    def _work_off(
        self,
        waiting: deque[Lot],
        executor: Executor,
        flying: dict[int, Lot],
        asked: Sequence[int],
    ) -> None:
        number = len(self.lots) if not flying else max(flying) + 1
        order: Order | None = None
        while waiting or flying:
            while waiting and not asked:
                order = order or self._order(waiting[0], number)
                if order is None:
                    self._done(waiting.popleft())
                    continue
                if not executor.takes(order):
                    break
                lot = waiting.popleft()
                self._hold(lot.run)
                flying[order.number] = lot
                executor.submit(order)
                order, number = None, number + 1
            if asked:
                raise KeyboardInterrupt
            if flying:
                waiting += self._settle(executor.ended(WAKE), flying)

    def _order(self, lot: Lot, number: int) -> Order | None:
        """What is left of a lot, its run folder ready for it; None where nothing is."""
        config = self.points.config(lot.place)
        folder = self.folder / lot.run
        jobs = lots.divided(config, folder)[lot.part]
        begun = (folder / "run.json").exists()
        attempts = self.points.written.attempts
        todo = lots.todo(lot, jobs, self.index, attempts)
        if not begun:
            self._begin(folder, config)
        self._adopt(lot, jobs, todo)
        if not todo:
            return None
        if any(tasks.get(job.task).data for job in todo):
            self._give_clips(folder, config)
        fresh = self.points.written.fresh
        return Order(number=number, jobs=tuple(todo), alone=lot.alone, fresh=fresh)

    def _begin(self, folder: Path, config: Config) -> None:
        folder.mkdir(exist_ok=True)
        brought.keep(folder, config, run=None)
        runs.begin(folder, config, command=self.command, where=self.where)

    def _give_clips(self, folder: Path, config: Config) -> None:
        """The clips of a point: read once for all that ask for the same."""
        place = folder / dataset.FILE
        if place.exists():
            return
        source = self.folder / DATA / digest(str(dataset.asked(config)))
        dataset.ensure(config, source)
        _link(source / dataset.FILE, place)
        info = runs.read_info(folder)
        told = dataset.told(folder)
        runs.write_info(folder, info.model_copy(update={"data": told}))

    def _adopt(self, lot: Lot, jobs: Sequence[Job], todo: Sequence[Job]) -> None:
        """Take over the records of cells that another point has done."""
        for job, key in zip(jobs, lot.keys, strict=True):
            known = self.index.cells.get(key)
            if job in todo or known is None or known.run == lot.run:
                continue
            own = {records.cell(one) for one in records.load(job.folder).records}
            source = self.folder / known.run
            for record in records.load(source).records:
                if records.cell(record) == job.cell and job.cell not in own:
                    _take_files(source, job)
                    records.append(job.folder, record)
                    self.keep(lot.run, record)

    def _settle(self, ended: Sequence[Ended], flying: dict[int, Lot]) -> Iterable[Lot]:
        """Write down what has ended; gives the lots that are to be tried again."""
        again = []
        for one in ended:
            lot = flying.pop(one.number)
            self._write(lot, one.records)
            attempts = self.points.written.attempts
            if all(self.index.is_done(key, attempts) for key in lot.keys):
                self._done(lot)
            else:
                again.append(lot)
        self._let_go([lot.run for lot in flying.values()])
        return again

    def _hold(self, run: str) -> None:
        """Raises BadInput where another command works in the folder of a point."""
        if run not in self.held:
            self.held[run] = ExitStack()
            self.held[run].enter_context(lock.held(self.folder / run))

    def _let_go(self, busy: Collection[str]) -> None:
        """Of all points but those that are at work."""
        for run in self.held.keys() - set(busy):
            self.held.pop(run).close()

    def _write(self, lot: Lot, found: Sequence[Record]) -> None:
        folder = self.folder / lot.run
        jobs = lots.divided(self.points.config(lot.place), folder)[lot.part]
        keys = {job.cell: key for job, key in zip(jobs, lot.keys, strict=True)}
        lines = []
        for record in found:
            key = keys[records.cell(record)]
            before = self.index.cells.get(key)
            records.append(folder, record)
            self.keep(lot.run, record)
            lines.append(_line(record, key, lot.run, before.attempt if before else 0))
        self.index.add(lines)

    def _done(self, lot: Lot) -> None:
        """A lot has come to its end; with the last of a point the point has."""
        self.pending[lot.run] -= 1
        folder = self.folder / lot.run
        if self.pending[lot.run] or runs.read_info(folder).finished:
            return
        for comparison in comparisons(folder, self.points.config(lot.place)):
            records.append(folder, comparison)
            self.keep(lot.run, comparison)
        runs.finish(folder)


def _line(record: Record, key: str, run: str, before: int) -> Line:
    return Line(
        key=key,
        run=run,
        task=record.task,
        backend=record.backend,
        model=record.model,
        device=record.device,
        precision=record.precision,
        status=record.status,
        reason=record.reason,
        seconds=record.seconds,
        void=isinstance(record.payload, Throughput) and record.payload.void,
        attempt=before + 1,
    )


def _take_files(source: Path, job: Job) -> None:
    """Checkpoints, traces and packs of a cell: both folders have them, the disk once."""
    if not job.model:
        return
    for place in source.glob(f"*/{job.backend}-{title(job.model)}*"):
        own = job.folder / place.relative_to(source)
        if own.exists():
            continue
        own.parent.mkdir(exist_ok=True)
        if place.is_dir():
            shutil.copytree(place, own)
        else:
            _link(place, own)


def _link(source: Path, place: Path) -> None:
    """No second copy: such files are replaced, and never written into."""
    try:
        os.link(source, place)
    except OSError:
        shutil.copyfile(source, place)
