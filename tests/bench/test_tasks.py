"""Tasks are found by their rooms, in an order by neighbour, and a new one is found everywhere."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

from bench import config, tasks
from bench.coordinator import run as runs
from models.errors import BadInput, PosePortError, UnknownName
from tests.paths import ROOT


def test_the_rooms_are_the_list() -> None:
    rooms = {path.parent for path in (ROOT / "bench").rglob("task.py")}
    homes = {ROOT / task.module.replace(".", "/") for task in tasks.table().values()}
    assert {home.parent for home in homes} == rooms and len(rooms) >= 8


def test_tasks_come_after_those_they_build_on() -> None:
    order = list(tasks.table())
    for name, task in tasks.table().items():
        assert all(order.index(before) < order.index(name) for before in task.after)
    assert order.index("feasibility") < order.index("parity") < order.index("train")
    assert "third_party" in order and "third_party" not in tasks.usual()


@pytest.mark.parametrize("name", tasks.table())
def test_every_task_takes_what_a_worker_hands_it(name: str) -> None:
    run = importlib.import_module(tasks.get(name).module).run
    given = list(inspect.signature(run).parameters)
    assert given[:4] == ["job", "backend", "device", "progress"]
    assert ("turn" in given) == tasks.get(name).timed


def test_an_unknown_task_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="unknown task 'trian': did you mean train"):
        tasks.get("trian")


def test_a_room_with_a_task_is_all_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "robustness"
    room.mkdir()
    (room / "__init__.py").write_text('TASK = "robustness"\nABOUT = "backend"\n')
    (room / "task.py").write_text("")
    monkeypatch.setattr(tasks, "HERE", tmp_path)
    tasks.table.cache_clear()
    try:
        assert list(tasks.table()) == ["robustness"] == list(tasks.usual())
        asked = config.validate(
            {"tasks": ["robustness"], "backend": ["numpy", "torch"]}
        )
        cells = [
            (job.task, job.backend, job.model) for job in runs.jobs(asked, tmp_path)
        ]
        assert cells == [("robustness", "numpy", ""), ("robustness", "torch", "")]
        with pytest.raises(BadInput, match="known: robustness"):
            config.validate({"tasks": ["train"]})
    finally:
        tasks.table.cache_clear()


def test_two_rooms_of_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in ("one", "other"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text('TASK = "same"\n')
        (tmp_path / room / "task.py").write_text("")
    monkeypatch.setattr(tasks, "HERE", tmp_path)
    tasks.table.cache_clear()
    try:
        with pytest.raises(PosePortError, match=r"bench.one.task and bench.other.task"):
            tasks.table()
    finally:
        tasks.table.cache_clear()


def test_a_task_that_asks_for_clips_says_so() -> None:
    """Else the coordinator would not read them, and every cell would by itself."""
    for name, task in tasks.table().items():
        file = ROOT / f"{task.module.replace('.', '/')}.py"
        asks = re.search(r"\b(dataset|split_of)\b", file.read_text(encoding="utf-8"))
        # the audit reads none itself: it puts faults to a training, which does
        assert bool(asks) == task.data or name == "audit", name
