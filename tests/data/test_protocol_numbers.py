"""No number goes without its protocol, and none is made that the protocol does not allow."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError

from bench import data, metrics, records
from bench.commands._summary import summary
from bench.config import Config, Model
from bench.coordinator import checking
from bench.data import protocols
from bench.data.batches.windows import Windows
from bench.data.geometry.skeletons import H36M17
from bench.evaluation import poses
from bench.evaluation.score import score
from models.errors import BadInput
from tests.reports import sample_run


@pytest.mark.parametrize("field", ["protocol", "protocol_hash", "protocol_text"])
def test_no_accuracy_is_recorded_without_its_protocol(field: str) -> None:
    content = sample_run.evaluation().model_dump()
    # empty, or not there at all
    for bad in (
        {**content, field: ""},
        {key: value for key, value in content.items() if key != field},
    ):
        with pytest.raises(ValidationError, match=field):
            records.Evaluation.model_validate(bad)


def test_no_accuracy_is_printed_without_its_protocol() -> None:
    # all that say millimetres
    for payload in (sample_run.evaluation(), sample_run.training()):
        said = summary(sample_run.record(payload))
        assert " mm" in said
        assert payload.protocol in said
        assert payload.protocol_hash in said


@pytest.mark.parametrize(
    ("headline", "averaging", "said"),
    [
        ("MPJPE", "frame", "MPJPE 71.2 mm frame-wise;"),
        ("MPJPE", "action", "MPJPE 72.2 mm action-wise;"),
        ("MPJPE", "subject", "MPJPE not measured subject-wise"),
        ("PA-MPJPE", "frame", "PA-MPJPE not measured"),
    ],
)
def test_the_headline_is_the_protocols(
    headline: str,
    averaging: str,
    said: str,
) -> None:
    payload = sample_run.evaluation().model_copy(
        update={"headline": headline, "averaging": averaging}
    )
    assert summary(sample_run.record(payload)).startswith(said)


def test_the_headline_is_always_scored() -> None:
    split = data.load("synthetic", small=0.06)
    test = Windows(split.test, frames=1)
    pred = 1000.0 * test.truth()
    for alignment in ("root", "rigid", "similarity"):
        protocol = split.protocol.model_copy(update={"alignment": alignment})
        found = [
            metric.name
            for metric in score(pred, test, protocol=protocol, chosen=["auc"])
        ]
        # one was asked for; MPJPE and the protocol's own come along
        assert set(found) == {"MPJPE", "AUC", metrics.load(protocol.headline).NAME}
        assert {metric.name for metric in score(pred, test, protocol=protocol)} > set(
            found
        )


def test_a_run_refuses_protocols_for_other_predictions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    several = protocols.load("synthetic").model_copy(update={"hypotheses": "mean"})
    # no file in the folder is such a protocol
    monkeypatch.setattr("bench.data.protocol_for", lambda source, name: several)
    with pytest.raises(
        BadInput,
        match=(
            r"protocol synthetic scores several poses for a frame, and motionbert gives one;"
        ),
    ):
        checking.check(Config(model={"motionbert": Model(preset="tiny")}))


def test_flip_averaging_mirrors_there_and_back() -> None:
    split = data.load("synthetic", small=0.06)
    windows = Windows(split.test[:2], frames=1)

    # the right arm is always 1 m out
    def lopsided(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        pose = np.concatenate(
            [inputs["keypoints"], 0 * inputs["keypoints"][..., :1]],
            axis=-1,
        )
        pose[..., H36M17.index("RWrist"), 0] += 1
        # keypoints as poses of depth 0: a model that needs no weights
        return {"pose": pose}

    def predicted(flip: bool) -> np.ndarray:
        protocol = split.protocol.model_copy(update={"flip_tta": flip})
        feed = SimpleNamespace(
            protocol=protocol,
            joints=17,
            shown=lambda keypoints, target: keypoints,
            inputs=lambda keypoints: {"keypoints": keypoints},
            poses=lambda pose: pose,
            hypotheses=0,
            at_once=512,
            skin=None,
        )
        return poses.predicted(lopsided, feed, windows, lambda *_: None).poses

    plain = predicted(False)
    flipped = predicted(True)
    left, right = H36M17.indices(("LWrist", "RWrist"))
    assert_allclose(
        # the metre is shared between the two wrists: out by a half each way
        (plain - flipped)[:, [left, right], 0],
        np.tile([0.5, 0.5], (len(plain), 1)),
        atol=1e-6,
    )
    rest = [joint for joint in range(17) if joint not in (left, right)]
    # what does not care for left and right is left as it was
    assert_allclose(plain[:, rest], flipped[:, rest], atol=1e-6)
