"""Runs: which cells there are, what a resume does again, what Ctrl-C leaves, and a training
whose loss stops being a number.
"""

from __future__ import annotations

import _thread
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Backend
from bench import config as configs
from bench import records
from bench.config import Config
from bench.coordinator import checking, crew
from bench.coordinator import run as runs
from bench.coordinator.job import Job
from bench.data import protocols
from bench.evaluation import task as evaluate
from bench.processes.machine import ROOT
from bench.records import Evaluation, Record, Training
from bench.training import checkpoint
from bench.training import task as train
from models.errors import BadInput, Missing, UnknownName

TINY = {"sizes": {"width": 16, "stages": 1, "dropout": 0.0}}


def tiny(**change: Any) -> Config:
    """Small and without noise."""
    settings = {
        "steps": 40,
        "batch": 16,
        "validate_every": 10,
        "validation_windows": 64,
        **change.pop("train", {}),
    }
    model = {"simple_baseline": {**TINY, "train": settings}}
    return configs.validate(
        {"small": 0.05, "device": "cpu", "threads": 1, "model": model, **change}
    )


def quiet(*anything: object) -> None:
    """Nobody listens."""


def test_cells_come_backend_by_backend_and_in_the_order_they_need() -> None:
    config = tiny(backend=["numpy", "torch"], tasks=["evaluate", "train", "shape_ops"])
    cells = [(job.backend, job.model, job.task) for job in runs.jobs(config, Path("x"))]
    one = [("", "shape_ops"), ("simple_baseline", "train"), ("simple_baseline", "evaluate")]
    assert cells == [(backend, *rest) for backend in ("numpy", "torch") for rest in one]


def test_what_is_about_the_data_alone_comes_once_and_first() -> None:
    config = tiny(backend=["numpy", "torch"], tasks=["evaluate", "baselines"])
    cells = [(job.backend, job.model, job.task) for job in runs.jobs(config, Path("x"))]
    assert cells[0] == ("", "", "baselines")
    assert [task for _, _, task in cells] == ["baselines", "evaluate", "evaluate"]


def test_a_run_folder_says_what_was_asked_and_where(tmp_path: Path) -> None:
    config = tiny(seed=4)
    folder = runs.start(
        config, out=tmp_path / "new" / "runs", command="python -m bench run"
    )
    info = records.load(folder).info
    assert (info.id, info.seed, info.finished, info.command) == (
        folder.name,
        4,
        None,
        "python -m bench run",
    )
    assert info.environment.keys() >= {
        "system",
        "processor",
        "cores",
        "memory_bytes",
        "python",
    }
    assert runs.resumed(folder) == config
    assert folder != runs.start(config, out=tmp_path / "new" / "runs", command=""), (
        "two runs of one second do not meet"
    )


def test_resuming_what_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match="is no run folder: it holds no run.json; --resume takes the folder"
    ):
        runs.resumed(tmp_path)
    (tmp_path / "run.json").write_text('{"id": 1}')
    with pytest.raises(BadInput, match=r"run.json or records.jsonl cannot be read"):
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


class Scripted:
    """A worker that answers from a list and notes what it was asked."""

    answers: dict[str, str] = {}
    asked: list[str] = []
    events: list[str] = []
    stopped: threading.Event

    def __init__(self, *, threads: int) -> None:
        self.events.append(f"start {threads}")

    def run(
        self,
        job: Job,
        listen: Callable[[str, float], None],
        *,
        timeout: float,
        turn: Callable[[], None],
    ) -> Record:
        self.asked.append(f"{job.task} {job.model}".strip())
        listen("at it", 0.5)
        status = self.answers.get(job.task, "ok")
        if status == "ctrl-c":
            _thread.interrupt_main()
        if status in ("ctrl-c", "waits"):
            assert self.stopped.wait(30), "nobody asked it to stop"
        return Record.model_validate(
            {
                "task": job.task,
                "backend": job.backend,
                "model": job.model,
                "device": job.config.device,
                "status": status,
                "reason": status,
            }
        )

    def interrupt(self) -> None:
        self.events.append("interrupt")
        self.stopped.set()

    def close(self) -> None:
        self.events.append("close")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    monkeypatch.setattr(Scripted, "answers", {})
    monkeypatch.setattr(Scripted, "asked", [])
    monkeypatch.setattr(Scripted, "events", [])
    monkeypatch.setattr(Scripted, "stopped", threading.Event(), raising=False)
    monkeypatch.setattr(crew, "Worker", Scripted)
    return Scripted


