"""Metrics: by hand where a hand can, by invariance where the mathematics says so, and never
a silent NaN.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from bench import metrics
from bench.data import protocols
from bench.data.geometry.cameras import look_at, project
from bench.data.geometry.skeletons import H36M17
from bench.metrics import Extras, Facts, View, _blocks, _procrustes
from bench.metrics._facts import bones
from bench.records import Metric
from models.errors import BadInput, UnknownName

PROTOCOL = protocols.load("synthetic")
DRAW = np.random.default_rng(0)
POSES = DRAW.normal(0, 300, (40, 17, 3))
CLIPS = np.repeat([0, 1], 20)
BONES, TWINS = bones(H36M17, H36M17.joints)
# those that need poses alone
ON_JOINTS = tuple(name for name in metrics.names() if name not in ("mpvpe", "mrpe"))
ANY_ORDER = tuple(name for name in ON_JOINTS if not name.startswith("bone"))


def value(
    name: str, pred: np.ndarray, true: np.ndarray, clips: np.ndarray | None = None
) -> np.ndarray:
    """A metric's number for each pose."""
    facts = Facts(np.zeros(len(pred), int) if clips is None else clips, BONES, TWINS)
    found = metrics.load(name).values(pred, true, facts)
    return found if found.ndim == 1 else found.mean(axis=1)


def run(pred: np.ndarray, true: np.ndarray, **options: object) -> dict[str, Metric]:
    given_: dict[str, object] = {
        "actions": ["a"] * 30 + ["b"] * 10,
        "clips": CLIPS,
        "joint_names": H36M17.joints,
        "protocol": PROTOCOL,
    }
    return {
        metric.name: metric
        for metric in metrics.evaluate(pred, true, **{**given_, **options})
    }  # type: ignore[arg-type]


def under(**changes: object) -> protocols.Protocol:
    return PROTOCOL.model_copy(update=changes)


