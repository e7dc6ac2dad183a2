"""Metrics of surfaces by plain arithmetic, with their means, as `scoring.py` has those of poses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench import metrics
from bench.data.protocols import Protocol
from bench.evaluation.oracle import body, cutting, measures, scoring
from bench.evaluation.oracle.choice import Rows
from bench.evaluation.oracle.cutting import Cut, Float
from bench.evaluation.oracle.scoring import Numbers, Score
from models.mesh import Mesh

# vertices of all frames, some ten seconds of NumPy
MOST = 5_000_000
FILES = ("mpvpe", "mesh_mpjpe", "mesh_pa_mpjpe")


def scored(
    test: Cut,
    rows: Rows,
    protocol: Protocol,
    mesh: Mesh,
    predicted: Callable[[int], Float],
) -> tuple[dict[str, Numbers], dict[str, str]]:
    """The means of each metric by its file, of vertices (n, V, 3) of each strip, mm.

    The truth is the body in the true pose. Of more than `MOST` there are none, and the reason by
    each metric's name.
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
        for file, score in scores.items():
            both = (made, surface) if file == "mpvpe" else (own, true)
            clip = strip.clip
            score.add(*both, action=clip.action, subject=clip.subject)
    return {file: score.numbers() for file, score in scores.items()}, {}


def _empty(protocol: Protocol, vertices: int) -> dict[str, Score]:
    known = scoring.empty(protocol)
    return {
        "mpvpe": Score(_mean_distance, 0, (), list(range(vertices))),
        "mesh_mpjpe": known["mpjpe"],
        "mesh_pa_mpjpe": known["pa_mpjpe"],
    }


def _mean_distance(pred: Float, true: Float) -> Float:
    return measures.apart(pred, true).mean(axis=1)