def test_a_resume_keeps_what_is_finished_and_does_the_rest_again(
    tmp_path: Path, script: type[Scripted]
) -> None:
    config = tiny(workers=1)
    folder = runs.start(config, out=tmp_path, command="")
    script.answers |= {
        "parity": "failed",
        "throughput": "timeout",
        "feasibility": "unsupported",
    }
    first = runs.execute(folder, config, quiet, quiet)
    everything = [
        "baselines",
        "shape_ops",
        *(
            f"{task} simple_baseline"
            for task in ("feasibility", "parity", "train", "evaluate", "throughput")
        ),
    ]
    assert script.asked == everything
    assert [record.task for record in first.failed] == ["parity", "throughput"]
    script.asked.clear()
    script.answers.clear()
    again = runs.execute(folder, runs.resumed(folder), quiet, quiet)
    assert script.asked == [
        f"{task} simple_baseline" for task in ("feasibility", "parity", "throughput")
    ]
    assert len(again.records) == 7 and not again.failed, (
        "the later record of a cell stands for it"
    )
    script.asked.clear()
    runs.execute(folder, config, quiet, quiet)
    assert script.asked == [], "nothing is left to do"


def test_models_do_not_share_a_worker(tmp_path: Path, script: type[Scripted]) -> None:
    config = tiny(tasks=["shape_ops", "feasibility", "parity"], threads=3)
    runs.execute(runs.start(config, out=tmp_path, command=""), config, quiet, quiet)
    assert script.events == [
        "start 3",
        "close",
        "start 3",
        "close",
    ], "the exam's, and the model's for both of its tasks"


def test_ctrl_c_stops_the_worker_and_keeps_the_records(
    tmp_path: Path, script: type[Scripted]
) -> None:
    config = tiny(workers=1)
    folder = runs.start(config, out=tmp_path, command="")
    script.answers["train"] = "ctrl-c"
    with pytest.raises(KeyboardInterrupt):
        runs.execute(folder, config, quiet, quiet)
    assert script.events[-2:] == ["interrupt", "close"]
    assert [record.task for record in records.load(folder).records] == [
        "baselines",
        "shape_ops",
        "feasibility",
        "parity",
    ]
    assert records.load(folder).info.finished is None


def test_sigterm_counts_as_ctrl_c_and_the_handler_is_put_back(
    tmp_path: Path, script: type[Scripted]
) -> None:
    config, before = tiny(tasks=["feasibility"]), signal.getsignal(signal.SIGTERM)
    folder = runs.start(config, out=tmp_path, command="")
    script.answers["feasibility"] = "waits"
    with pytest.raises(KeyboardInterrupt):
        runs.execute(
            folder, config, lambda *heard: os.kill(os.getpid(), signal.SIGTERM), quiet
        )
    assert script.events[-2:] == ["interrupt", "close"]
    assert signal.getsignal(signal.SIGTERM) is before


def wait_for(found: Callable[[], Any], *, seconds: float = 60) -> Any:
    """The first true answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.02)
    pytest.fail(f"nothing within {seconds} s")


def bench(*arguments: str) -> subprocess.Popen[str]:
    """`python -m bench`, to which Ctrl-C means what it means at a terminal even where
    pytest ignores it.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_ctrl_c_during_training_leaves_a_run_that_resume_continues(tmp_path: Path) -> None:
    config = tiny(tasks=["train", "evaluate"], train={"steps": 900, "validate_every": 150})
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(config.model_dump(mode="json", exclude_defaults=True)))
    running = bench(
        "run",
        "--model",
        "simple_baseline",
        "--config",
        str(file),
        "--out",
        str(tmp_path / "runs"),
    )
    wait_for(
        lambda: list(tmp_path.glob("runs/*/checkpoints/numpy-simple_baseline.safetensors"))
    )
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    (folder,) = (tmp_path / "runs").iterdir()
    assert running.returncode == 130, said
    assert said.strip() == f"interrupted; go on with: python -m bench run --resume {folder}"
    assert records.load(folder).records == ()
    path = folder / "checkpoints" / "numpy-simple_baseline.safetensors"
    stopped = checkpoint.load(path).progress["step"]
    assert 150 <= stopped < 900

    going_on = bench("run", "--resume", str(folder), "--json")
    said, complaints = going_on.communicate(timeout=120)
    assert going_on.returncode == 0, complaints
    assert json.loads(said)["run"] == str(folder)
    trained, evaluated = (record.payload for record in records.load(folder).records)
    assert isinstance(trained, Training) and isinstance(evaluated, Evaluation)
    assert trained.steps == 900 and stopped in trained.loss_steps, (
        "the curve goes through the stop"
    )
    assert evaluated.note == "weights after 900 steps"

    whole = Job(
        task="train",
        backend="numpy",
        model="simple_baseline",
        config=runs.resumed(folder),
        folder=tmp_path / "whole",
    )
    train.run(whole, backends.load("numpy"), "cpu", quiet)
    due, came = checkpoint.load(whole.checkpoint).params, checkpoint.load(path).params
    for name in due:
        np.testing.assert_allclose(
            came[name], due[name], rtol=1e-6, atol=1e-7, err_msg=name
        )