def similarity(seed: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation and shift."""
    draw = np.random.default_rng(seed)
    return (
        draw.uniform(0.1, 10),
        Rotation.random(rng=draw).as_matrix(),
        draw.normal(0, 500, 3),
    )


@pytest.mark.parametrize("name", ON_JOINTS)
def test_a_perfect_prediction(name: str) -> None:
    metric = metrics.load(name)
    best = {"PCK@150": 100.0, "AUC": 100 * 30 / 31}.get(metric.NAME, 0.0)
    true = POSES.copy()
    # symmetric people: else their bones are not
    true[:, H36M17.left] = true[:, H36M17.right] * [-1, 1, 1]
    true[
        :, [joint for joint in range(17) if joint not in H36M17.left + H36M17.right], 0
    ] = 0
    found = value(name, true, true)
    np.testing.assert_allclose(found[np.isfinite(found)], best, atol=1e-9)
    assert metric.BETTER in ("lower", "higher") and metric.UNIT


def test_by_hand() -> None:
    true = np.zeros((1, 2, 3))
    pred = np.array([[[3.0, 4, 0], [0, 0, 145]]])
    assert value("mpjpe", pred, true)[0] == pytest.approx(75)
    assert value("pck150", pred, true)[0] == 100
    # 5 < 10..150 (29); 145 < 150 (1)
    assert value("auc", pred, true)[0] == pytest.approx(100 * (29 + 1) / 2 / 31)


@pytest.mark.parametrize(
    ("distance", "pck", "passed"),
    [
        (0, 100, 30),
        (4.999, 100, 30),
        (5, 100, 29),
        (149.999, 100, 1),
        (150, 0, 0),
        (900, 0, 0),
    ],
)
def test_thresholds_are_strict(distance: float, pck: float, passed: int) -> None:
    pred = np.array([[[distance, 0.0, 0.0]]])
    assert value("pck150", pred, 0 * pred)[0] == pck
    assert value("auc", pred, 0 * pred)[0] == pytest.approx(100 * passed / 31)
    assert passed == sum(distance < threshold for threshold in range(0, 151, 5))


def test_changes_stay_within_a_clip() -> None:
    true = np.zeros((7, 1, 3))
    pred = true.copy()
    pred[:, 0, 0] = [0, 2, 6, 100, 101, 105, 110]
    clips = np.array([7, 7, 7, 8, 8, 8, 8])
    np.testing.assert_array_equal(
        value("mpjve", pred, true, clips), [np.nan, 2, 4, np.nan, 1, 4, 5]
    )
    np.testing.assert_array_equal(
        value("acceleration", pred, true, clips), [np.nan, np.nan, 2, np.nan, np.nan, 3, 1]
    )
    np.testing.assert_array_equal(
        value("acceleration", pred, true, np.arange(7)), np.full(7, np.nan)
    )


def test_bones_by_hand() -> None:
    true = POSES[:3]
    pred = true.copy()
    arm = H36M17.indices(("LElbow", "LWrist"))
    pred[:, arm[1]] += (
        16
        * (true[:, arm[1]] - true[:, arm[0]])
        / np.linalg.norm(true[:, arm[1]] - true[:, arm[0]], axis=-1)[:, None]
    )
    # one bone of 16 is 16 mm longer
    np.testing.assert_allclose(value("bone_length", pred, true), 1.0)
    sizes = np.array(
        [
            np.linalg.norm(pred[:, child] - pred[:, parent], axis=-1)
            for parent, child in BONES
        ]
    )
    pairs = [("Knee", "Foot"), ("Hip", "Knee"), ("Shoulder", "Elbow"), ("Elbow", "Wrist")]
    names = [(H36M17.joints[parent], H36M17.joints[child]) for parent, child in BONES]
    by_hand = [
        abs(sizes[names.index((f"L{a}", f"L{b}"))] - sizes[names.index((f"R{a}", f"R{b}"))])
        for a, b in pairs
    ]
    by_hand += [
        abs(sizes[names.index((c, f"L{j}"))] - sizes[names.index((c, f"R{j}"))])
        for c, j in (("Hip", "Hip"), ("Thorax", "Shoulder"))
    ]
    np.testing.assert_allclose(value("bone_symmetry", pred, true), np.mean(by_hand, axis=0))
    assert len(TWINS) == 6 and len(BONES) == 16


def test_bones_with_an_end_that_does_not_count_are_left_out() -> None:
    few, twins = bones(H36M17, ("RHip", "RKnee", "RFoot", "LKnee", "LFoot", "Head"))
    assert few == ((0, 1), (1, 2), (3, 4)) and twins == ((1, 2),)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_alignment_undoes_a_similarity(seed: int) -> None:
    scale, turn, shift = similarity(seed)
    np.testing.assert_allclose(
        value("pa_mpjpe", scale * POSES @ turn.T + shift, POSES), 0, atol=1e-6
    )
    np.testing.assert_allclose(
        value("pa_mpjpe_rigid", POSES @ turn.T + shift, POSES), 0, atol=1e-6
    )
    np.testing.assert_allclose(value("n_mpjpe", scale * POSES, POSES), 0, atol=1e-6)
    noisy = POSES + np.random.default_rng(seed).normal(0, 50, POSES.shape)
    moved = noisy @ turn.T + shift
    np.testing.assert_allclose(
        value("pa_mpjpe", scale * moved, POSES),
        value("pa_mpjpe", noisy, POSES),
        rtol=1e-6,
        atol=1e-9,
    )
    np.testing.assert_allclose(
        value("pa_mpjpe_rigid", moved, POSES),
        value("pa_mpjpe_rigid", noisy, POSES),
        rtol=1e-6,
        atol=1e-9,
    )
    np.testing.assert_allclose(
        value("n_mpjpe", scale * noisy, POSES),
        value("n_mpjpe", noisy, POSES),
        rtol=1e-9,
        atol=1e-9,
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_what_changes_no_metric(seed: int) -> None:
    """Turning both sides, moving both sides, and putting the joints in another order."""
    _, turn, shift = similarity(seed)
    draw = np.random.default_rng(seed)
    noisy = POSES + draw.normal(0, 50, POSES.shape)
    order = draw.permutation(17)
    for name in ON_JOINTS:
        plain = value(name, noisy, POSES, CLIPS)
        np.testing.assert_allclose(
            value(name, noisy @ turn.T, POSES @ turn.T, CLIPS),
            plain,
            rtol=1e-7,
            atol=1e-9,
            err_msg=name,
        )
        if name != "n_mpjpe":  # its scale is about the root
            np.testing.assert_allclose(
                value(name, noisy + shift, POSES + shift, CLIPS),
                plain,
                rtol=1e-7,
                atol=1e-9,
                err_msg=name,
            )
        if name in ANY_ORDER:
            np.testing.assert_allclose(
                value(name, noisy[:, order], POSES[:, order], CLIPS),
                plain,
                rtol=1e-9,
                atol=1e-9,
                err_msg=name,
            )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_each_freedom_can_only_help(seed: int) -> None:
    """In squares, which are what alignment makes least: similarity <= rigid <= shift alone,
    and similarity <= scale alone.
    """
    noisy = POSES * 1.3 + np.random.default_rng(seed).normal(0, 200, POSES.shape)
    centred, truth = (pose - pose.mean(axis=1, keepdims=True) for pose in (noisy, POSES))
    square = lambda error: (error**2).sum(axis=(1, 2))  # noqa: E731
    rigid, similar = (
        square(_procrustes.residuals(noisy, POSES, scaled=False)),
        square(_procrustes.residuals(noisy, POSES)),
    )
    assert (similar <= rigid + 1e-6).all() and (
        rigid <= square(centred - truth) + 1e-6
    ).all()
    scale = (centred * truth).sum(axis=(1, 2), keepdims=True) / (centred**2).sum(
        axis=(1, 2), keepdims=True
    )
    assert (similar <= square(scale * centred - truth) + 1e-6).all()


def test_degenerate_poses_give_numbers() -> None:
    line = np.linspace(0, 1, 17)[:, None] * np.array([1.0, 2, 3])
    plane = POSES[0] * [1, 1, 0]
    odd = np.stack(
        [
            np.zeros((17, 3)),
            np.ones((17, 3)),
            100 * line,
            plane,
            -POSES[0],
            1e-30 * POSES[0],
            1e12 * POSES[0],
        ]
    )
    for name in ON_JOINTS:
        for pred, true in ((odd, POSES[:7]), (POSES[:7], odd), (odd, odd)):
            assert np.isfinite(
                value(name, pred, true)[getattr(metrics.load(name), "REACH", 0) :]
            ).all(), name
    np.testing.assert_allclose(value("pa_mpjpe", odd[2:4], odd[2:4]), 0, atol=1e-9)


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
    assert found.per_action == pytest.approx(
        {"a": 1.0, "b": 3.0}
    ) and found.per_subject == pytest.approx({"S9": 1.0, "S11": 5 / 3})
    assert (
        found.frame_wise == pytest.approx(1.5)
        and found.action_wise == pytest.approx(2.0)
        and found.subject_wise == pytest.approx(4 / 3)
    )
    assert found.per_joint["RFoot"] == pytest.approx(17 * 0.75) and found.per_joint[
        "LKnee"
    ] == pytest.approx(51 * 0.25)
    assert list(found.per_joint) == list(H36M17.joints)
    plain = run(pred, POSES)["MPJPE"]
    assert plain.subject_wise is None and plain.per_subject == {}


def test_every_metric_of_joints_is_given_by_joint() -> None:
    pred = POSES.copy()
    pred[:, 3, 0] += 200
    found = run(pred, POSES)
    assert (
        found["PCK@150"].per_joint["RFoot"] == 0
        and found["PCK@150"].per_joint["Hip"] == 100
    )
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
    assert found["PCK@150"].frame_wise == 100 and list(found["PCK@150"].per_joint) == [
        "RFoot",
        "Head",
    ]
    assert found["AUC"].frame_wise == pytest.approx(100 * 30 / 31 * 16 / 17)


def test_changes_are_not_measured_where_frames_are_skipped() -> None:
    for name in ("MPJVE", "Acceleration error"):
        assert run(POSES, POSES, protocol=under(test_stride=64))[name].frame_wise is None
        one = run(POSES[:2], POSES[:2], actions=["a", "b"], clips=[0, 1])[name]
        assert one.frame_wise is None and one.per_action == {} and one.per_joint == {}


def test_a_metric_without_what_it_needs_is_none_where_it_was_asked_for_and_left_out_where_not() -> (
    None
):
    assert not {"MRPE", "MPVPE"} & set(run(POSES, POSES))
    for name in ("mrpe", "mpvpe"):
        (metric,) = run(POSES, POSES, metrics=[name]).values()
        assert metric.frame_wise is None and metric.per_action == {}


def test_roots_and_vertices() -> None:
    roots, mesh = DRAW.normal(0, 3000, (40, 3)), DRAW.normal(0, 300, (40, 60, 3))
    moved = mesh.copy()
    moved[:, 0, 1] -= 120
    found = run(
        POSES,
        POSES,
        extras=Extras(roots=(roots + [3, 4, 12], roots), vertices=(moved, mesh)),
    )
    assert found["MRPE"].frame_wise == pytest.approx(13) and found[
        "MPVPE"
    ].frame_wise == pytest.approx(2)
    assert found["MRPE"].per_joint == {} and found["MPVPE"].per_joint == {}


def test_extras_that_do_not_fit_are_named() -> None:
    roots, mesh, view = np.zeros((40, 3)), np.zeros((40, 60, 3)), views(POSES / 3)
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
    good, bad = true + DRAW.normal(0, 5, true.shape), true + DRAW.normal(0, 90, true.shape)
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
    sideways, behind = true + [200, 0, 0], true - [0, 0, 20_000]
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
    first, second = POSES.copy(), POSES.copy()
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
