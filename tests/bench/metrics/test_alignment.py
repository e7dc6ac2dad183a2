"""Alignment in closed form: as singular values have it, for poses of every kind.

And never a reflection.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from bench.metrics import _procrustes
from bench.metrics._lengths import lengths

DRAW = np.random.default_rng(0)
POSES = DRAW.normal(0, 300, (40, 17, 3))
# kinds of poses that come out of models, which the fast way must serve
ORDINARY = (
    "noisy",
    "turned by any angle",
    "exact",
    "planar",
    "mirrored",
    "in the camera's frame",
)


def test_alignment_agrees_with_scipy() -> None:
    noisy = POSES + DRAW.normal(0, 100, POSES.shape)
    for pred, true, left in zip(
        noisy,
        POSES,
        _procrustes.residuals(noisy, POSES),
        strict=True,
    ):
        first, second, _ = procrustes(true, pred)  # both centred, the first of norm 1
        assert_allclose(
            left,
            (second - first) * np.linalg.norm(true - true.mean(0)),
            atol=1e-6,
        )
    # of the last pose alone, as SciPy aligns one at a time
    turn = Rotation.align_vectors(true - true.mean(0), pred - pred.mean(0))[0]
    expected = turn.apply(pred - pred.mean(0)) - (true - true.mean(0))
    assert_allclose(
        _procrustes.residuals(pred[None], true[None], scaled=False)[0],
        expected,
        atol=1e-6,
    )


def test_alignment_never_mirrors() -> None:
    mirrored = POSES * [-1, 1, 1]
    assert (
        min(
            lengths(_procrustes.residuals(mirrored, POSES, scaled=scaled))
            .mean(axis=1)
            .min()
            for scaled in (False, True)
        )
        > 10
    )
    # the aligned prediction: of three joints, about the mean, the determinant tells the handedness
    found = _procrustes.residuals(mirrored, POSES) + POSES
    centred = (
        (found - found.mean(1, keepdims=True))[:, :3],
        (mirrored - mirrored.mean(1, keepdims=True))[:, :3],
    )
    before, after = map(np.linalg.det, centred)
    assert (before * after > 0).all()


def reference(pred: np.ndarray, true: np.ndarray, *, scaled: bool) -> np.ndarray:
    """What is left of each joint's error by Umeyama (1991), decomposing pose by pose."""
    y = pred - pred.mean(axis=1, keepdims=True)
    x = true - true.mean(axis=1, keepdims=True)
    left, sizes, right = np.linalg.svd(np.swapaxes(y, 1, 2) @ x)
    flip = np.ones_like(sizes)
    # a rotation and never a reflection: the least singular value changes its sign
    flip[:, 2] = np.where(
        np.linalg.det(left @ right) < 0,
        -1,
        1,
    )
    # a prediction in one point has no spread to divide by
    with np.errstate(invalid="ignore"):
        scale = (
            (sizes * flip).sum(axis=1) / (y**2).sum(axis=(1, 2))
            if scaled
            else np.ones(len(y))
        )
    return (
        np.nan_to_num(scale)[:, None, None] * (y @ ((left * flip[:, None]) @ right)) - x
    )


Pair = tuple[np.ndarray, np.ndarray]


def kinds(count: int, draw: np.random.Generator) -> dict[str, Pair]:
    """Predictions and truths (count, 17, 3), mm, from ordinary to as awkward as they come."""
    person = draw.normal(0, [250, 450, 120], (count, 17, 3))
    noise = draw.normal(0, 60, person.shape)
    along = draw.normal(0, 400, (count, 17, 1))
    line = along * draw.normal(0, 1, (count, 1, 3))
    size = 10.0 ** draw.uniform(-12, 2, (count, 1, 1))
    small = size * draw.normal(0, 1, person.shape)
    turn = Rotation.random(count, rng=draw).as_matrix()
    turned = np.einsum("njc,ndc->njd", person, turn)
    flat = person * [1, 1, 0]
    place = [300, -200, 5000]
    # as wide one way as any other
    round_ = 300 * np.linalg.qr(noise - noise.mean(axis=1, keepdims=True))[0]
    return {
        "noisy": (person + noise, person),
        "random": (noise, person),
        "turned by any angle": (1.2 * turned + noise, person),
        "turned by half a turn": (person * [-1, -1, 1] + noise, person),
        "exact": (person, person),
        "planar": (flat + noise * [1, 1, 0], flat),
        "nearly planar": (flat + small, flat + noise),
        "mirrored": (person * [-1, 1, 1], person),
        "mirrored, noisy": (person * [-1, 1, 1] + noise, person + noise),
        # every rotation about any axis does as well as another
        "mirrored, of equal spread": (round_ * [-1, 1, 1] + small / 1000, round_),
        "collinear": (line + noise[:, :1], line),
        "collinear prediction": (line, person),
        "nearly collinear": (line + small, line + noise / 100),
        "collapsed": (np.broadcast_to(noise[:, :1], person.shape), person),
        "in the camera's frame": (person + noise + place, person + place),
        "far away": (person + noise + 1e6, person - 1e6),
        # eighteen orders of magnitude: no number of float64 holds the sum
        "huge beside tiny": (1e9 * (person + noise), 1e-9 * person),
    }


@pytest.mark.parametrize("scaled", [True, False])
def test_alignment_equals_singular_values_on_100_000_poses(scaled: bool) -> None:
    draw = np.random.default_rng(7)
    total = 0
    for kind, (pred, true) in kinds(6000, draw).items():
        came = np.concatenate(
            [
                _procrustes.residuals(p, t, scaled=scaled)
                # in blocks, as `evaluate` has them
                for p, t in zip(np.split(pred, 6), np.split(true, 6), strict=True)
            ]
        )
        # what float64 can hold of a prediction that is kilometres wide
        size = 1.0 if scaled else max(1.0, np.abs(pred).max() / 1e8)
        assert_allclose(
            came,
            reference(pred, true, scaled=scaled),
            rtol=0,
            atol=1e-6 * size,
            err_msg=kind,
        )
        total += len(pred)
    # of all kinds together
    assert total > 100_000


def test_the_closed_form_serves_all_but_degenerate_poses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: list[int] = []
    by_svd = _procrustes.by_svd

    def counting(pred: np.ndarray, true: np.ndarray, *, scaled: bool) -> np.ndarray:
        counts.append(len(pred))
        return by_svd(pred, true, scaled=scaled)

    monkeypatch.setattr(_procrustes, "by_svd", counting)
    shares = {}
    for kind, (pred, true) in kinds(2000, np.random.default_rng(1)).items():
        counts.clear()
        _procrustes.residuals(pred, true)
        shares[kind] = sum(counts) / 2000
    for kind in ORDINARY:
        assert shares[kind] < 0.01, kind
    # no rotation is the only best one of these
    for kind in ("collinear", "collinear prediction", "mirrored, of equal spread"):
        assert shares[kind] > 0.9, kind
