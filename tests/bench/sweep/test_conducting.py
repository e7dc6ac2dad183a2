"""What is done, kept, tried again and written down, whoever does the cells."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import records
from bench.coordinator import lock
from bench.sweep import index
from bench.sweep.keys import Keys
from bench.sweep.order import Order
from models.errors import BadInput
from tests.bench.sweep.sweeping import Fake, here, statuses, swept, written


def orders(executor: Fake) -> list[list[str]]:
    """The cells of each order, as task, backend and model."""
    return [
        [f"{job.task} {job.backend} {job.model}".strip() for job in order.jobs]
        for order in executor.orders
    ]


def test_every_point_is_a_usual_run_folder(tmp_path: Path) -> None:
    sweep = swept(written(tmp_path, grid={"seed": [0, 1]}), Fake())
    runs = sorted(place.parent for place in tmp_path.glob("*/run.json"))
    assert len(runs) == 2
    for seed, folder in enumerate(runs):
        run = records.read(folder)
        assert run.info.seed == seed
        assert run.info.finished
        assert [record.status for record in run.records] == ["ok"]
    assert statuses(sweep) == ["ok", "ok"]


def test_a_point_is_held_while_it_is_at_work(tmp_path: Path) -> None:
    class Looking(Fake):
        def submit(self, order: Order) -> None:
            refused = pytest.raises(BadInput, match="another process is at work")
            with refused, lock.held(order.jobs[0].folder):
                pass
            super().submit(order)

    executor = Looking()
    swept(written(tmp_path, grid={"seed": [0, 1]}), executor)
    assert len(executor.orders) == 2
    for place in tmp_path.glob("*/run.json"):
        with lock.held(place.parent):
            pass


def test_what_has_its_answer_is_not_asked_again(tmp_path: Path) -> None:
    file = written(tmp_path, grid={"seed": [0, 1, 2]})
    swept(file, Fake())
    again = Fake()
    swept(file, again)
    assert again.orders == []


@pytest.mark.parametrize("status", ["failed", "crashed", "timeout", "out_of_memory"])
def test_what_fails_is_tried_again_up_to_the_cap(tmp_path: Path, status: str) -> None:
    file = written(tmp_path, grid={"seed": [0, 1]}, attempts=3)
    executor = Fake(lambda order: [status if order.jobs[0].config.seed else "ok"])
    sweep = swept(file, executor)
    seeds = [order.jobs[0].config.seed for order in executor.orders]
    assert sorted(seeds) == [0, 1, 1, 1]
    assert statuses(sweep) == ["ok", status]
    # the cap is of the whole sweep, however often it is gone on with
    again = Fake()
    swept(file, again)
    assert again.orders == []


def test_a_later_answer_takes_the_place_of_a_failure(tmp_path: Path) -> None:
    answers = iter(["crashed", "ok"])
    sweep = swept(
        written(tmp_path, grid={"seed": [0]}), Fake(lambda order: [next(answers)])
    )
    assert statuses(sweep) == ["ok"]
    (folder,) = (place.parent for place in tmp_path.glob("*/run.json"))
    (record,) = records.load(folder).records
    assert record.status == "ok"


@pytest.mark.parametrize("status", ["unsupported", "not_measured"])
def test_an_answer_is_no_failure(tmp_path: Path, status: str) -> None:
    executor = Fake(lambda order: [status])
    swept(written(tmp_path, grid={"seed": [0]}), executor)
    assert len(executor.orders) == 1


def test_a_training_that_is_done_again_is_scored_again(tmp_path: Path) -> None:
    base = {"tasks": ["train", "evaluate"]}
    file = written(tmp_path, base=base, grid={"seed": [0]})
    answers = iter([["crashed", "not_measured"], ["ok", "ok"]])
    executor = Fake(lambda order: next(answers))
    swept(file, executor)
    both = ["train numpy simple_baseline", "evaluate numpy simple_baseline"]
    assert orders(executor) == [both, both]


def test_cells_that_points_have_in_common_are_done_once(tmp_path: Path) -> None:
    base = {"tasks": ["shape_ops", "feasibility"]}
    grid = {"model": ["simple_baseline", "semgcn"]}
    executor = Fake()
    sweep = swept(written(tmp_path, base=base, grid=grid), executor)
    asked = [cell for order in orders(executor) for cell in order]
    assert asked.count("shape_ops numpy") == 1
    # and stand in each point's folder all the same
    for place in tmp_path.glob("*/run.json"):
        tasks = {record.task for record in records.load(place.parent).records}
        assert tasks == {"shape_ops", "feasibility"}
    assert set(statuses(sweep)) == {"ok"}


def test_timed_cells_come_last_and_compete(tmp_path: Path) -> None:
    base = {"tasks": ["throughput", "feasibility"]}
    grid = {"backend": [["numpy"]], "seed": [0, 1]}
    executor = Fake(room=8)
    swept(written(tmp_path, base=base, grid=grid), executor)
    assert [order.alone for order in executor.orders] == [False, False, True, True]


def test_a_line_that_is_torn_is_a_cell_that_is_done_again(tmp_path: Path) -> None:
    file = written(tmp_path, grid={"seed": [0, 1]})
    swept(file, Fake())
    lines = (tmp_path / index.FILE).read_bytes()
    (tmp_path / index.FILE).write_bytes(lines[:-20])
    again = Fake()
    swept(file, again)
    assert len(again.orders) == 1
    assert len(index.read(tmp_path).cells) == 2


def test_another_environment_makes_other_cells(tmp_path: Path) -> None:
    file = written(tmp_path, grid={"seed": [0]})
    swept(file, Fake())
    again = Fake()
    swept(file, again, keys=Keys(lambda backend: "another"))
    assert len(again.orders) == 1


@pytest.mark.parametrize(
    ("change", "measured"),
    [
        # neither how long a cell may take, nor how many times, bears on a number
        ({"limits": {"seconds": 77}}, 0),
        ({"attempts": 5}, 0),
        ({"base": {"parity": {"steps": 3}}}, 2),
        ({"base": {"throughput": {"rounds": 7}}}, 0),
        ({"grid": {"seed": [0, 1, 2]}}, 1),
    ],
)
def test_only_what_bears_on_a_cell_makes_it_another(
    tmp_path: Path, change: dict[str, Any], measured: int
) -> None:
    swept(written(tmp_path, grid={"seed": [0, 1]}), Fake())
    again = Fake()
    swept(written(tmp_path, **{"grid": {"seed": [0, 1]}, **change}), again)
    assert len(again.orders) == measured


def test_ctrl_c_keeps_what_has_ended(tmp_path: Path) -> None:
    def interrupted(order: Order) -> list[str]:
        if len(executor.orders) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return ["ok"]

    file = written(tmp_path, grid={"seed": list(range(6))})
    executor = Fake(interrupted, room=1)
    with pytest.raises(KeyboardInterrupt):
        swept(file, executor)
    assert executor.closed == 1
    again = Fake()
    swept(file, again)
    assert len(executor.orders) + len(again.orders) == 6


def test_an_executor_is_closed_whatever_happens(tmp_path: Path) -> None:
    def broken(order: Order) -> list[str]:
        raise ZeroDivisionError

    executor = Fake(broken)
    with pytest.raises(ZeroDivisionError):
        swept(written(tmp_path, grid={"seed": [0]}), executor)
    assert executor.closed == 1


def test_keys_tell_models_settings_and_backends_apart(
    cells: Callable[..., tuple[str, ...]],
) -> None:
    one = cells()
    others = [
        cells(model={"semgcn": {}}),
        cells(seed=1),
        cells(precision="bf16"),
        cells(backend=("torch",)),
        cells(model={"simple_baseline": {"sizes": {"width": 32}}}),
        cells(data="synthetic", small=0.5),
    ]
    assert cells() == one
    assert len({one, *others}) == 1 + len(others)


@pytest.mark.parametrize("task", ["throughput", "profile", "detours"])
def test_how_things_are_timed_is_of_all_that_times(
    task: str, cells: Callable[..., tuple[str, ...]]
) -> None:
    one, other = (
        cells(tasks=[task], throughput={"batches": [batch]}) for batch in (1, 64)
    )
    assert one != other


@pytest.fixture
def cells(tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """The keys of a configuration's first model on its backend."""
    from bench import config
    from bench.sweep import lots

    def found(**said: Any) -> tuple[str, ...]:
        whole = {"tasks": ["feasibility"], "model": {"simple_baseline": {}}, **said}
        made = config.validate({**whole, "protocol": "synthetic"})
        return Keys(here).of(lots.divided(made, tmp_path)[0])

    return found
