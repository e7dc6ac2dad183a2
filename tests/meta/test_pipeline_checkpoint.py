"""What is evaluated is what was trained: other weights, end or precision are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from backends.base import Program, Settings, Trainer
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from bench.coordinator.job import Job
from bench.evaluation import held
from bench.evaluation import task as evaluate
from bench.evaluation.poses import Predicted
from bench.records import Evaluation
from bench.training import checkpoint, validation
from bench.training.loop import Loop
from bench.training.validation import Validation
from models.graph import Graph
from models.optim import Optimizer
from tests.meta.small_pipelines import Pipeline, clips, evaluated, trained, use
from tests.meta.test_pipeline_training import failed

# validated at each step, of more windows than one batch has
PLAIN = Pipeline("simple_baseline", training={"steps": 3, "validate_every": 1})
SEQUENCE = Pipeline("motionbert", protocol={"flip_tta": True, "lengths": "2.5d"})


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A cell that sees the small clips."""
    use(monkeypatch, clips(PLAIN))
    return PLAIN.job(tmp_path)


def checks(found: Any) -> dict[str, Any]:
    assert isinstance(found.payload, Evaluation)
    return {check.kind: check for check in found.payload.checks}


def test_weights_of_an_earlier_step_beside_a_later_curve(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[dict[str, np.ndarray]] = []
    save = Loop.save

    def stale(self: Loop) -> None:
        first.append(first[0] if first else self.trainer.program.params())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.trainer.program, "params", lambda: first[0])
            save(self)

    monkeypatch.setattr(Loop, "save", stale)
    # the steps that are made again are compared with the file that is evaluated
    assert failed(trained(job)) == "replay"
    assert failed(evaluated(job)) == "validation"


