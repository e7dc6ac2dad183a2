"""Curves as TensorBoard reads them: the numbers of the record, also of a training gone on with."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from backends.base import Backend
from bench.__main__ import main
from bench.coordinator.job import Job
from bench.training import board
from tests.bench.commands.command_line import Said
from tests.bench.training.small_jobs import make_job, run

Points = dict[str, dict[int, float]]


def points(folder: Path) -> Points:
    """Scalars by name and step, of all event files of a folder in their order."""
    from tensorboardX.proto.event_pb2 import Event

    found: Points = {}
    for file in sorted(
        folder.glob("events*"), key=lambda each: each.stat().st_mtime_ns
    ):
        data, place = file.read_bytes(), 0
        while place < len(data):
            # length, its checksum, the event, its checksum
            (length,) = struct.unpack_from("<Q", data, place)
            event = Event.FromString(data[place + 12 : place + 12 + length])
            place += 16 + length
            if event.session_log.status == 1:
                # what TensorBoard forgets, as a reader of it must
                for of in found.values():
                    for step in [each for each in of if each >= event.step]:
                        del of[step]
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = value.simple_value
    return found


def watched(job: Job) -> Job:
    config = job.config.model_copy(update={"tensorboard": True})
    return job.model_copy(update={"config": config})


def test_the_curves_are_those_of_the_record(backend: Backend, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    payload = run(watched(make_job(tmp_path, backend)), backend)
    found = points(tmp_path / "tensorboard" / f"{backend.name}-simple_baseline")
    loss = dict(zip(payload.loss_steps, payload.loss, strict=True))
    error = dict(zip(payload.validation_steps, payload.validation_mpjpe, strict=True))
    assert found["training/loss"] == pytest.approx(loss)
    assert found["validation/MPJPE_mm"] == pytest.approx(error)
    assert list(found["training/rate"]) == list(loss)
    assert max(found["training/rate"].values()) <= 0.01
    assert min(found["training/steps_per_second"].values()) > 0


def test_a_training_gone_on_with_forgets_what_it_does_again(
    backend: Backend, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    job = watched(make_job(tmp_path, backend))
    with board.opened(job, 0) as tell:
        tell(25, {"training/loss": 1.0})
        tell(50, {"training/loss": 2.0})
    # the checkpoint is of step 25
    with board.opened(job, 25) as tell:
        tell(75, {"training/loss": 3.0})
    found = points(tmp_path / "tensorboard" / f"{backend.name}-simple_baseline")
    assert found == {"training/loss": {25: 1.0, 75: 3.0}}


def test_nobody_is_told_unless_asked(backend: Backend, tmp_path: Path) -> None:
    with board.opened(make_job(tmp_path, backend), 0) as tell:
        assert tell is board.silent
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_is_missing_is_one_line_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(board, "find_spec", lambda name: None)
    asked = ["train", "--backend", "numpy", "--model", "simple_baseline"]
    assert main([*asked, "--set", "tensorboard=true"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("tensorboard: tensorboardX is not installed; pip install")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
