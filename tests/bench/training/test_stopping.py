"""Epochs, early stopping and held-out validation: what is done, said, resumed and held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import backends
from backends.base import Backend
from bench import config
from bench.config import Config, Model, Train
from bench.data import Split
from bench.evaluation import task as evaluate
from bench.records import Evaluation
from bench.training import checkpoint, heldout, stopping
from bench.training import task as train
from bench.training.feed import split_of
from bench.training.loop import Loop
from models.errors import BadInput
from tests.bench.training.small_jobs import make_job, run

NUMPY = backends.load("numpy")
EARLY: dict[str, Any] = {
    # from step 30 on running statistics alone move, and soon to and fro
    "schedule": {"step": {"after": [30], "factor": 0}},
    "steps": 90,
    "validate_every": 5,
    "patience": 2,
    "validation_windows": 16,
}


def test_a_training_stops_when_nothing_has_become_better() -> None:
    assert [stopping.idle(errors) for errors in ([], [3.0], [3.0, 2.0, 2.0])] == [
        0,
        0,
        1,
    ]
    assert stopping.stops([3.0, 4.0, 5.0], 2)
    assert not stopping.stops([3.0, 4.0, 5.0], 3)
    assert not stopping.stops([3.0, 4.0, 5.0], None)


def test_it_says_so_and_is_held_and_evaluated(tmp_path: Path, backend: Backend) -> None:
    job = make_job(tmp_path, backend, **EARLY)
    found = run(job, backend)
    assert found.steps < 90
    assert found.steps == found.validation_steps[-1]
    errors = [error or 0.0 for error in found.validation_mpjpe]
    assert stopping.idle(errors) == 2
    assert "stopped before step 90: nothing better in 2 validations" in found.note
    assert "takes that were held out of the training" in found.note
    # its last steps, whenever they were, are among those made again
    assert f"to {found.steps}" in " ".join(check.name for check in found.checks)
    scored = evaluate.run(job, backend, "cpu", lambda text, share: None)
    assert (scored.status, scored.reason) == ("ok", "")
    assert isinstance(scored.payload, Evaluation)


def test_it_is_not_gone_on_with(tmp_path: Path) -> None:
    job = make_job(tmp_path, NUMPY, **EARLY)
    first, again = run(job, NUMPY), run(job, NUMPY)
    assert (again.steps, again.validation_mpjpe) == (
        first.steps,
        first.validation_mpjpe,
    )


def never(self: Loop) -> bool:
    return False


def at_once(self: Loop) -> bool:
    return len(self.curve.validation) > 1


@pytest.mark.parametrize("fault", [never, at_once])
def test_one_that_stops_elsewhere_fails(
    fault: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Loop, "stopped", property(fault))
    job = make_job(tmp_path, NUMPY, **EARLY | {"patience": 3})
    found = train.run(job, NUMPY, "cpu", lambda text, share: None)
    assert (found.status, "steps" in found.reason) == ("failed", True)


def test_epochs_are_counted_in_batches(tmp_path: Path) -> None:
    job = make_job(tmp_path, NUMPY, accumulate=2)
    one = run(job, NUMPY)
    batches = one.train_windows // 16
    given = {"epochs": 1.5, "accumulate": 2, "validate_every": 10**6}
    asked = Train.model_validate(
        {"batch": 16, "lr": 0.01, "validation_windows": 16} | given
    )
    model = job.settings.model_copy(update={"train": asked})
    config = job.config.model_copy(update={"model": {job.model: model}})
    folder = tmp_path / "epochs"
    epochs = job.model_copy(update={"config": config, "folder": folder})
    found = run(epochs, NUMPY)
    assert found.steps == round(1.5 * batches / 2)
    assert checkpoint.load(epochs.checkpoint).progress["steps"] == found.steps
    scored = evaluate.run(epochs, NUMPY, "cpu", lambda text, share: None)
    assert (scored.status, scored.reason) == ("ok", "")


def halves(job: Any) -> tuple[Split, set[str], set[str]]:
    split = split_of(job)
    names = [{clip.name for clip in side} for side in (split.train, split.validation)]
    return split, *names


def test_held_out_takes_are_neither_trained_nor_tested_on(tmp_path: Path) -> None:
    whole, every, none = halves(make_job(tmp_path, NUMPY))
    assert none == set()
    assert whole.validated is whole.test
    split, trained, held = halves(make_job(tmp_path, NUMPY, validate_on="held-out"))
    assert len(held) == round(heldout.SHARE * len(every))
    assert trained | held == every
    assert not held & (trained | {clip.name for clip in split.test})
    assert [clip.name for clip in split.test] == [clip.name for clip in whole.test]
    assert split.protocol.hash == whole.protocol.hash
    assert split.validated is split.validation
    # with all their views, and the same in every run
    assert len(split.train) + len(split.validation) == len(whole.train)
    assert halves(make_job(tmp_path, NUMPY, validate_on="held-out"))[2] == held


@pytest.mark.parametrize(
    ("asked", "held"),
    [
        ({}, False),
        ({"patience": 3}, True),
        ({"schedule": "plateau"}, True),
        ({"schedule": "step"}, False),
        ({"validate_on": "held-out"}, True),
        ({"validate_on": "test"}, False),
    ],
)
def test_what_goes_by_validations_has_not_seen_the_test(
    asked: dict[str, Any], held: bool
) -> None:
    assert heldout.asked(Train.model_validate(asked)) == held


def test_one_take_cannot_be_held_out(tmp_path: Path) -> None:
    whole = split_of(make_job(tmp_path, NUMPY))
    alone = Split(whole.train[:1], whole.test, whole.protocol)
    with pytest.raises(BadInput, match="has 1 take, and none can be held out"):
        heldout.divided(alone, Train(validate_on="held-out"))


def trained_on_both(job: Any) -> Split:
    split = split_of(job)
    return Split(
        [*split.train, *split.validation[:1]],
        split.test,
        split.protocol,
        split.validation,
    )


def test_a_held_out_take_that_is_trained_on_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "split_of", trained_on_both)
    job = make_job(tmp_path, NUMPY, validate_on="held-out", steps=2)
    found = train.run(job, NUMPY, "cpu", lambda text, share: None)
    assert (found.status, "held out" in found.reason) == ("failed", True)


CONSTANT = {"schedule": "constant", "validate_on": "held-out"}


def test_a_plateau_lowers_the_rate_and_is_replayed(tmp_path: Path) -> None:
    schedule = {"plateau": {"patience": 0, "least": 0.9, "factor": 0.5}}
    asked = {"schedule": schedule, "steps": 40, "validate_every": 10}
    job = make_job(tmp_path, NUMPY, **asked)
    found = run(job, NUMPY)
    assert any(check.name.startswith("rates of 40 steps") for check in found.checks)
    plain = run(make_job(tmp_path / "plain", NUMPY, **asked | CONSTANT), NUMPY)
    assert found.loss[0] == plain.loss[0]
    assert found.loss[-1] != plain.loss[-1]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("{steps: 5, epochs: 2}", "steps and epochs are both given"),
        ("{validate_on: test, patience: 2}", "no test may choose"),
        ("{validate_on: test, schedule: plateau}", "no test may choose"),
        ("{schedule: cosin}", "unknown schedule 'cosin': did you mean cosine"),
        ("{clip: {nrm: 1}}", "unknown rule of clipping 'nrm': did you mean norm"),
        ("{clip: {norm: 1, value: 1}}", "one of norm and value was due"),
        ("{clip: {norm: 0}}", "greater than 0"),
        ("{accumulate: 0}", "accumulate"),
        ("{validate_on: train}", "validate_on"),
    ],
)
def test_settings_that_cannot_be_are_one_line(given: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as raised:
        config.load(
            profile="smoke",
            file=None,
            overrides=[f"model.simple_baseline.train={given}"],
            options={},
            models=["simple_baseline"],
        )
    assert "\n" not in str(raised.value)


def test_epochs_take_the_place_of_the_steps_of_a_models_file() -> None:
    asked = Model(train=Train(epochs=2.0))
    assert config.settled("simple_baseline", asked, Config()).train.epochs == 2.0


def test_another_rule_takes_the_place_of_the_one_below() -> None:
    base = {"schedule": {"step": {"every": 5}}, "clip": {"norm": 1.0}}
    merged = config.merge(base, {"schedule": {"plateau": {}}, "clip": {"value": 2.0}})
    assert merged == {"schedule": {"plateau": {}}, "clip": {"value": 2.0}}
    finer = config.merge(base, {"schedule": {"step": {"factor": 0.5}}})
    assert finer["schedule"] == {"step": {"every": 5, "factor": 0.5}}


def test_a_rise_that_is_longer_than_the_training_is_said(
    tmp_path: Path, backend: Backend
) -> None:
    few = {"steps": 2, "validate_every": 2, "validation_windows": 16}
    found = run(make_job(tmp_path, backend, **few, warm_up=1000), backend)
    assert "the rate rises over 1,000 steps, of which 2 are made" in found.note
    usual = run(make_job(tmp_path / "usual", backend, **few, warm_up=2), backend)
    assert "rises" not in usual.note