def test_a_checkpoint_that_is_not_the_end_of_its_training(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = Loop.save, list[int]()

    def once(self: Loop) -> None:
        if not saved:
            saved.append(self.step)
            save(self)

    monkeypatch.setattr(Loop, "save", once)
    # the steps that are made again are compared with the file that is evaluated
    assert failed(trained(job)) == "replay"
    found = evaluated(job)
    assert failed(found) == "checkpoint"
    assert found.reason.startswith("checkpoint: weights after 1 of 3 steps")


def test_a_checkpoint_of_another_training(job: Job) -> None:
    assert trained(job).status == "ok"
    other = job.config.model_copy(update={"seed": 1})
    found = evaluated(job.model_copy(update={"config": other}))
    assert failed(found) == "checkpoint"
    assert "training of this configuration" in found.reason


def test_weights_that_are_not_the_checkpoint_s(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trained(job).status == "ok"
    load = checkpoint.load

    def drawn(path: Path) -> checkpoint.Checkpoint:
        found = load(path)
        moved = {name: array * 1.0001 for name, array in found.params.items()}
        return replace(found, params=moved)

    monkeypatch.setattr(checkpoint, "load", drawn)
    assert failed(evaluated(job)) == "poses"


def squares(self: Validation, part: np.ndarray) -> tuple[np.float32, float]:
    keypoints, target = self.windows.batch(part)
    pose = self.feed.poses(self.program(self.feed.inputs(keypoints))["pose"])
    apart = np.linalg.norm(self.windows.metres(pose - target, part), axis=-1)
    return np.float32(np.sqrt((apart**2).mean()) * 1000 * len(part)), len(part)


def each_time_others(self: Validation) -> np.ndarray:
    return np.arange(len(self.windows))[:: np.random.default_rng().integers(2, 9)]


def test_a_validation_that_sums_something_else(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Validation, "_summed", squares)
        assert trained(job).status == "ok"
    assert failed(evaluated(job)) == "validation"


def test_a_validation_that_looks_at_others_each_time(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trained(job).status == "ok"
    monkeypatch.setattr(Validation, "drawn", each_time_others)
    assert failed(evaluated(job)) == "validation"
    other = job.model_copy(update={"folder": tmp_path / "other"})
    assert failed(trained(other)) == "validation"


@pytest.mark.parametrize("pipeline", [PLAIN, SEQUENCE], ids=["frame", "sequence"])
def test_a_validation_on_training_clips(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = clips(pipeline)
    use(monkeypatch, split)
    make = validation.validation_of

    def on_training_clips(*given: Any) -> Validation:
        found = make(*given)
        windows = found.feed.windows(split.train[::3], stride=None)
        return replace(found, windows=windows, most=500)

    honest = pipeline.job(tmp_path / "honest")
    assert trained(honest).status == "ok"
    for home in ("bench.training.task", "bench.evaluation.agreement"):
        monkeypatch.setattr(f"{home}.validation_of", on_training_clips)
    for found in (trained(pipeline.job(tmp_path)), evaluated(honest)):
        assert failed(found) == "validation"
        assert "clips that are not validated on" in found.reason


def test_weights_that_nobody_validated_are_said_to_be_so(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trained(job).status == "ok"
    kept = checkpoint.load(job.checkpoint)
    curve = {**kept.progress["curve"], "validation": [], "validation_steps": []}
    progress = {**kept.progress, "curve": curve}
    checkpoint.save(job.checkpoint, replace(kept, progress=progress))
    found = evaluated(job)
    assert found.status == "ok"
    assert isinstance(found.payload, Evaluation)
    assert found.payload.left_out["validation"] == (
        "the weights of step 3 were not validated"
    )
    assert "validation" not in checks(found)


class Halves(NumpyBackend):
    """NumPy that takes bf16 for an answer, and computes in what `runs` says."""

    runs = {"fp32": "fp32", "bf16": "bf16"}

    def precisions(self, device: str) -> dict[str, str]:
        """A half as well."""
        return {"fp32": "", "bf16": ""}

    def program(self, graph: Graph, settings: Settings) -> Program:
        """In the precision of `runs`."""
        made = NumpyProgram(graph, Settings(precision="fp32"))
        return Rounded(made) if self.runs[settings.precision] == "bf16" else made

    def trainer(
        self, graph: Graph, optimizer: Optimizer, settings: Settings
    ) -> Trainer:
        """In full precision: only evaluation is looked at."""
        return super().trainer(graph, optimizer, Settings())


class Rounded(NumpyProgram):
    """Weights and keypoints with eight bits, in float32."""

    def __init__(self, made: NumpyProgram) -> None:
        vars(self).update(vars(made))

    def load(self, params: Any) -> None:
        """Take weights, rounded."""
        super().load({name: _narrow(array) for name, array in params.items()})

    def put(self, arrays: Any) -> Any:
        """Inputs, rounded."""
        return super().put({name: _narrow(array) for name, array in arrays.items()})


def _narrow(array: np.ndarray) -> np.ndarray:
    return np.asarray(array).astype(ml_dtypes.bfloat16).astype(np.float32)


def as_bf16(job: Job) -> Job:
    config = job.config.model_copy(update={"precision": "bf16"})
    return job.model_copy(update={"config": config})


def test_a_half_is_judged_by_what_it_costs_numpy(job: Job) -> None:
    job, backend = as_bf16(job), Halves()
    assert trained(job, backend).status == "ok"
    found = evaluated(job, backend)
    assert (found.status, found.reason) == ("ok", "")
    kinds = [check.kind for check in found.payload.checks]  # type: ignore[union-attr]
    assert kinds.count("poses") == 2 and kinds.count("precision") == 1
    # in full precision all the same: it is the weights that were validated
    assert checks(found)["validation"].error < 1e-5


def test_a_half_that_did_not_run_is_no_half(job: Job) -> None:
    job, backend = as_bf16(job), Halves()
    backend.runs = {"fp32": "fp32", "bf16": "fp32"}
    assert trained(job, backend).status == "ok"
    found = evaluated(job, backend)
    assert failed(found) == "precision"
    assert "more exact than this half can be: it did not run" in found.reason


def test_full_precision_that_ran_in_a_half(job: Job) -> None:
    backend = Halves()
    assert trained(job, backend).status == "ok"
    backend.runs = {"fp32": "bf16"}
    assert failed(evaluated(job, backend)) == "poses"


def test_poses_that_a_half_made_larger(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, backend = as_bf16(job), Halves()
    assert trained(job, backend).status == "ok"
    predicted = evaluate.predicted

    def larger(*given: Any) -> Predicted:
        found = predicted(*given)
        return replace(found, poses=found.poses * np.float32(1.02))

    monkeypatch.setattr(evaluate, "predicted", larger)
    found = evaluated(job, backend)
    assert found.status == "failed"
    assert found.reason.startswith("poses: "), found.reason


def test_what_raises_beside_the_scores_does_not_lose_them(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trained(job).status == "ok"

    def broken(*given: Any) -> Any:
        raise RuntimeError("no such\nthing")

    monkeypatch.setattr(held, "_scores", broken)
    found = evaluated(job)
    assert failed(found) == "oracle"
    assert "RuntimeError: no such thing" in found.reason
    assert "\n" not in found.reason
    assert found.payload.metrics  # type: ignore[union-attr]

    def greedy(*given: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(held, "_scores", greedy)
    found = evaluated(job)
    assert found.status == "ok"
    said = found.payload.left_out["the oracle"]  # type: ignore[union-attr]
    assert said == "it needs more memory than there is"
