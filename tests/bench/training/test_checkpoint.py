"""The checkpoint: it comes back as it was, whole or not at all, and any tool reads it."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import backends
from backends.base import Backend
from bench.commands import _measure
from bench.coordinator.run import Outcome
from bench.records import Record
from bench.training import checkpoint
from bench.training import task as train
from bench.training.checkpoint import Checkpoint
from bench.training.loop import Loop
from models.errors import BadInput, NotWritten
from tests.bench.training.small_jobs import make_job, run


def some_checkpoint() -> Checkpoint:
    arrays = {
        # a view that is not contiguous, which safetensors alone would write in memory's order
        "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "steps": np.array(3),
    }
    return Checkpoint(
        arrays,
        {"a.weight#0": np.ones(2)},
        {},
        {"step": 3, "fingerprint": "f", "curve": {"loss": [0.5]}},
    )


def assert_same(came: Checkpoint, due: Checkpoint) -> None:
    assert came.progress == due.progress
    for group in checkpoint.GROUPS:
        ours, theirs = getattr(came, group), getattr(due, group)
        assert ours.keys() == theirs.keys()
        for name in theirs:
            np.testing.assert_array_equal(ours[name], theirs[name], strict=True)


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.safetensors"
    checkpoint.save(path, some_checkpoint())
    assert_same(checkpoint.load(path), some_checkpoint())
    (left,) = path.parent.iterdir()
    assert left == path, "no draft"
    # with the format's own library, as any tool would
    names = sorted(load_file(path))
    assert names == ["optimizer/a.weight#0", "params/a.weight", "params/steps"]


def test_a_save_that_fails_leaves_the_checkpoint_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, some_checkpoint())

    def full(arrays: Any, draft: Path, **more: Any) -> None:
        draft.write_bytes(b"half a fi")
        raise OSError("no space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(NotWritten, match="no space.*left as it was"):
        checkpoint.save(path, Checkpoint({}, {}, {}, {"step": 4}))
    assert_same(checkpoint.load(path), some_checkpoint())
    assert list(tmp_path.iterdir()) == [path], "no half of a file"


@contextmanager
def full_disk(most: int) -> Iterator[None]:
    """No file of this process may have more bytes: what the system says is that of a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_checkpoint_before_it(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, some_checkpoint())
    large = Checkpoint({"a": np.zeros(4096)}, {}, {}, {"step": 4})
    with full_disk(4096), pytest.raises(NotWritten) as caught:
        checkpoint.save(path, large)
    assert str(caught.value).startswith(f"{path}: cannot be written (")
    assert_same(checkpoint.load(path), some_checkpoint())
    assert list(tmp_path.iterdir()) == [path]


def test_a_training_that_finds_no_room_says_so_and_keeps_what_it_had(
    tmp_path: Path,
) -> None:
    backend = backends.load("numpy")
    job = make_job(tmp_path, backend, steps=10, validate_every=5)
    run(job, backend)
    due = job.checkpoint.read_bytes()
    longer = make_job(tmp_path, backend, steps=20, validate_every=5)
    with full_disk(1024):
        found = train.run(longer, backend, "cpu", lambda text, share: None)
    assert found.status == "not_written"
    assert "cannot be written" in found.reason and "\n" not in found.reason
    assert found.reason.endswith("after 5 steps; there is no checkpoint of it yet")
    assert job.checkpoint.read_bytes() == due
    record = Record(
        task="train", backend="numpy", status=found.status, reason=found.reason
    )
    assert _measure.exit_code(Outcome(tmp_path, (record,)), job.config) == 2


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def break_header(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"dtype"', b'"dtyqe"'))


def drop_progress(path: Path) -> None:
    save_file({"params/a": np.ones(2)}, path)


def break_progress(path: Path) -> None:
    save_file({"params/a": np.ones(2)}, path, metadata={"progress": "{"})


def lie_of_origin(path: Path) -> None:
    header = {"progress": "{}", "origin": '{"unit": 5}'}
    save_file({"params/a": np.ones(2)}, path, metadata=header)


@pytest.mark.parametrize(
    "doctor",
    [truncate, empty, break_header, drop_progress, break_progress, lie_of_origin],
)
def test_a_doctored_checkpoint_is_bad_input(
    tmp_path: Path, doctor: Callable[[Path], None]
) -> None:
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, some_checkpoint())
    doctor(path)
    with pytest.raises(BadInput, match=f"^{path}: not a checkpoint of PosePort"):
        checkpoint.load(path)


def test_a_bit_that_flipped_is_found_by_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, some_checkpoint())
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    # the format alone sees nothing
    assert load_file(path)
    with pytest.raises(BadInput, match="its checksum is"):
        checkpoint.load(path)


def test_a_checkpoint_of_before_has_no_checksum_and_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"params/a": np.ones(2)}, path, metadata={"progress": "{}"})
    assert checkpoint.load(path).params.keys() == {"a"}


def test_a_damaged_checkpoint_is_put_aside_and_trained_anew(
    tmp_path: Path, backend: Backend
) -> None:
    job = make_job(tmp_path, backend)
    due = run(job, backend)
    whole = checkpoint.load(job.checkpoint)
    for number in (1, 2):
        truncate(job.checkpoint)
        broken = job.checkpoint.read_bytes()
        came = run(job, backend)
        aside = f"{job.checkpoint.name}.damaged{number}"
        assert came.note.startswith(f"trained anew, the checkpoint lies in {aside}")
        assert job.checkpoint.with_name(aside).read_bytes() == broken
        assert came.validation_mpjpe == due.validation_mpjpe
    again = checkpoint.load(job.checkpoint)
    for name, array in whole.params.items():
        np.testing.assert_array_equal(again.params[name], array)


def test_an_absent_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no checkpoint there; train the model first"):
        checkpoint.load(tmp_path / "absent")


def test_weights_that_do_not_fit_are_bad_input(
    tmp_path: Path, backend: Backend
) -> None:
    job = make_job(tmp_path, backend, steps=2)
    run(job, backend)
    found = checkpoint.load(job.checkpoint)
    name = next(name for name, array in found.params.items() if array.ndim == 2)
    shrunk = {**found.params, name: found.params[name][:-1]}
    doctored = Checkpoint(shrunk, found.optimizer, found.scaling, found.progress)
    checkpoint.save(job.checkpoint, doctored)
    with pytest.raises(BadInput, match=f"does not fit.*{name} has shape"):
        train.run(job, backend, "cpu", lambda text, share: None)


def test_what_is_saved_is_json(tmp_path: Path, backend: Backend) -> None:
    job = make_job(tmp_path, backend, steps=2)
    run(job, backend)
    progress = checkpoint.load(job.checkpoint).progress
    assert json.loads(json.dumps(progress)) == progress
    goes_on = {"step", "seconds", "curve", "start"}
    assert set(progress) == {"fingerprint", "steps", "accumulate", *goes_on}
    assert Loop.__dataclass_fields__.keys() > goes_on
