"""What Ctrl-C and SIGTERM leave: records, a checkpoint, and a run that goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from bench import records
from bench.coordinator import run as runs
from bench.coordinator.job import Job
from bench.processes.machine import ROOT
from bench.records import Evaluation, Training
from bench.training import checkpoint
from bench.training import task as train
from tests.bench.coordinator.small_runs import Scripted, quiet, tiny

CHECKPOINT = Path("checkpoints") / "numpy-simple_baseline.safetensors"


def test_ctrl_c_stops_the_worker_and_keeps_the_records(
    tmp_path: Path, script: type[Scripted]
) -> None:
    config = tiny(workers=1)
    folder = runs.start(config, out=tmp_path, command="")
    script.answers["train"] = "ctrl-c"
    with pytest.raises(KeyboardInterrupt):
        runs.execute(folder, config, quiet, quiet)
    assert script.events[-2:] == ["interrupt", "close"]
    kept = [record.task for record in records.load(folder).records]
    assert kept == ["baselines", "shape_ops", "feasibility", "parity"]
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
    """`python -m bench`, to which Ctrl-C means what it means at a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that starts pytest in the background lets it ignore Ctrl-C, and children inherit
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def interrupted(folder: Path) -> tuple[Path, int]:
    """A run of 900 steps that Ctrl-C has stopped in its training, and after how many."""
    steps = {"steps": 900, "validate_every": 150}
    config = tiny(tasks=["train", "evaluate"], train=steps)
    file = folder / "config.yaml"
    # JSON is YAML, too
    file.write_text(json.dumps(config.model_dump(mode="json", exclude_defaults=True)))
    model = ("--model", "simple_baseline", "--config", str(file))
    running = bench("run", *model, "--out", str(folder / "runs"))
    # the first validation has passed when there is a checkpoint
    wait_for(lambda: list(folder.glob(f"runs/*/{CHECKPOINT}")))
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    (run,) = (folder / "runs").iterdir()
    assert running.returncode == 130, said
    going_on = f"python -m bench run --resume {run}"
    # on a machine that is slow, how far it was comes before it
    assert said.splitlines()[-1] == f"interrupted; go on with: {going_on}"
    assert records.load(run).records == ()
    return run, int(checkpoint.load(run / CHECKPOINT).progress["step"])


def test_ctrl_c_during_training_leaves_a_run_that_resume_continues(
    tmp_path: Path,
) -> None:
    folder, stopped = interrupted(tmp_path)
    assert 150 <= stopped < 900

    going_on = bench("run", "--resume", str(folder), "--json")
    said, complaints = going_on.communicate(timeout=120)
    assert going_on.returncode == 0, complaints
    assert json.loads(said)["run"] == str(folder)
    trained, evaluated = (record.payload for record in records.load(folder).records)
    assert isinstance(trained, Training)
    assert isinstance(evaluated, Evaluation)
    assert trained.steps == 900
    assert stopped in trained.loss_steps, "the curve goes through the stop"
    assert evaluated.note == "weights after 900 steps"

    whole = Job(
        task="train",
        backend="numpy",
        model="simple_baseline",
        config=runs.resumed(folder),
        folder=tmp_path / "whole",
    )
    train.run(whole, backends.load("numpy"), "cpu", quiet)
    due = checkpoint.load(whole.checkpoint).params
    came = checkpoint.load(folder / CHECKPOINT).params
    for name in due:
        # not to the bit: the worker may compute in other threads than this process
        np.testing.assert_allclose(
            came[name], due[name], rtol=1e-6, atol=1e-7, err_msg=name
        )
