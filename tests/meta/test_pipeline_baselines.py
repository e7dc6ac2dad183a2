"""Faults of the trivial predictors: a model is judged beside them, so they must be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.coordinator.job import Finding
from bench.data import Split
from bench.data.batches.windows import Windows
from bench.evaluation.baselines import predictors
from bench.evaluation.baselines import task as baselines
from bench.records import Baselines
from tests.meta.pipeline_faults import instead
from tests.meta.small_pipelines import Pipeline, clips, quiet, use

THINNED = Pipeline(protocol={"test_stride": 5})


def scored(
    pipeline: Pipeline, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Finding:
    """What the task says of the pipeline's clips."""
    use(monkeypatch, clips(pipeline))
    return baselines.run(pipeline.job(folder), None, "cpu", quiet)


@pytest.mark.parametrize(
    "protocol",
    [
        {},
        {"test_stride": 5, "averaging": "subject"},
        {"lengths": "2.5d", "prediction_root": "zero"},
        {"scored": ("RWrist", "Head"), "alignment": "rigid"},
    ],
)
def test_honest_predictors_are_green(
    protocol: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = scored(Pipeline(protocol=protocol), tmp_path, monkeypatch)
    assert (found.status, found.reason) == ("ok", "")
    assert isinstance(found.payload, Baselines)
    names = [check.name for check in found.payload.checks]
    assert {"mean pose MPJPE", "least-squares linear map PA-MPJPE"} <= set(names)


def every_frame(real: Any) -> Any:
    return lambda clips, protocol, every=1: real(clips, protocol)


def of_medians(train: Windows) -> Any:
    middle = np.median(train.truth(), axis=0)
    return lambda keypoints: np.broadcast_to(middle, (len(keypoints), *middle.shape))


def without_bias(keypoints: np.ndarray) -> np.ndarray:
    return keypoints.reshape(len(keypoints), -1).astype(np.float64)


def swapped(real: Any) -> Any:
    return lambda train, test, **more: real(test, train, **more)


FAULTS = {
    "every frame scored": instead(baselines, "frames_of", every_frame),
    "another mean": instead(
        predictors,
        "PREDICTORS",
        lambda real: {**real, "mean pose": of_medians},
    ),
    "no bias": instead(predictors, "_affine", lambda real: without_bias),
    "fitted on the test side": instead(baselines, "baselines", swapped),
    "metres for millimetres": instead(
        predictors,
        "score",
        lambda real: lambda pred, test, **more: real(pred / 1000, test, **more),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FAULTS[name](monkeypatch)
    found = scored(THINNED, tmp_path, monkeypatch)
    assert found.status == "failed"
    assert found.reason.startswith("score: "), found.reason
    assert found.payload is not None, "the numbers are kept"


def test_sides_are_looked_at_here_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = clips(THINNED)
    use(monkeypatch, Split([*split.train, split.test[0]], split.test, split.protocol))
    found = baselines.run(THINNED.job(tmp_path), None, "cpu", quiet)
    assert found.reason.startswith("split: takes on the wrong side: off by 1 takes")
