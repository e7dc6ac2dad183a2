"""Scoring under a protocol: means, joints, frames, roots, factors and hypotheses."""

from __future__ import annotations

import numpy as np
import pytest

from bench import metrics
from bench.data import protocols
from bench.data.geometry.cameras import look_at, project
from bench.data.geometry.skeletons import H36M17
from bench.metrics import Extras, View, _blocks
from models.errors import BadInput, UnknownName
from tests.bench.metrics.poses import CLIPS, POSES, run, under

DRAW = np.random.default_rng(0)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = (POSES + DRAW.normal(0, 100, POSES.shape)).astype(np.float32)
    whole = run(noisy, POSES, subjects=["S1", "S2"] * 20)
    monkeypatch.setattr(_blocks, "FEWEST", 7)
    monkeypatch.setattr(_blocks, "POINTS", 1)
    for name, metric in run(noisy, POSES, subjects=["S1", "S2"] * 20).items():
        for field in (
            "frame_wise",
            "action_wise",
            "subject_wise",
            "per_action",
            "per_subject",
            "per_joint",
        ):
            assert getattr(metric, field) == pytest.approx(
                getattr(whole[name], field), rel=1e-12
            ), (name, field)


def test_means_by_frame_action_subject_and_joint() -> None:
    pred = POSES.copy()
    pred[:30, 3, 0] += 17  # one joint of 17 by 17 mm: 1 mm in the mean
    pred[30:, 5, 1] += 51
    found = run(pred, POSES, subjects=["S9"] * 10 + ["S11"] * 30)["MPJPE"]
    assert found.per_action == pytest.approx({"a": 1.0, "b": 3.0})
    assert found.per_subject == pytest.approx({"S9": 1.0, "S11": 5 / 3})
    assert found.frame_wise == pytest.approx(1.5)
    assert found.action_wise == pytest.approx(2.0)
    assert found.subject_wise == pytest.approx(4 / 3)
    assert found.per_joint["RFoot"] == pytest.approx(17 * 0.75)
    assert found.per_joint["LKnee"] == pytest.approx(51 * 0.25)
    assert list(found.per_joint) == list(H36M17.joints)
    plain = run(pred, POSES)["MPJPE"]
    assert plain.subject_wise is None
    assert plain.per_subject == {}


def test_every_metric_of_joints_is_given_by_joint() -> None:
    pred = POSES.copy()
    pred[:, 3, 0] += 200
    found = run(pred, POSES)
    assert found["PCK@150"].per_joint["RFoot"] == 0
    assert found["PCK@150"].per_joint["Hip"] == 100
    for metric in found.values():
        if metric.per_joint:
            assert np.mean(list(metric.per_joint.values())) == pytest.approx(
                metric.frame_wise
            )
    assert {name for name, metric in found.items() if not metric.per_joint} == {
        "Bone length error",
        "Bone symmetry error",
    }


def test_the_headline_comes_first_and_all_are_there() -> None:
    plain = [
        "MPJPE",
        "Acceleration error",
        "AUC",
        "Bone length error",
        "Bone symmetry error",
        "MPJVE",
        "N-MPJPE",
    ]
    assert list(run(POSES, POSES)) == [*plain, "PA-MPJPE", "PA-MPJPE, no scale", "PCK@150"]
    assert list(run(POSES, POSES, metrics=["auc"])) == ["AUC"]


def test_only_scored_joints_count() -> None:
    pred = POSES.copy()
    pred[:, 0] += 1000
    few = under(scored=("Head", "RFoot"))
    assert run(pred, POSES)["MPJPE"].frame_wise != 0
    assert run(pred, POSES, protocol=few)["MPJPE"].frame_wise == 0
    assert set(run(pred, POSES, protocol=few)["MPJPE"].per_joint) == {"Head", "RFoot"}
    # no bone has both its ends there
    assert "Bone length error" not in run(pred, POSES, protocol=few)


def test_some_metrics_score_other_joints() -> None:
    pred = POSES.copy()
    pred[:, 0] += 1000
    found = run(pred, POSES, protocol=under(scored_for={"pck150": ("Head", "RFoot")}))
    assert found["PCK@150"].frame_wise == 100
    assert list(found["PCK@150"].per_joint) == [
        "RFoot",
        "Head",
    ]
    assert found["AUC"].frame_wise == pytest.approx(100 * 30 / 31 * 16 / 17)


