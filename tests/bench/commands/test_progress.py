"""What is told of a run under way: how far it is, and what time is left where that is known."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from bench.commands import _progress
from bench.commands._pace import Pace
from bench.config import Config
from bench.coordinator.job import Job
from bench.records import Record
from tests.bench.commands.command_line import Said


class Clock:
    """Stands still unless it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def job(task: str, model: str = "motionbert") -> Job:
    return Job(
        task=task, backend="torch", model=model, config=Config(), folder=Path("x")
    )


def record(task: str, seconds: float | None, model: str = "motionbert") -> Record:
    about = {"task": task, "backend": "torch", "model": model, "seconds": seconds}
    return Record.model_validate({**about, "status": "ok"})


JOBS = [job("parity"), job("train"), job("parity", "poseformer")]


def test_time_left_is_told_as_soon_as_every_task_is_known() -> None:
    clock = Clock()
    pace = Pace.of([*JOBS, job("train", "poseformer")], clock)
    assert pace.said() == "0 of 4 cells, 0:00:00 so far"
    clock.now = 10
    pace.ended(record("parity", 10))
    assert pace.left() is None, "nobody knows what a training takes"
    clock.now = 70
    pace.ended(record("train", 60))
    # 70 seconds of work in 70 seconds, and as much again to do
    assert pace.said() == "2 of 4 cells, 0:01:10 so far, about 0:01:10 left"


def test_two_at_once_take_half_the_time_and_what_is_half_done_counts_half() -> None:
    clock = Clock()
    pace = Pace.of(JOBS[::2] * 2, clock)
    clock.now = 10
    for model in ("motionbert", "poseformer"):
        pace.ended(record("parity", 10, model))
    assert pace.left() == 10
    pace.heard(job("parity"), "forward", 0.5)
    assert pace.left() == 7.5


def test_a_cell_that_goes_on_from_a_checkpoint_is_not_taken_for_quick() -> None:
    clock = Clock()
    pace = Pace.of(JOBS, clock)
    work = pace.heard(job("train"), "step 500", 0.5)
    assert work.left(clock.now) is None
    clock.now = 10
    assert pace.heard(job("train"), "step 600", 0.6) is work
    assert work.left(clock.now) == pytest.approx(40)


def test_comparisons_and_cells_that_crashed_do_not_break_the_count() -> None:
    pace = Pace.of(JOBS[:1], Clock())
    pace.ended(record("compare", None))
    pace.ended(record("parity", None))
    assert pace.said() == "1 of 1 cells, 0:00:00 so far"
    assert pace.left() is None


def test_without_a_terminal_a_line_is_said_now_and_then(capsys: Said) -> None:
    clock = Clock()
    listen, finished = _progress.lines(Pace.of(JOBS, clock))
    listen(job("train"), "step 25", 0.25)
    assert capsys.readouterr().err == "", "it has only begun"
    clock.now = 31
    listen(job("train"), "step 50", 0.5)
    listen(job("train"), "step 51", 0.51)
    done = "0 of 3 cells, 0:00:31 so far: train motionbert on torch: step 50 (50%)"
    due = f"{done} 0:01:02 left\n"
    assert capsys.readouterr().err == due
    finished(record("train", 31).model_copy(update={"reason": "two\nlines"}))
    due = "1 of 3 cells, 0:00:31 so far: train motionbert on torch ok two lines\n"
    assert capsys.readouterr().err == due


def test_at_a_terminal_there_are_bars_with_the_time_left() -> None:
    clock, text = Clock(), io.StringIO()
    console = Console(file=text, force_terminal=True, width=160)
    with _progress.bars(console, Pace.of(JOBS, clock)) as (listen, finished):
        listen(job("train"), "step 1", 0.0)
        clock.now = 10
        listen(job("train"), "[step] 2", 0.25)
        console.show_cursor()  # draws nothing, but lets the bars be drawn
        finished(record("parity", 10))
    drawn = text.getvalue()
    assert "parity" in drawn
    assert "train motionbert on torch: [step] 2" in drawn
    assert "0:00:30 left" in drawn
    assert "1 of 3 cells" in drawn


def test_quiet_is_quiet(capsys: Said) -> None:
    with _progress.progress(JOBS, quiet=True) as (listen, finished):
        listen(job("train"), "step 1", 0.0)
        finished(record("train", 1))
    assert capsys.readouterr() == ("", "")