def plant(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, *, step: int, loss: float | None
) -> None:
    """After `step` steps the weights are no numbers; that step's loss is what is told, or
    what it was.
    """
    made: list[int] = []
    make = type(backend).trainer

    def broken(self: Backend, *args: Any) -> Any:
        trainer = make(self, *args)
        real = trainer.step

        def stepping(feeds: Any) -> Any:
            made.append(1)
            came = real(feeds)
            if len(made) >= step:
                trainer.program.load(
                    {
                        name: np.full_like(array, np.nan)
                        for name, array in trainer.program.params().items()
                    }
                )
                return came if loss is None else loss
            return came

        trainer.step = stepping
        return trainer

    monkeypatch.setattr(type(backend), "trainer", broken)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("step", "loss", "reason", "kept"),
    [
        (
            18,
            float("nan"),
            (
                "the loss became nan at step 18; the checkpoint of step 10 is kept; lower"
                " the learning rate"
            ),
            10,
        ),
        (
            30,
            float("inf"),
            (
                "the loss became inf at step 30; the checkpoint of step 20 is kept; lower"
                " the learning rate"
            ),
            20,
        ),
        (
            20,
            None,
            (
                "the validation error became nan at step 20; the checkpoint of step 10 is"
                " kept; lower the learning rate"
            ),
            10,
        ),
        (
            24,
            None,
            (
                "the loss became nan at step 25; the checkpoint of step 20 is kept; lower"
                " the learning rate"
            ),
            20,
        ),
    ],
)
def test_a_loss_that_is_no_number_fails_with_its_step_and_keeps_the_last_good_checkpoint(
    tmp_path: Path,
    backend: Backend,
    step: int,
    loss: float | None,
    reason: str,
    kept: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tiny(tasks=["train"])
    job = Job(
        task="train",
        backend=backend.name,
        model="simple_baseline",
        config=config,
        folder=tmp_path,
    )
    with monkeypatch.context() as patch:
        plant(backend, patch, step=step, loss=loss)
        finding = train.run(job, backend, "cpu", quiet)
    assert (finding.status, finding.reason) == ("failed", reason)
    found = checkpoint.load(job.checkpoint)
    assert found.progress["step"] == kept
    assert all(np.isfinite(array).all() for array in found.params.values())
    assert (
        isinstance(finding.payload, Training)
        and max(finding.payload.validation_steps) == kept
    )
    scored = evaluate.run(job, backend, "cpu", quiet)
    assert (
        scored.status == "ok"
        and isinstance(scored.payload, Evaluation)
        and scored.payload.note == f"weights after {kept} steps"
    )


def test_a_learning_rate_out_of_bounds_fails_the_cell_and_not_the_run(
    tmp_path: Path,
) -> None:
    config = tiny(tasks=["train", "evaluate"], train={"lr": 1e30, "optimizer": "sgd"})
    folder = runs.start(config, out=tmp_path, command="")
    outcome = runs.execute(folder, config, quiet, quiet)
    trained, evaluated = outcome.records
    assert trained.status == "failed" and trained.reason.startswith(
        "the loss became inf at step 2; "
    )
    assert trained.reason.endswith("no checkpoint was due yet; lower the learning rate")
    assert evaluated.status == "not_measured"
    assert outcome.failed == [trained]
    assert records.load(folder).info.finished


def test_a_backend_that_is_not_installed_is_missing_before_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backends._absent", lambda name: ["nonesuch"])
    with pytest.raises(
        Missing, match=r"backend numpy needs nonesuch, not installed here: pip install -e"
    ):
        checking.check(tiny())


def test_a_joint_count_beside_the_protocol_is_refused() -> None:
    with pytest.raises(BadInput, match=r"model\.motionbert\.sizes\.joints: 17 was due"):
        checking.check_model(
            "motionbert",
            configs.Model(preset="small", sizes={"joints": 5}),
            protocols.load("synthetic"),
        )
