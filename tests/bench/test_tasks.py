"""Tasks are found by their rooms, in an order by neighbour, and a new one is found everywhere."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from bench import config, tasks
from bench.coordinator import run as runs
from models.errors import BadInput, UnknownName


def test_the_rooms_are_the_list() -> None:
    assert list(tasks.table()) == [
        "baselines",
        "feasibility",
        "shape_ops",
        "parity",
        "train",
        "evaluate",
        "throughput",
        "third_party",
    ]
    assert tasks.usual() == tuple(name for name in tasks.table() if name != "third_party")


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
        asked = config.validate({"tasks": ["robustness"], "backend": ["numpy", "torch"]})
        cells = [(job.task, job.backend, job.model) for job in runs.jobs(asked, tmp_path)]
        assert cells == [("robustness", "numpy", ""), ("robustness", "torch", "")]
        with pytest.raises(BadInput, match="known: robustness"):
            config.validate({"tasks": ["train"]})
    finally:
        tasks.table.cache_clear()
