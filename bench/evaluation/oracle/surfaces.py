"""Metrics of surfaces by plain arithmetic, with their means, as `scoring.py` has those of poses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bench import metrics
from bench.data.geometry.cameras import undistort
from bench.data.protocols import Protocol
from bench.evaluation.oracle import body, cutting, measures, scoring
from bench.evaluation.oracle.choice import Rows
from bench.evaluation.oracle.cutting import Cut, Float, Strip
from bench.evaluation.oracle.scoring import Numbers, Score
from bench.evaluation.oracle.sight import Sight
from models.mesh import Mesh

# vertices of all frames, some ten seconds of NumPy
MOST = 5_000_000
FILES = ("mpvpe", "mesh_mpjpe", "mesh_pa_mpjpe", "mrpe")


def scored(
    test: Cut,
    rows: Rows,
    protocol: Protocol,
    mesh: Mesh,
    predicted: Callable[[int], Float],
    poses: Callable[[int], Float],
) -> tuple[dict[str, Numbers], dict[str, str]]:
    """The means of each metric by its file, of vertices (n, V, 3) of each strip, mm.

    The truth is the body in the true pose; roots are found by `poses` (n, J, 3), mm. Of more than
    `MOST` vertices there are none, and the reason by each metric's name.
    """
    frames, each = rows.starts[-1], len(mesh.vertices)
    if frames * each > MOST:
        reason = (
            f"{frames:,} surfaces of {each:,} vertices would take the oracle minutes"
        )
        return {}, {metrics.load(file).NAME: reason for file in FILES}
    scores = _empty(protocol, each)
    joints = test.sight.joints
    root = joints.index(protocol.root)
    for number, strip in enumerate(test.strips):
        made = predicted(number)
        own = np.einsum("jv,nvc->njc", mesh.regressor, made)
        if protocol.prediction_root == "zero":
            middle = own[:, root : root + 1].copy()
            made, own = made - middle, own - middle
        true = cutting.truth(strip, rows.frames[number], test.sight)
        surface = 1000 * body.posed(mesh, joints, true / 1000)
        both = {
            "mpvpe": (made, surface),
            "mrpe": _roots(strip, rows.frames[number], poses(number), test.sight),
        }
        clip = strip.clip
        for file, score in scores.items():
            pair = both.get(file, (own, true))
            score.add(*pair, action=clip.action, subject=clip.subject)
    return {file: score.numbers() for file, score in scores.items()}, {}


def _empty(protocol: Protocol, vertices: int) -> dict[str, Score]:
    known = scoring.empty(protocol)
    return {
        "mpvpe": Score(_mean_distance, 0, (), list(range(vertices))),
        "mesh_mpjpe": known["mpjpe"],
        "mesh_pa_mpjpe": known["pa_mpjpe"],
        "mrpe": Score(measures.apart, 0, (), [0]),
    }


def _roots(
    strip: Strip, frames: Sequence[int], poses: Float, sight: Sight
) -> tuple[Float, Float]:
    """(n, 1, 3) each, mm: where the roots of poses project best, and where they are."""
    clip, joints = (
        strip.clip,
        [strip.clip.skeleton.index(name) for name in sight.joints],
    )
    assert clip.camera_pose is not None  # as without it nothing is scored
    numbers = [strip.begin + frame for frame in frames]
    root = sight.joints.index(sight.root)
    true = clip.camera_pose[numbers][:, joints[root], None].astype(np.float64)
    pixels = clip.keypoints[numbers][:, joints].astype(np.float64)
    straight = undistort(clip.camera, pixels)
    found = [
        pose[root] + _best((seen - clip.camera.centre) / clip.camera.focal, pose)
        for seen, pose in zip(straight, poses, strict=True)
    ]
    return np.array(found).reshape(-1, 1, 3), true


def _best(rays: Float, pose: Float) -> Float:
    """The shift (3,) after which a pose (J, 3) lies on rays (J, 2) as nearly as may be."""
    conditions, due = [], []
    for (x, y), (across, down, away) in zip(rays, pose, strict=True):
        conditions += [[1, 0, -x], [0, 1, -y]]
        due += [x * away - across, y * away - down]
    shift: Float = np.linalg.lstsq(np.array(conditions), np.array(due), rcond=None)[0]
    return shift


def _mean_distance(pred: Float, true: Float) -> Float:
    return measures.apart(pred, true).mean(axis=1)
