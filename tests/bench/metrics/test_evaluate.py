"""Scoring under a protocol: means, joints, frames, roots, factors and hypotheses."""

from __future__ import annotations

import numpy as np
import pytest

from bench import metrics
from bench.data import protocols
from bench.data.geometry.cameras import look_at, project
from bench.data.geometry.skeletons import H36M17
from bench.metrics import Extras, Facts, View, _blocks
from models.errors import BadInput, UnknownName
from tests.bench.metrics.poses import BONES, CLIPS, POSES, TWINS, mpjpe, run, under

DRAW = np.random.default_rng(0)
MEANS = (
    "frame_wise",
    "action_wise",
    "subject_wise",
    "per_action",
    "per_subject",
    "per_joint",
)

# by name, in the order of the folder's listing; those that need `extras` are not given them here
METRICS = {
    name: metrics.load(name)
    for name in metrics.names()
    if getattr(metrics.load(name), "NEEDS", None)
    not in ("roots", "vertices", "regressed")
}


def of_joints(name: str) -> bool:
    """Whether a metric gives a number for each joint."""
    facts = Facts(CLIPS, BONES, TWINS)
    return metrics.load(name).values(POSES, POSES, facts).ndim == 2


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = (POSES + DRAW.normal(0, 100, POSES.shape)).astype(np.float32)
    # forty poses are one block
    subjects = ["S1", "S2"] * 20
    whole = run(noisy, POSES, subjects=subjects)
    # blocks of seven poses, which end within clips
    monkeypatch.setattr(_blocks, "FEWEST", 7)
    monkeypatch.setattr(_blocks, "POINTS", 1)
    for name, metric in run(noisy, POSES, subjects=subjects).items():
        for field in MEANS:
            came = getattr(metric, field)
            due = getattr(whole[name], field)
            assert came == pytest.approx(due, rel=1e-12), (name, field)


def test_means_by_frame_action_subject_and_joint() -> None:
    pred = POSES.copy()
    pred[:30, 3, 0] += 17  # one joint of 17 by 17 mm: 1 mm in the mean
    # and here 3 mm
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
    # one joint beyond every threshold
    pred[:, 3, 0] += 200
    found = run(pred, POSES)
    assert found["PCK@150"].per_joint["RFoot"] == 0
    assert found["PCK@150"].per_joint["Hip"] == 100
    by_joint = {metric.NAME for name, metric in METRICS.items() if of_joints(name)}
    assert {name for name, metric in found.items() if metric.per_joint} == by_joint
    for name in by_joint:
        # joints are averaged over the same poses as the whole
        mean = np.mean(list(found[name].per_joint.values()))
        assert mean == pytest.approx(found[name].frame_wise)
    assert not found["Bone length error"].per_joint


def test_the_headline_comes_first_and_all_are_there() -> None:
    found = list(run(POSES, POSES))
    assert found[0] == "MPJPE"
    assert found == [metric.NAME for metric in METRICS.values()]
    assert list(METRICS)[1:] == sorted(set(METRICS) - {"mpjpe"})
    assert {"AUC", "N-MPJPE", "PA-MPJPE, no scale", "PCK@150"} < set(found)
    assert list(run(POSES, POSES, metrics=["auc"])) == ["AUC"]


def test_only_scored_joints_count() -> None:
    pred = POSES.copy()
    pred[:, 0] += 1000
    few = under(scored=("Head", "RFoot"))
    assert mpjpe(pred, POSES) != 0
    assert mpjpe(pred, POSES, protocol=few) == 0
    assert set(run(pred, POSES, protocol=few)["MPJPE"].per_joint) == {"Head", "RFoot"}
    # no bone has both its ends there
    assert "Bone length error" not in run(pred, POSES, protocol=few)


def test_some_metrics_score_other_joints() -> None:
    pred = POSES.copy()
    pred[:, 0] += 1000
    found = run(
        pred,
        POSES,
        protocol=under(scored_for={"pck150": ("Head", "RFoot")}),
    )
    assert found["PCK@150"].frame_wise == 100
    assert list(found["PCK@150"].per_joint) == ["RFoot", "Head"]
    # all but the hip, at its best
    assert found["AUC"].frame_wise == pytest.approx(100 * 30 / 31 * 16 / 17)


def test_changes_are_not_measured_where_frames_are_skipped() -> None:
    for name in ("MPJVE", "Acceleration error"):
        assert (
            run(POSES, POSES, protocol=under(test_stride=64))[name].frame_wise is None
        )
        # two clips of one frame: nothing to be measured, and no mean of nothing
        one = run(POSES[:2], POSES[:2], actions=["a", "b"], clips=[0, 1])[name]
        assert one.frame_wise is None
        assert one.per_action == {}
        assert one.per_joint == {}