def test_changes_are_not_measured_where_frames_are_skipped() -> None:
    for name in ("MPJVE", "Acceleration error"):
        assert run(POSES, POSES, protocol=under(test_stride=64))[name].frame_wise is None
        one = run(POSES[:2], POSES[:2], actions=["a", "b"], clips=[0, 1])[name]
        assert one.frame_wise is None
        assert one.per_action == {}
        assert one.per_joint == {}


def test_a_metric_without_what_it_needs_is_none_where_it_was_asked_for_and_left_out_where_not() -> (
    None
):
    assert not {"MRPE", "MPVPE"} & set(run(POSES, POSES))
    for name in ("mrpe", "mpvpe"):
        (metric,) = run(POSES, POSES, metrics=[name]).values()
        assert metric.frame_wise is None
        assert metric.per_action == {}


def test_roots_and_vertices() -> None:
    roots = DRAW.normal(0, 3000, (40, 3))
    mesh = DRAW.normal(0, 300, (40, 60, 3))
    moved = mesh.copy()
    moved[:, 0, 1] -= 120
    found = run(
        POSES,
        POSES,
        extras=Extras(roots=(roots + [3, 4, 12], roots), vertices=(moved, mesh)),
    )
    assert found["MRPE"].frame_wise == pytest.approx(13)
    assert found["MPVPE"].frame_wise == pytest.approx(2)
    assert found["MRPE"].per_joint == {}
    assert found["MPVPE"].per_joint == {}


def test_extras_that_do_not_fit_are_named() -> None:
    roots = np.zeros((40, 3))
    mesh = np.zeros((40, 60, 3))
    view = views(POSES / 3)
    for extras, what in (
        (Extras(roots=(roots, roots[:39])), "roots"),
        (Extras(roots=(roots, roots * np.nan)), "roots .* finite"),
        (Extras(vertices=(mesh, mesh[:, :59])), "vertices"),
        (Extras(vertices=(roots, roots)), "vertices"),
        (Extras(view=View(view.keypoints[:, :16], view.roots, view.cameras)), "keypoints"),
        (Extras(view=View(view.keypoints, view.roots[:, :2], view.cameras)), "view.roots"),
    ):
        with pytest.raises(BadInput, match=what):
            run(POSES, POSES, extras=extras)


def test_the_predicted_root_is_free_or_at_zero() -> None:
    moved = POSES - POSES[:, :1] + [30, 0, 0]
    assert run(moved, POSES - POSES[:, :1])["MPJPE"].frame_wise == pytest.approx(30)
    assert run(moved, POSES - POSES[:, :1], protocol=under(prediction_root="zero"))[
        "MPJPE"
    ].frame_wise == pytest.approx(0, abs=1e-9)


def test_pixels_times_each_frames_factor() -> None:
    factors = DRAW.uniform(3, 5, 40)
    true = POSES - POSES[:, :1]
    pixels = true / factors[:, None, None] + [500, 400, 7]
    rule = under(lengths="2.5d", prediction_root="zero")
    assert run(pixels, true, protocol=rule, extras=Extras(factors=factors))[
        "MPJPE"
    ].frame_wise == pytest.approx(0, abs=1e-9)
    with pytest.raises(BadInput, match=r"2.5d lengths and no factors came"):
        run(pixels, true, protocol=rule)
    with pytest.raises(BadInput, match="metric lengths and factors came"):
        run(pixels, true, extras=Extras(factors=factors))
    with pytest.raises(BadInput, match=r"extras.factors is \(39,\).*\(40,\)"):
        run(pixels, true, protocol=rule, extras=Extras(factors=factors[:39]))
    with pytest.raises(BadInput, match="too large"):
        run(pixels, true, protocol=rule, extras=Extras(factors=np.full(40, 1e308)))


CAMERA = look_at((0, -5000, 1500), (0, 0, 900), focal=1145, size=(1000, 1000))


