"""Several workers at once: who computes when in a contest, and ratios by rounds.

And frameworks never share a process.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest

import backends
from bench.config import Config, Model
from bench.coordinator import crew
from bench.coordinator.crew import Crew
from bench.coordinator.job import Finding, Job
from bench.processes import child, machine
from bench.records import Record, Throughput, Timing
from bench.speed import turns
from bench.speed.turns import Baton

NAMES = ["a", "b", "c"]


def race(runners: list[str], turns: dict[str, int]) -> list[str]:
    """Who computed, in order; fails where two did at once."""
    baton, order, busy = Baton(runners), [], threading.Lock()

    def runner(name: str) -> None:
        for _ in range(turns[name]):
            baton.take(name)
            assert busy.acquire(blocking=False), "two at once"
            order.append(name)
            time.sleep(0.001)
            busy.release()
        baton.leave(name)

    threads = [threading.Thread(target=runner, args=(name,)) for name in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "somebody waits for ever"
    return order


def test_turns_go_forwards_and_backwards() -> None:
    order = race(NAMES, dict.fromkeys(NAMES, 4))
    assert "".join(order) == "abc" + "cba" + "abc" + "cba"


def test_who_has_finished_is_not_waited_for() -> None:
    order = race(NAMES, {"a": 4, "b": 1, "c": 2})
    assert "".join(order[:5]) == "abc" + "ca", "b took one turn and left"
    assert order[5:] == ["a", "a"]


def test_who_never_comes_may_leave() -> None:
    baton = Baton(["a", "b"])
    waiting = threading.Thread(target=baton.take, args=("a",))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive(), "the round begins when all wait"
    baton.leave("b")
    waiting.join(30)
    assert not waiting.is_alive()


def test_the_end_lets_everybody_go() -> None:
    baton = Baton(["a", "b"])
    waiting = threading.Thread(target=baton.take, args=("a",))
    waiting.start()
    baton.end()
    waiting.join(30)
    assert not waiting.is_alive()


def timing(*rounds: float, batch: int = 1, **more: object) -> Timing:
    seconds = sorted(rounds)[len(rounds) // 2] if rounds else None
    known = {
        "seconds": seconds,
        "low": seconds,
        "high": seconds,
        "p95": seconds,
        "samples": 2,
        "frames_per_second": 1.0,
    }
    about = {
        "what": "forward",
        "batch": batch,
        "frames": 1,
        "precision": "fp32",
        "threads": 1,
        "rounds": rounds,
    }
    return Timing.model_validate(about | known | more)


def record(backend: str, *timings: Timing) -> Record:
    return Record(
        task="throughput",
        backend=backend,
        status="ok",
        payload=Throughput(timings=timings),
    )


def test_ratios_are_taken_round_by_round() -> None:
    slow = timing(2.0, 20.0, 200.0)
    first, other = turns.compared(
        [record("a", timing(1.0, 10.0, 100.0)), record("b", slow, timing(1.0, batch=9))]
    )
    assert isinstance(first.payload, Throughput)
    assert isinstance(other.payload, Throughput)
    assert first.payload.together == other.payload.together == ("a", "b")
    assert first.payload.timings[0].ratio is None
    found = other.payload.timings[0].ratio
    assert found is not None
    assert found.against == "a"
    # twice as slow in each round, however much slower the rounds became
    assert (found.value, found.low, found.high) == (2.0, 2.0, 2.0), "drift cancels"
    assert other.payload.timings[1].ratio is None, "nobody else timed that batch"


def test_a_void_number_has_no_ratio() -> None:
    void = timing(1.0, 1.0, 1.0).model_copy(update={"seconds": None, "rounds": ()})
    *_, other = turns.compared([record("a", timing(1.0, 1.0, 1.0)), record("b", void)])
    assert isinstance(other.payload, Throughput)
    assert other.payload.timings[0].ratio is None


def test_a_difference_below_the_floor_is_none_that_is_shown() -> None:
    quiet = timing(1.0, 1.0, 1.0, noise_floor=0.01)
    for floor, shown in ((0.02, True), (0.06, False)):
        slower = timing(1.05, 1.05, 1.05, noise_floor=floor)
        *_, other = turns.compared([record("a", quiet), record("b", slower)])
        assert isinstance(other.payload, Throughput)
        found = other.payload.timings[0].ratio
        assert found is not None and found.floor == floor
        assert found.shown == shown
    inside = found.model_copy(update={"low": 0.99, "floor": 0.0})
    assert not inside.shown, "an interval with 1 in it shows none either"


def test_each_is_held_against_the_fastest() -> None:
    costs = {"a": 2.0, "b": 1.0, "c": 4.0}
    records = [record(name, timing(*[each] * 3)) for name, each in costs.items()]
    behind = [
        one.payload.timings[0].behind
        for one in turns.compared(records)
        if isinstance(one.payload, Throughput)
    ]
    assert [one and (one.against, one.value) for one in behind] == [
        ("b", 2.0),
        None,
        ("b", 4.0),
    ]


def test_rounds_that_were_taken_at_another_time_have_no_ratio() -> None:
    here = timing(1.0, 1.0, 1.0, span=(0.0, 10.0))
    for span, related in (((9.0, 19.0), False), ((1.0, 11.0), True)):
        there = timing(2.0, 2.0, 2.0, span=span)
        *_, other = turns.compared([record("a", here), record("b", there)])
        assert isinstance(other.payload, Throughput)
        assert (other.payload.timings[0].ratio is not None) == related


def test_customary_modes_are_held_against_each_other_whatever_they_are_called() -> None:
    first = timing(1.0, 1.0, 1.0, mode="eager")
    usual = timing(2.0, 2.0, 2.0, mode="compiled")
    named = timing(3.0, 3.0, 3.0, mode="eager", customary=False)
    strange = timing(3.0, 3.0, 3.0, mode="graph", customary=False)
    *_, other = turns.compared([record("a", first), record("b", usual, named, strange)])
    assert isinstance(other.payload, Throughput)
    values = [row.ratio and row.ratio.value for row in other.payload.timings]
    assert values == [2.0, 3.0, None]


def test_alone_there_is_nothing_to_compare() -> None:
    lonely = [
        record("a", timing(1.0)),
        Record(task="throughput", backend="b", status="unsupported"),
    ]
    assert turns.compared(lonely) == lonely


def test_lanes_fill_the_cores_and_an_accelerator_is_not_shared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "usable_cores", lambda: 8)
    monkeypatch.setattr(machine, "has_accelerator", lambda: False)
    assert crew.lanes(Config(threads=2)) == 4
    assert crew.lanes(Config(threads=16)) == 1
    assert crew.lanes(Config(threads=2, workers=3)) == 3
    monkeypatch.setattr(machine, "has_accelerator", lambda: True)
    assert crew.lanes(Config(threads=2)) == 1
    # whoever asks for several wants them there, too
    assert crew.lanes(Config(threads=2, workers=3)) == 3
    assert crew.lanes(Config(threads=2, device="cpu")) == 4


class Meeting:
    """A worker whose job ends when another one runs at the same time."""

    barrier: threading.Barrier

    def __init__(self, *, threads: int) -> None:
        pass

    def run(
        self,
        job: Job,
        listen: Callable[[str, float], None],
        *,
        timeout: float,
        turn: Callable[[], None],
    ) -> Record:
        self.barrier.wait(30)
        return Record(task=job.task, backend=job.backend, model=job.model, status="ok")

    def close(self) -> None:
        pass


def test_two_groups_run_at_once_and_records_come_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crew, "Worker", Meeting)
    monkeypatch.setattr(Meeting, "barrier", threading.Barrier(2), raising=False)
    config, kept = Config(model={"m": Model()}), list[Record]()
    groups = [
        [Job(task="parity", backend=name, model="m", config=config, folder=Path("x"))]
        for name in ("a", "b")
    ]
    with Crew(config, lambda *heard: None, kept.append) as crew_:
        crew_.serve(groups, at_once=2)
    assert sorted(record.backend for record in kept) == ["a", "b"]


class Counted:
    """A worker that tells what it has done, and how many are alive."""

    made: ClassVar[list[Counted]] = []
    peak = 0

    def __init__(self, *, threads: int) -> None:
        self.jobs: list[tuple[str, str]] = []
        self.ends: list[int] = []  # after how many jobs it was closed
        self.made.append(self)

    def run(self, job: Job, *heard: object, **asked: object) -> Record:
        self.jobs.append((job.backend, job.model))
        return Record(
            task=job.task,
            backend=job.backend,
            model=job.model,
            status="ok",
            peak_rss_bytes=self.peak,
        )

    def close(self) -> None:
        self.ends.append(len(self.jobs))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Counted]:
    monkeypatch.setattr(crew, "Worker", Counted)
    monkeypatch.setattr(Counted, "made", [])
    return Counted.made


def groups_of(names: str, models: str) -> list[list[Job]]:
    config = Config(model={model: Model() for model in models})
    return [
        [Job(task="parity", backend=a, model=m, config=config, folder=Path("x"))]
        for a in names
        for m in models
    ]


def crewed() -> Crew:
    return Crew(Config(), lambda *heard: None, lambda record: None)


def test_a_framework_is_loaded_once_for_all_models(counted: list[Counted]) -> None:
    with crewed() as workers:
        workers.serve(groups_of("abc", "mno"), at_once=1)
    assert [len(one.jobs) for one in counted] == [3, 3, 3]
    assert all(len({backend for backend, _ in one.jobs}) == 1 for one in counted)
    # the one before ended when the next was hired: one framework in memory
    assert [one.ends for one in counted] == [[3], [3], [3]]


def test_lanes_take_other_backends_than_their_neighbours(
    counted: list[Counted],
) -> None:
    waiting = crew._Waiting(groups_of("ab", "mn"))
    taken = [
        waiting.next(idle=idle, busy=busy)
        for idle, busy in [((), ()), ((), ("a",)), (("b",), ("a",)), ((), ("a", "b"))]
    ]
    order = [(group[0].backend, group[0].model) for group in taken if group]
    assert order == [("a", "m"), ("b", "m"), ("b", "n"), ("a", "n")]
    assert waiting.next(idle=(), busy=()) is None


def test_contests_of_all_models_go_on_in_the_same_workers(
    counted: list[Counted],
) -> None:
    with crewed() as workers:
        for model in "mn":
            workers.compete([group[0] for group in groups_of("ab", model)])
        assert [one.ends for one in counted] == [[], []], "all are alive"
    assert [len(one.jobs) for one in counted] == [2, 2]


def test_a_worker_that_has_held_much_memory_is_replaced(
    counted: list[Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counted, "peak", crew.TIRED + 1)
    with crewed() as workers:
        workers.serve(groups_of("a", "mn"), at_once=1)
    (one,) = counted
    assert one.ends == [1, 2, 2]


@pytest.mark.parametrize(
    ("loaded", "status"),
    [((), "ok"), (("torch",), "ok"), (("tensorflow", "torch"), "invalid")],
)
def test_two_frameworks_in_one_process_void_what_was_measured(
    loaded: tuple[str, ...], status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in backends.frameworks().values():
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in loaded:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    found = child._alone(Finding(None))
    assert found.status == status
    assert (" and ".join(loaded) in found.reason) == (status == "invalid" or not loaded)