def test_a_metric_without_what_it_needs_is_none_where_asked_for_and_else_left_out() -> (
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
    # one vertex of 60 by 120 mm: 2 mm in the mean
    moved[:, 0, 1] -= 120
    # 3, 4 and 12 mm along the axes are 13 in space
    extras = Extras(roots=(roots + [3, 4, 12], roots), vertices=(moved, mesh))
    found = run(POSES, POSES, extras=extras)
    assert found["MRPE"].frame_wise == pytest.approx(13)
    assert found["MPVPE"].frame_wise == pytest.approx(2)
    assert found["MRPE"].per_joint == {}
    assert found["MPVPE"].per_joint == {}


@pytest.mark.parametrize(("root", "due"), [("free", 50.0), ("zero", 0.0)])
def test_a_surface_is_scored_by_its_own_joints(root: str, due: float) -> None:
    true = POSES - POSES[:, :1]
    # each joint is the middle of two vertices, 7 mm to either side
    mesh = np.concatenate([true + [0, 7, 0], true - [0, 7, 0]], axis=1)
    rows = np.tile(np.eye(17) / 2, 2)
    # wherever the surface is, it lies about the root that it has itself
    extras = Extras(vertices=(mesh + [30, 0, 40], mesh), regressor=rows)
    rule = under(prediction_root=root)
    found = run(POSES - POSES[:, :1], true, protocol=rule, extras=extras)
    assert found["MPVPE"].frame_wise == pytest.approx(due, abs=1e-9)
    assert found["MPJPE of the mesh"].frame_wise == pytest.approx(due, abs=1e-9)
    assert found["PA-MPJPE of the mesh"].frame_wise == pytest.approx(0, abs=1e-6)
    assert set(found["MPJPE of the mesh"].per_joint) == set(H36M17.joints)


def test_a_surface_lacks_what_the_truth_lacks() -> None:
    true = POSES - POSES[:, :1]
    mesh = np.tile(true, (1, 2, 1))
    rows = np.tile(np.eye(17) / 2, 2)
    missing, surface = true.copy(), mesh.copy()
    missing[:4, 5] = surface[:4] = np.nan
    extras = Extras(vertices=(mesh + 1, surface), regressor=rows)
    found = run(true, missing, extras=extras)
    assert found["MPVPE"].frame_wise == pytest.approx(3**0.5)
    assert found["MPJPE of the mesh"].frame_wise == pytest.approx(3**0.5)
    broken = Extras(vertices=(surface, mesh), regressor=rows)
    with pytest.raises(BadInput, match="predicted vertices are not finite"):
        run(true, true, extras=broken)


def test_extras_that_do_not_fit_are_named() -> None:
    roots = np.zeros((40, 3))
    mesh = np.zeros((40, 60, 3))
    view = views(POSES / 3)
    for extras, what in (
        (Extras(roots=(roots, roots[:39])), "roots"),
        (Extras(roots=(roots, roots * np.nan)), "roots .* finite"),
        (Extras(vertices=(mesh, mesh[:, :59])), "vertices"),
        (Extras(vertices=(roots, roots)), "vertices"),
        (Extras(vertices=(mesh, mesh), regressor=np.eye(17)), "regressor"),
        (
            Extras(view=View(view.keypoints[:, :16], view.roots, view.cameras)),
            "keypoints",
        ),
        (
            Extras(view=View(view.keypoints, view.roots[:, :2], view.cameras)),
            "view.roots",
        ),
    ):
        with pytest.raises(BadInput, match=what):
            run(POSES, POSES, extras=extras)


def test_the_predicted_root_is_free_or_at_zero() -> None:
    true = POSES - POSES[:, :1]
    moved = true + [30, 0, 0]
    assert mpjpe(moved, true) == pytest.approx(30)
    at_zero = under(prediction_root="zero")
    assert mpjpe(moved, true, protocol=at_zero) == pytest.approx(0, abs=1e-9)


def test_pixels_times_each_frames_factor() -> None:
    factors = DRAW.uniform(3, 5, 40)
    true = POSES - POSES[:, :1]
    # a place in the picture, which the root at zero undoes
    pixels = true / factors[:, None, None] + [500, 400, 7]
    rule = under(lengths="2.5d", prediction_root="zero")
    error = mpjpe(pixels, true, protocol=rule, extras=Extras(factors=factors))
    assert error == pytest.approx(0, abs=1e-9)
    with pytest.raises(BadInput, match=r"2.5d lengths and no factors came"):
        run(pixels, true, protocol=rule)
    with pytest.raises(BadInput, match="metric lengths and factors came"):
        run(pixels, true, extras=Extras(factors=factors))
    with pytest.raises(BadInput, match=r"extras.factors is \(39,\).*\(40,\)"):
        run(pixels, true, protocol=rule, extras=Extras(factors=factors[:39]))
    with pytest.raises(BadInput, match="too large"):
        run(
            pixels,
            true,
            protocol=rule,
            extras=Extras(factors=np.full(40, 1e308)),
        )


CAMERA = look_at(
    (0, -5000, 1500),
    (0, 0, 900),
    focal=1145,
    size=(1000, 1000),
)


def views(true: np.ndarray) -> View:
    """What that camera sees of poses that stand before it."""
    # mm in the camera's frame, well before it
    roots = np.tile([100.0, 200, 4800], (len(true), 1))
    return View(
        project(CAMERA, true + roots[:, None]),
        roots,
        {0: CAMERA, 1: CAMERA},
    )


def test_several_hypotheses_become_one() -> None:
    true = POSES / 3
    good = true + DRAW.normal(0, 5, true.shape)
    bad = true + DRAW.normal(0, 90, true.shape)
    middling = true + DRAW.normal(0, 40, true.shape)
    several = np.stack([bad, good, middling], axis=1)
    # of this pose the first hypothesis is the better one
    several[3, 1], several[3, 0] = bad[3], good[3]
    # and of this one a joint is better in the worse hypothesis
    several[5, 0, 4], several[5, 1, 4] = good[5, 4], bad[5, 4]
    extras = Extras(view=views(true))
    error = {}
    for rule in protocols.HYPOTHESES:
        error[rule] = mpjpe(
            several,
            true,
            protocol=under(hypotheses=rule),
            extras=extras,
        )
    # (poses, hypotheses, joints)
    of_each = np.linalg.norm(several - true[:, None], axis=-1)
    of_mean = np.linalg.norm(several.mean(axis=1) - true, axis=-1)
    assert error["mean"] == pytest.approx(of_mean.mean())
    assert error["best"] == pytest.approx(of_each.mean(axis=2).min(axis=1).mean())
    assert error["best-joints"] == pytest.approx(of_each.min(axis=1).mean())
    assert error["best-joints"] < error["best"] < error["mean"]
    assert error["best-joints"] <= error["jpma"] < error["mean"]


def test_joints_are_chosen_by_their_projection() -> None:
    true = POSES / 3
    sideways = true + [200, 0, 0]
    behind = true - [0, 0, 20_000]
    chosen = under(hypotheses="jpma")
    view = views(true)
    all_three = np.stack([sideways, behind, true], axis=1)
    assert mpjpe(all_three, true, protocol=chosen, extras=Extras(view=view)) == 0
    # what lies behind the camera is never the nearest
    both_wrong = np.stack([sideways, behind], axis=1)
    error = mpjpe(both_wrong, true, protocol=chosen, extras=Extras(view=view))
    assert error == pytest.approx(200)
    twice = np.stack([true, true], axis=1)
    with pytest.raises(BadInput, match="give extras.view"):
        run(twice, true, protocol=chosen)
    one_camera = View(view.keypoints, view.roots, {0: CAMERA})
    with pytest.raises(BadInput, match="no camera for clip 1"):
        run(twice, true, protocol=chosen, extras=Extras(view=one_camera))


def test_the_best_hypothesis_is_the_one_of_the_scored_joints() -> None:
    first = POSES.copy()
    second = POSES.copy()
    first[:, 3] += 10
    # a joint that does not count is a metre off, and yet this hypothesis is the better one
    second[:, 0] += 1000
    few = under(hypotheses="best", scored=("RFoot", "Head"))
    assert mpjpe(np.stack([first, second], axis=1), POSES, protocol=few) == 0


def test_a_diverged_model_is_not_a_number() -> None:
    pred = POSES.copy()
    # one joint of one pose is enough
    pred[7, 2] = np.nan
    with pytest.raises(
        BadInput, match="1 predictions are not finite, the first at pose 7"
    ):
        run(pred, POSES)
    # NaN in the truth is a joint that is missing; this is none
    pred[7, 2] = np.inf
    with pytest.raises(BadInput, match="1 truths are not finite, the first at pose 7"):
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