def views(true: np.ndarray) -> View:
    roots = np.tile([100.0, 200, 4800], (len(true), 1))
    return View(project(CAMERA, true + roots[:, None]), roots, {0: CAMERA, 1: CAMERA})


def test_several_hypotheses_become_one() -> None:
    true = POSES / 3
    good = true + DRAW.normal(0, 5, true.shape)
    bad = true + DRAW.normal(0, 90, true.shape)
    several = np.stack([bad, good, true + DRAW.normal(0, 40, true.shape)], axis=1)
    several[3, 1], several[3, 0] = bad[3], good[3]
    # of this pose one joint is better in the worse hypothesis
    several[5, 0, 4], several[5, 1, 4] = good[5, 4], bad[5, 4]
    error = {
        rule: (
            run(
                several,
                true,
                protocol=under(hypotheses=rule),
                extras=Extras(view=views(true)),
            )["MPJPE"].frame_wise
        )
        for rule in protocols.HYPOTHESES
    }
    of_each = np.linalg.norm(several - true[:, None], axis=-1)
    assert error["mean"] == pytest.approx(
        np.linalg.norm(several.mean(1) - true, axis=-1).mean()
    )
    assert error["best"] == pytest.approx(of_each.mean(axis=2).min(axis=1).mean())
    assert error["best-joints"] == pytest.approx(of_each.min(axis=1).mean())
    assert error["best-joints"] < error["best"] < error["mean"]  # type: ignore[operator]
    assert error["best-joints"] <= error["jpma"] < error["mean"]  # type: ignore[operator]


def test_joints_are_chosen_by_their_projection() -> None:
    true = POSES / 3
    sideways = true + [200, 0, 0]
    behind = true - [0, 0, 20_000]
    chosen = under(hypotheses="jpma")
    view = Extras(view=views(true))
    assert (
        run(np.stack([sideways, behind, true], axis=1), true, protocol=chosen, extras=view)[
            "MPJPE"
        ].frame_wise
        == 0
    )
    assert run(np.stack([sideways, behind], axis=1), true, protocol=chosen, extras=view)[
        "MPJPE"
    ].frame_wise == pytest.approx(200)
    with pytest.raises(BadInput, match="give extras.view"):
        run(np.stack([true, true], axis=1), true, protocol=chosen)
    with pytest.raises(BadInput, match="no camera for clip 1"):
        run(
            np.stack([true] * 2, axis=1),
            true,
            protocol=chosen,
            extras=Extras(view=View(view.view.keypoints, view.view.roots, {0: CAMERA})),
        )  # type: ignore[union-attr]


def test_the_best_hypothesis_is_the_one_of_the_scored_joints() -> None:
    first = POSES.copy()
    second = POSES.copy()
    first[:, 3] += 10
    second[:, 0] += 1000
    few = under(hypotheses="best", scored=("RFoot", "Head"))
    assert (
        run(np.stack([first, second], axis=1), POSES, protocol=few)["MPJPE"].frame_wise == 0
    )


def test_a_diverged_model_is_not_a_number() -> None:
    pred = POSES.copy()
    pred[7, 2] = np.nan
    with pytest.raises(BadInput, match="1 predictions are not finite, the first at pose 7"):
        run(pred, POSES)
    with pytest.raises(BadInput, match="truth"):
        run(POSES, pred)


def test_wrong_shapes_and_names() -> None:
    with pytest.raises(BadInput, match=r"\(40, 16, 3\)"):
        run(POSES[:, :16], POSES)
    with pytest.raises(BadInput, match="39 clips"):
        run(POSES, POSES, clips=CLIPS[:39])
    with pytest.raises(BadInput, match="39 subjects"):
        run(POSES, POSES, subjects=["S1"] * 39)
    with pytest.raises(BadInput, match="N x H of them"):
        run(POSES, POSES, protocol=under(hypotheses="mean"))
    with pytest.raises(BadInput, match="numbers were due"):
        run(POSES.astype(str), POSES)
    with pytest.raises(UnknownName, match="did you mean pa_mpjpe"):
        metrics.load("pa-mpjpe")
    with pytest.raises(UnknownName, match="joint"):
        run(POSES, POSES, protocol=under(scored=("Tail",)))
