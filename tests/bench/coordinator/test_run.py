"""Runs: which cells there are, what is refused before work, what a resume does again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import config as configs
from bench import records
from bench.coordinator import checking
from bench.coordinator import run as runs
from bench.data import protocols
from models.errors import BadInput, Missing, UnknownName
from tests.bench.coordinator.small_runs import Scripted, quiet, tiny


def test_cells_come_backend_by_backend_and_in_the_order_they_need() -> None:
    config = tiny(backend=["numpy", "torch"], tasks=["evaluate", "train", "shape_ops"])
    cells = [(job.backend, job.model, job.task) for job in runs.jobs(config, Path("x"))]
    one = [
        ("", "shape_ops"),
        ("simple_baseline", "train"),
        ("simple_baseline", "evaluate"),
    ]
    assert cells == [(backend, *rest) for backend in ("numpy", "torch") for rest in one]


def test_what_is_about_the_data_alone_comes_once_and_first() -> None:
    config = tiny(backend=["numpy", "torch"], tasks=["evaluate", "baselines"])
    cells = [(job.backend, job.model, job.task) for job in runs.jobs(config, Path("x"))]
    assert cells[0] == ("", "", "baselines")
    assert [task for _, _, task in cells] == ["baselines", "evaluate", "evaluate"]


@pytest.mark.parametrize(
    ("backends", "against", "who"),
    [
        (["numpy", "torch"], "", ["numpy"]),
        (["numpy", "torch"], "torch", ["torch"]),
        # Nobody is held against it.
        (["numpy"], "", []),
        (["numpy", "numpy"], "", []),
    ],
)
def test_only_the_reference_trains_again_and_only_where_there_are_others(
    backends: list[str], against: str, who: list[str]
) -> None:
    config = tiny(backend=backends, against=against, tasks=["train_again", "train"])
    found = [job for job in runs.jobs(config, Path("x")) if job.task == "train_again"]
    assert [(job.backend, job.model) for job in found] == [
        (name, "simple_baseline") for name in who
    ]


def test_several_seeds_are_of_every_backend_that_trains() -> None:
    def again(**asked: Any) -> list[str]:
        config = tiny(backend=["numpy", "torch"], **asked)
        found = runs.jobs(config, Path("x"))
        return [job.backend for job in found if job.task == "train_again"]

    assert again(seeds=3, tasks=["train"]) == ["numpy", "torch"]
    assert again(seeds=1, tasks=["train"]) == []
    assert again(seeds=3, tasks=["parity"]) == []


def test_nothing_is_trained_to_evaluate_a_file() -> None:
    config = tiny(backend=["numpy"], tasks=["train", "evaluate"], checkpoint="a.b")
    found = [job.task for job in runs.jobs(config, Path("x"))]
    assert found == ["evaluate"]


def test_a_run_folder_says_what_was_asked_and_where(tmp_path: Path) -> None:
    config, out = tiny(seed=4), tmp_path / "new" / "runs"
    folder = runs.start(config, out=out, command="python -m bench run")
    info = records.load(folder).info
    assert info.id == folder.name
    assert info.seed == 4
    assert info.finished is None
    assert info.command == "python -m bench run"
    facts = {"system", "processor", "cores", "memory_bytes", "python"}
    assert info.environment.keys() >= facts
    assert runs.resumed(folder) == config
    again = runs.start(config, out=out, command="")
    assert folder != again, "two runs of one second do not meet"


def test_resuming_what_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput,
        match="is no run folder: it holds no run.json; give the folder",
    ):
        runs.resumed(tmp_path)
    (tmp_path / "run.json").write_text('{"id": 1}')
    with pytest.raises(
        BadInput, match=r"run.json or records.jsonl that this version cannot"
    ):
        runs.resumed(tmp_path)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"backend": ["numpi"]}, UnknownName, "unknown backend"),
        ({"ops": ["gleu"]}, UnknownName, "unknown op"),
        ({"model": {"motionbret": {}}}, UnknownName, "unknown model"),
        ({"data": "bvh:/nowhere/at/all"}, BadInput, "/nowhere/at/all"),
        ({"protocol": "bandai-clips"}, BadInput, "synthetic"),
    ],
)
def test_what_can_be_wrong_is_found_before_work_starts(
    change: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        checking.check(tiny(**change))


def test_a_backend_that_is_not_installed_is_missing_before_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backends._absent", lambda name: ["nonesuch"])
    with pytest.raises(
        Missing,
        match=r"backend numpy needs nonesuch, not installed here: pip install -e",
    ):
        checking.check(tiny())


def test_a_joint_count_beside_the_protocol_is_refused() -> None:
    with pytest.raises(BadInput, match=r"model\.motionbert\.sizes\.joints: 17 was due"):
        checking.check_model(
            "motionbert",
            configs.Model(preset="small", sizes={"joints": 5}),
            protocols.load("synthetic"),
        )


def test_a_resume_keeps_what_is_finished_and_does_the_rest_again(
    tmp_path: Path, script: type[Scripted]
) -> None:
    config = tiny(workers=1)
    folder = runs.start(config, out=tmp_path, command="")
    # a backend that cannot may be able to after an update, so what it lacks is asked again
    answers = {
        "parity": "failed",
        "throughput": "timeout",
        "feasibility": "unsupported",
    }
    script.answers |= answers
    first = runs.execute(folder, config, quiet, quiet)
    about_the_model = ("feasibility", "parity", "train", "evaluate", "throughput")
    cells = [f"{task} simple_baseline" for task in about_the_model]
    assert script.asked == ["baselines", "shape_ops", *cells]
    assert [record.task for record in first.failed] == ["parity", "throughput"]

    script.asked.clear()
    script.answers.clear()
    again = runs.execute(folder, runs.resumed(folder), quiet, quiet)
    unfinished = ("feasibility", "parity", "throughput")
    assert script.asked == [f"{task} simple_baseline" for task in unfinished]
    assert len(again.records) == 7, "the later record of a cell stands for it"
    assert not again.failed

    script.asked.clear()
    runs.execute(folder, config, quiet, quiet)
    assert script.asked == [], "nothing is left to do"


def test_weights_that_are_gone_are_made_again_where_they_are_missed(
    tmp_path: Path, script: type[Scripted]
) -> None:
    config = tiny(workers=1, tasks=["train", "evaluate"])
    folder = runs.start(config, out=tmp_path, command="")
    script.answers["evaluate"] = "failed"
    runs.execute(folder, config, quiet, quiet)
    script.asked.clear()
    script.answers.clear()
    # the scripted training has left none
    runs.execute(folder, config, quiet, quiet)
    assert script.asked == ["train simple_baseline", "evaluate simple_baseline"]
    script.asked.clear()
    runs.execute(folder, config, quiet, quiet)
    assert script.asked == [], "nobody misses them now"


def test_exam_and_models_of_a_backend_share_a_worker(
    tmp_path: Path, script: type[Scripted]
) -> None:
    config = tiny(tasks=["shape_ops", "feasibility", "parity"], threads=3)
    runs.execute(runs.start(config, out=tmp_path, command=""), config, quiet, quiet)
    assert script.events == ["start 3", "close"], "the framework is loaded once"
