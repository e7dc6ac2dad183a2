"""A model that reads images, end to end: fed, trained, scored, and held against the oracle."""

from __future__ import annotations

from pathlib import Path

import pytest

import backends
from bench.evaluation import task as evaluate
from bench.records import Evaluation
from bench.training import task as train
from tests.bench.training import glance


@pytest.fixture(autouse=True)
def _added(monkeypatch: pytest.MonkeyPatch) -> None:
    glance.add(monkeypatch)


def quiet(text: str, share: float) -> None:
    pass


def test_it_is_trained_and_scored_and_the_oracle_agrees(tmp_path: Path) -> None:
    job, backend = glance.job(tmp_path, flip=True), backends.load("numpy")
    done = train.run(job, backend, "cpu", quiet)
    assert (done.status, done.reason) == ("ok", "")
    found = evaluate.run(job, backend, "cpu", quiet)
    assert (found.status, found.reason) == ("ok", "")
    assert isinstance(found.payload, Evaluation)
    held = {(check.kind, check.name) for check in found.payload.checks}
    assert ("images", "what the model is fed") in held
    assert ("score", "MPJPE") in held
    # of metres, not of parts of a crop
    assert 100 < found.payload.metrics[0].frame_wise < 2000
