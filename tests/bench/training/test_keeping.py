"""Checkpoints that stay beside the last one: which, when, and which of them is evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import backends
from bench.coordinator import checking
from bench.coordinator.job import Job
from bench.evaluation import task as evaluate
from bench.kinds import Keep
from bench.records import Evaluation
from bench.training import checkpoint, keeping
from bench.training.checkpoint import Checkpoint
from bench.training.keeping import Keeping
from bench.training.validation import Validation
from models.errors import BadInput
from tests.bench.training.small_jobs import make_job, run

ERRORS = {10: 9.0, 20: 5.0, 30: 7.0, 40: 4.0, 50: 6.0, 60: 4.0}


def kept(rules: Keep, folder: Path) -> list[str]:
    """The files that stay after each validation in turn, of a training with these errors."""
    held = Keeping(rules, folder / "last.safetensors")
    found: dict[int, float] = {}
    for step, error in ERRORS.items():
        found[step] = error
        whole = Checkpoint({"a": np.full(4, step)}, {}, {}, {"step": step})
        held.keep(whole, step, found)
        checkpoint.save(held.last, whole)
    places = sorted(folder.iterdir())
    return [place.name.removesuffix(".safetensors") for place in places]


def steps(*numbers: int) -> list[str]:
    return ["last", *(f"last.step-{number:06}" for number in numbers)]


@pytest.mark.parametrize(
    ("rules", "due"),
    [
        (Keep(), steps()),
        (Keep(best=True), ["last", "last.best"]),
        # of two that are equal the earlier one
        (Keep(top=2), steps(40, 60)),
        (Keep(top=3), steps(20, 40, 60)),
        (Keep(every=20), steps(20, 40, 60)),
        (Keep(improved=True), steps(10, 20, 40)),
        (Keep(top=1, every=30), steps(30, 40, 60)),
    ],
    ids=repr,
)
def test_each_rule_keeps_its_own(rules: Keep, due: list[str], tmp_path: Path) -> None:
    assert sorted(kept(rules, tmp_path)) == sorted(due)
    for name in due[1:]:
        found = checkpoint.load(tmp_path / f"{name}.safetensors")
        step = 40 if name.endswith("best") else int(name[-6:])
        assert found.progress["step"] == step and found.params["a"][0] == step


@pytest.mark.parametrize(("epoch", "due"), [(20.0, 60), (6.5, 20), (0.1, 1)])
def test_epochs_are_told_in_steps(epoch: float, due: int) -> None:
    kept = Keep(every_epochs=3, top=2).of_steps(epoch)
    assert kept == Keep(every=due, top=2)
    with pytest.raises(ValidationError, match="one of every and every_epochs"):
        Keep(every=4, every_epochs=1)


def test_what_is_new_is_there_before_what_is_old_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[int] = []
    save = checkpoint.save

    def seen(path: Path, whole: Checkpoint) -> None:
        save(path, whole)
        there.append(len(list(tmp_path.glob("*.step-*"))))

    monkeypatch.setattr(keeping.checkpoints, "save", seen)
    kept(Keep(top=1), tmp_path)
    assert max(there) == 2 and there[-1] == 1


def scored(monkeypatch: pytest.MonkeyPatch, *errors: float) -> None:
    """Let the validation say these, one after the other."""
    due = iter(errors)
    monkeypatch.setattr(Validation, "error", lambda self, params: next(due))


def job_of(folder: Path, keep: dict[str, Any], **config: Any) -> Job:
    job = make_job(
        folder, backends.load("numpy"), steps=20, validate_every=5, keep=keep
    )
    return job.model_copy(update={"config": job.config.model_copy(update=config)})


def test_a_training_keeps_what_it_is_asked_and_says_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = backends.load("numpy")
    job = job_of(tmp_path, {"best": True, "every": 8})
    scored(monkeypatch, 9.0, 5.0, 7.0, 6.0)
    payload = run(job, backend)
    names = {path.name for path in job.checkpoint.parent.iterdir()}
    own = "numpy-simple_baseline"
    endings = ("", ".best", ".step-000008", ".step-000016")
    assert names == {f"{own}{ending}.safetensors" for ending in endings}
    best = checkpoint.load(job.checkpoint.with_suffix(".best.safetensors"))
    assert best.progress["step"] == 10
    used = sum(path.stat().st_size for path in job.checkpoint.parent.iterdir())
    assert payload.note.endswith(f"4 checkpoints kept, {used / 1e6:.1f} MB")


def test_what_is_kept_changes_no_weight_and_no_resume(tmp_path: Path) -> None:
    backend = backends.load("numpy")
    plain, keeps = (job_of(tmp_path / one, {}) for one in "ab")
    keeps = job_of(tmp_path / "b", {"best": True, "top": 2, "every": 3})
    assert run(plain, backend).validation_mpjpe == run(keeps, backend).validation_mpjpe
    one, other = (checkpoint.load(job.checkpoint) for job in (plain, keeps))
    assert one.progress["fingerprint"] == other.progress["fingerprint"]
    for name, array in one.params.items():
        np.testing.assert_array_equal(array, other.params[name])


def test_another_training_in_its_place_takes_them_away(tmp_path: Path) -> None:
    backend = backends.load("numpy")
    run(job_of(tmp_path, {"every": 4}), backend)
    other = job_of(tmp_path, {}, seed=1)
    run(other, backend)
    (left,) = other.checkpoint.parent.iterdir()
    assert left == other.checkpoint


def test_the_best_is_evaluated_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = backends.load("numpy")
    job = job_of(tmp_path, {"best": True})
    with monkeypatch.context() as patch:
        scored(patch, 9.0, 5.0, 7.0, 6.0)
        run(job, backend)

    def found(asked: str) -> Evaluation:
        chosen = job.config.model_copy(update={"checkpoint": asked})
        own = job.model_copy(update={"config": chosen, "task": "evaluate"})
        finding = evaluate.run(own, backend, "cpu", lambda text, share: None)
        assert isinstance(finding.payload, Evaluation)
        # the validation, which was made up, is not found again; all else holds
        wrong = {one.kind for one in finding.payload.checks if not one.ok}
        assert wrong <= {"validation"}, finding.reason
        return finding.payload

    last, best = found("last"), found("best")
    assert "weights after 20 steps" in last.note
    assert "weights after 10 steps" in best.note
    assert best.checkpoint.endswith("simple_baseline.best.safetensors")
    assert last.metrics != best.metrics
    file = found(str(job.checkpoint.with_suffix(".best.safetensors")))
    assert file.metrics == best.metrics
    assert "may be of any training" in file.left_out["checkpoint"]


def test_a_checkpoint_that_cannot_be_evaluated_is_one_line_before_work(
    tmp_path: Path,
) -> None:
    backend = backends.load("numpy")
    job = job_of(tmp_path, {})
    run(job, backend)

    def refusal(asked: str, **sizes: Any) -> str:
        model = job.settings.model_copy(update={"sizes": job.settings.sizes | sizes})
        update = {
            "checkpoint": asked,
            "tasks": ("evaluate",),
            "model": {"simple_baseline": model},
        }
        with pytest.raises(BadInput) as caught:
            checking.check(job.config.model_copy(update=update))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "train.keep.best=true" in refusal("best")
    assert "no checkpoint there" in refusal("none.safetensors")
    other = refusal(str(job.checkpoint), width=24)
    assert "has shape (16," in other and "the model has (24," in other
