"""Workers of this machine, and the executor that measures nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench import config
from bench.coordinator.job import Job
from bench.records import Record
from bench.sweep import executors, hands
from bench.sweep.executors import local, null
from bench.sweep.order import Ended, Executor, Order, Setting
from models.errors import UnknownName


class Counted:
    """A worker that answers at once, and is counted."""

    made: list[str] = []
    ended: list[str] = []

    def __init__(self, *, threads: int) -> None:
        self.made.append("worker")

    def run(self, job: Job, listen: Callable[..., None], *, timeout: float) -> Record:
        if job.config.seed == 99:
            raise ZeroDivisionError("a bug of ours")
        return Record(
            task=job.task,
            backend=job.backend,
            model=job.model,
            status="ok",
            peak_rss_bytes=7,
        )

    def interrupt(self) -> None:
        self.ended.append("interrupted")

    kill = interrupt

    def close(self) -> None:
        self.ended.append("closed")


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    monkeypatch.setattr(Counted, "made", [])
    monkeypatch.setattr(Counted, "ended", [])
    monkeypatch.setattr(hands, "Worker", Counted)
    return Counted


def order(number: int, *, fresh: bool = False, **said: object) -> Order:
    made = config.validate({"device": "cpu", "threads": 1, **said})
    jobs = [
        Job(task=task, backend="numpy", model="", config=made, folder=Path())
        for task in ("feasibility", "parity")
    ]
    return Order(number=number, jobs=tuple(jobs), fresh=fresh)


def done(executor: Executor, orders: Sequence[Order]) -> list[Ended]:
    found: list[Ended] = []
    for each in orders:
        assert executor.takes(each)
        executor.submit(each)
        while not (ended := executor.ended(5)):
            pass
        found += ended
    executor.close()
    return found


def test_one_worker_serves_the_cells_of_a_backend(worker: type[Counted]) -> None:
    found = done(local.start(Setting(workers=1)), [order(1), order(2), order(3)])
    assert [ended.number for ended in found] == [1, 2, 3]
    assert worker.made == ["worker"]
    assert worker.ended == ["closed"]
    # the peak of a process is that of its first cells alone
    peaks = [record.peak_rss_bytes for ended in found for record in ended.records]
    assert peaks == [7, 7, None, None, None, None]


def test_another_worker_for_what_does_not_fit(worker: type[Counted]) -> None:
    other = order(2, memory="1GB")
    done(local.start(Setting(workers=1)), [order(1), other, order(3, fresh=True)])
    assert len(worker.made) == 3


def test_what_goes_wrong_in_a_lane_is_that_orders(worker: type[Counted]) -> None:
    found = done(local.start(Setting(workers=1)), [order(1, seed=99), order(2)])
    wrong, right = (ended.records[0] for ended in found)
    assert (wrong.status, wrong.reason) == (
        "crashed",
        "ZeroDivisionError: a bug of ours",
    )
    assert right.status == "ok"


def test_as_many_at_once_as_there_are_lanes() -> None:
    executor = local.start(Setting(workers=2))
    executor.submit(order(1))
    assert executor.takes(order(2))
    executor.submit(order(2))
    assert not executor.takes(order(3))
    alone = order(4).model_copy(update={"alone": True})
    assert not executor.takes(alone), "what is timed waits until all is quiet"
    executor.close()
    assert threading.active_count() < 20


def test_the_null_executor_measures_nothing() -> None:
    (ended,) = done(null.start(Setting(workers=1)), [order(1)])
    assert {record.status for record in ended.records} == {"not_measured"}
    assert all(record.payload is None for record in ended.records)
    assert null.environment(Setting(workers=1), "numpy") is not None


def test_the_folder_is_the_list_of_executors() -> None:
    assert executors.names() == ["local", "null", "ray"]
    with pytest.raises(UnknownName, match="did you mean ray"):
        executors.get("rya")
