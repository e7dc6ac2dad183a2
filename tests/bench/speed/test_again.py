"""Several processes of one thing, and what one process alone may claim."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.config import Config, Model
from bench.coordinator import contests
from bench.coordinator.job import Job
from bench.history import ratios
from bench.processes.worker import Worker
from bench.records import Ratio, Record, Throughput, Timing
from bench.speed import again, timing, turns
from bench.speed.settings import Throughput as Size
from tests.reports import sample_payloads as samples


def record(backend: str, *rounds: float, **more: object) -> Record:
    row = samples.timing(seconds=float(np.median(rounds)))
    row = row.model_copy(update={"rounds": rounds, "noise_floor": 0.001, **more})
    return Record(
        task="throughput",
        backend=backend,
        model="m",
        status="ok",
        payload=samples.throughput(row),
    )


def first(one: Record) -> Timing:
    assert isinstance(one.payload, Throughput)
    return one.payload.timings[0]


@pytest.mark.parametrize(
    ("value", "processes", "shown"),
    [(1.015, 1, False), (1.03, 1, True), (0.985, 1, False), (1.015, 5, True)],
)
def test_one_process_shows_no_small_difference(
    value: float, processes: int, shown: bool
) -> None:
    ends = {"low": value - 0.002, "high": value + 0.002}
    found = Ratio(against="a", value=value, floor=0.001, processes=processes, **ends)
    assert found.shown == shown


def processes(shift: float, seed: int) -> list[tuple[Record, Record]]:
    """Pairs of processes: rounds are steady, and each process has a level of its own."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(5):
        levels = rng.normal(1.0, 0.008, 2)
        noise = rng.normal(1.0, 0.0005, (2, 12)) * levels[:, None]
        one, other = noise[0], noise[1] * (1 + shift)
        pairs.append((record("a", *one), record("b", *other)))
    return pairs


def ratio(pairs: list[tuple[Record, Record]]) -> Ratio:
    both = [again.joined([pair[i] for pair in pairs]) for i in range(2)]
    found = first(turns.compared(both)[1]).ratio
    assert found is not None
    return found


def test_levels_of_processes_are_no_difference_and_a_true_one_is_found() -> None:
    false = [ratio(processes(0.0, seed)).shown for seed in range(40)]
    true = [ratio(processes(0.05, seed)).shown for seed in range(40)]
    # at 95 %, and by rounds alone it would be most of them
    assert sum(false) <= 6
    assert sum(true) >= 38
    single = [
        first(turns.compared(list(processes(0.0, seed)[0]))[1]).ratio
        for seed in range(40)
    ]
    apart = [one for one in single if one and not one.low <= 1 <= one.high]
    assert len(apart) > 30


def test_rounds_are_kept_with_the_processes_that_they_are_of() -> None:
    two = [record("a", 1.0, 1.0, 3.0, lies=()), record("a", 4.0, 4.0, 4.0)]
    row = first(again.joined(two))
    assert row.rounds == (1.0, 1.0, 3.0, 4.0, 4.0, 4.0)
    assert row.parts == (3, 3)
    assert row.seconds == pytest.approx(2.0)
    assert row.low is not None and row.high is not None
    assert row.low < 1 and row.high > 4


def test_the_floor_of_a_mean_is_below_that_of_each() -> None:
    four = [record("a", 1.0, 1.0, 1.0, noise_floor=0.02) for _ in range(4)]
    assert first(again.joined(four)).noise_floor == pytest.approx(0.01)


def test_what_speaks_against_one_process_speaks_against_all() -> None:
    doubt = record("a", 1.0, 1.0, 1.0, doubts=("others",))
    assert first(again.joined([record("a", 1.0, 1.0, 1.0), doubt])).doubts == (
        "others",
    )
    void = record("a", 1.0, 1.0, 1.0, lies=("waiting",), seconds=None)
    row = first(again.joined([record("a", 1.0, 1.0, 1.0), void]))
    assert (row.seconds, row.lies) == (None, ("waiting",))
    lost = Record(task="throughput", backend="a", model="m", status="crashed")
    assert again.joined([record("a", 1.0), lost]) is lost


def test_runs_of_several_processes_are_held_by_welch() -> None:
    pairs = processes(0.05, 1)
    one, other = (first(again.joined([pair[i] for pair in pairs])) for i in range(2))
    middle, low, high = ratios._apart(other, one)
    assert 1 < low < middle < high < 1.1


def test_one_interval_of_processes_is_students() -> None:
    middle, low, high = timing.of_processes([1.0, 1.02, 0.98])
    assert middle == pytest.approx(1.0, abs=1e-3)
    # 4.3 standard errors at two degrees of freedom
    assert high - middle == pytest.approx(4.303 * 0.02 / 3**0.5, rel=0.03)
    assert low < 1 < high


def test_each_process_is_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(
        backend=("numpy",),
        model={"simple_baseline": Model(preset="tiny")},
        throughput=Size(
            batches=(2,), train=False, rounds=3, seconds=0.001, processes=2
        ),
    )
    job = Job(
        task="throughput",
        backend="numpy",
        model="simple_baseline",
        config=config,
        folder=tmp_path,
    )
    started: list[Worker] = []
    made = Worker.__init__

    def counted(worker: Worker, *, threads: int) -> None:
        started.append(worker)
        made(worker, threads=threads)

    monkeypatch.setattr(Worker, "__init__", counted)
    with contests.ring(config, lambda job, text, share: None) as contest:
        (found,) = contest([job])
        contest([job])
    assert first(found).parts == (3, 3)
    assert len(first(found).rounds) == 6
    # those of the first contest are none of the second
    assert len(started) == 4
