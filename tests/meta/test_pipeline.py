"""The pipeline is tested by planting faults in it: every one turns a cell red, by its name.

What spoils training and evaluation alike is found all the same: the oracle goes by the raw clips.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.coordinator.job import Finding, Job
from bench.records import Evaluation, Training
from tests.meta.pipeline_faults import EVALUATION, TRAINING, Fault
from tests.meta.small_pipelines import Pipeline, clips, evaluated, trained, use

HONEST = {
    "one frame": Pipeline("simple_baseline"),
    "screen": Pipeline("simple_baseline", training={"inputs": "screen"}),
    "middle frame": Pipeline(),
    "all frames": Pipeline("motionbert"),
    "reflected": Pipeline(settings={"pad": "reflect"}),
    "overlapping": Pipeline("motionbert", settings={"test_every": 1}),
    "pieces": Pipeline(training={"longest": 10, "shortest": 5, "stride": 3}),
    "never mirrored": Pipeline(training={"flip": False}),
    "pixels": Pipeline(protocol={"lengths": "2.5d"}),
    "as papers": Pipeline(
        protocol={
            "flip_tta": True,
            "test_stride": 5,
            "prediction_root": "zero",
            "scored": ("RWrist", "LFoot", "Head"),
            "averaging": "subject",
        }
    ),
}


def failed(finding: Finding) -> list[str]:
    """The kinds of the checks that failed."""
    assert isinstance(finding.payload, Evaluation | Training)
    return [check.kind for check in finding.payload.checks if not check.ok]


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_pipeline_is_green(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = HONEST[name]
    use(monkeypatch, clips(pipeline))
    job = pipeline.job(tmp_path)
    learnt, found = trained(job), evaluated(job)
    assert (learnt.status, learnt.reason) == ("ok", "")
    assert (found.status, found.reason) == ("ok", "")
    assert isinstance(learnt.payload, Training)
    # or a check that is not made would be one that nothing can fail
    assert {check.kind for check in learnt.payload.checks} >= {
        *("split", "projection", "start", "scaling", "batch", "end")
    }
    assert isinstance(found.payload, Evaluation)
    assert {check.kind for check in found.payload.checks} >= {
        *("checkpoint", "split", "projection", "windows", "truth", "scaling"),
        *("keypoints", "poses", "score", "validation"),
    }
    assert found.payload.held_windows > 0


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[Pipeline, Job]:
    """Trainings that are done, by what was trained."""
    return {}


@pytest.mark.parametrize("name", EVALUATION)
def test_a_fault_in_evaluation_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault: Fault = EVALUATION[name]
    use(monkeypatch, clips(fault.pipeline))
    job = fault.pipeline.job(tmp_path)
    assert trained(job).status == "ok"
    fault.plant(monkeypatch)
    found = evaluated(job)
    assert found.status == "failed"
    assert failed(found)[0] == fault.kind, found.reason
    assert found.reason.startswith(f"{fault.kind}: ")
    assert "\n" not in found.reason


@pytest.mark.parametrize("name", TRAINING)
def test_a_fault_in_what_is_trained_on_is_named_before_the_first_step(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault: Fault = TRAINING[name]
    use(monkeypatch, clips(fault.pipeline))
    fault.plant(monkeypatch)
    found = trained(fault.pipeline.job(tmp_path))
    assert found.status == "failed"
    # validation is looked at before, and its windows are cut alike
    assert fault.kind in failed(found), found.reason
    assert isinstance(found.payload, Training)
    assert found.payload.steps == 0
