"""Several hypotheses for a frame: what is made of them, and that it is held and labelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backends
from bench.coordinator.job import Finding
from bench.data.batches import overlap
from bench.data.batches.windows import Windows
from bench.evaluation import several
from bench.metrics import _hypotheses
from bench.records import Evaluation
from tests.meta.small_pipelines import Pipeline, clips, evaluated, trained, use

SPLIT = clips(Pipeline("d3dp"))


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **protocol: object) -> Finding:
    """A d3dp that was trained for two steps, evaluated."""
    pytest.importorskip("torch")
    torch = backends.load("torch")
    pipeline = Pipeline("d3dp", protocol=protocol)
    use(monkeypatch, clips(pipeline))
    job = pipeline.job(tmp_path)
    assert trained(job, torch).status == "ok"
    return evaluated(job, torch)


def headlines(payload: Evaluation) -> dict[str, float]:
    found = {one.name: payload.headlined(one.metrics) for one in payload.aggregates}
    return {name: score for name, score in found.items() if score is not None}


def test_every_way_is_scored_and_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(tmp_path, monkeypatch)
    assert (found.status, found.reason) == ("ok", "")
    payload = found.payload
    assert isinstance(payload, Evaluation)
    assert payload.hypotheses == 3
    scores = headlines(payload)
    assert list(scores) == ["P-Agg", "P-Best", "J-Best", "J-Agg (JPMA)"]
    # each joint's best is the best of all that can be made
    assert scores["J-Best"] < scores["P-Best"]
    assert scores["J-Best"] < min(scores["P-Agg"], scores["J-Agg (JPMA)"])
    # the model's own pose is the mean of what it draws
    own = payload.headlined(payload.metrics)
    assert own == pytest.approx(scores["P-Agg"], abs=1e-3)
    needs = {one.name: one.needs for one in payload.aggregates}
    assert needs.pop("P-Agg") == ""
    assert all("true" in needed for needed in needs.values())
    held = {check.name for check in payload.checks if check.kind == "score"}
    assert held >= {f"{name} MPJPE" for name in scores}


@pytest.mark.parametrize("rule", several.WAYS)
def test_a_protocol_of_hypotheses_has_its_way_for_headline(
    rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(tmp_path, monkeypatch, hypotheses=rule)
    assert (found.status, found.reason) == ("ok", "")
    assert isinstance(found.payload, Evaluation)
    name, _ = several.WAYS[rule]
    own = found.payload.headlined(found.payload.metrics)
    assert own == headlines(found.payload)[name]


def test_the_farthest_hypothesis_is_not_taken_for_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    joints = _hypotheses._joints
    monkeypatch.setattr(
        _hypotheses, "_joints", lambda poses, error: joints(poses, -error)
    )
    found = run(tmp_path, monkeypatch)
    assert found.status == "failed"
    assert found.reason.startswith("score: P-Best")


def test_lengths_without_a_camera_have_no_projection() -> None:
    test = Windows(SPLIT.test[:1], frames=1)
    protocol = SPLIT.protocol.model_copy(update={"lengths": "scaled"})
    drawn = np.zeros((test.scored, 2, 17, 3))
    found, left_out = several.scores(drawn, test, SPLIT.test[:1], protocol=protocol)
    assert [one.rule for one in found] == ["mean", "best", "best-joints"]
    assert left_out == {"J-Agg (JPMA)": "lengths of scaled have no projection"}


def test_the_view_is_that_of_the_scored_frames() -> None:
    taken = SPLIT.test[:2]
    test = Windows(taken, frames=3, outputs="all", every=4)
    view = several.view_of(test, taken)
    # every fourth frame of one clip, then of the next
    due = np.concatenate([clip.keypoints[::4] for clip in taken])
    np.testing.assert_array_equal(view.keypoints, due)
    assert len(view.roots) == test.scored
    assert list(view.cameras) == [0, 1]


@pytest.mark.parametrize("kept", [overlap.First, overlap.Mean])
def test_hypotheses_of_windows_come_back_by_frame(
    kept: type[overlap.First] | type[overlap.Mean],
) -> None:
    test = Windows(SPLIT.test[:1], frames=4, outputs="all", stride=3)
    store = kept(test, hypotheses=2)
    truth = test.truth()
    for number in range(len(test)):
        _, target = test.batch([number])
        # the second one is the first, a metre away
        store.add([number], np.stack([target, target + 1], axis=2))
    np.testing.assert_allclose(store.result()[:, 0], truth, atol=1e-6)
    np.testing.assert_allclose(store.result()[:, 1], truth + 1, atol=1e-6)
