"""Several poses for each frame, scored in each way in which papers make one of them.

Shan et al. (2023, D3DP) name the ways. All but the first look at the truth, which whoever uses a
model does not have: their numbers are beside those of single poses, and never among them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.batches.windows import Windows
from bench.data.clip import Clip
from bench.data.protocols import Protocol
from bench.evaluation.score import score
from bench.metrics import View
from bench.records import Aggregate
from bench.records.payloads import Rule

# by the protocol's word: the papers' name, and what of the truth it needs
WAYS: dict[Rule, tuple[str, str]] = {
    "mean": ("P-Agg", ""),
    "best": ("P-Best", "the true poses"),
    "best-joints": ("J-Best", "the true poses"),
    "jpma": ("J-Agg (JPMA)", "the true root and the camera"),
}
METRICS = ("mpjpe", "pa_mpjpe")  # of each, and the protocol's headline


def scores(
    hypotheses: NDArray[np.floating],
    test: Windows,
    clips: Sequence[Clip],
    *,
    protocol: Protocol,
) -> tuple[tuple[Aggregate, ...], dict[str, str]]:
    """Metrics of hypotheses (M, H, J, 3), mm, in each way, and why one is left out.

    `clips` are those that the test windows are of, in their order.
    """
    found, left_out = [], {}
    for rule, (name, needs) in WAYS.items():
        if rule == "jpma" and protocol.lengths != "metric":
            left_out[name] = f"lengths of {protocol.lengths} have no projection"
            continue
        under = protocol.model_copy(update={"hypotheses": rule})
        view = view_of(test, clips) if rule == "jpma" else None
        measured = score(hypotheses, test, protocol=under, chosen=METRICS, view=view)
        found.append(Aggregate(rule=rule, name=name, needs=needs, metrics=measured))
    return tuple(found), left_out


def view_of(test: Windows, clips: Sequence[Clip]) -> View:
    """What the cameras saw of the scored frames, and where the true roots were."""
    owners, frames = test.clip_numbers(), test.frame_numbers()
    keypoints, roots = [], []
    for number, clip in enumerate(clips):
        mine = frames[owners == number]
        joints = list(clip.skeleton.indices(test.skeleton.joints))
        root = clip.skeleton.index(test.skeleton.joints[test.root])
        assert clip.camera_pose is not None  # as without it nothing is scored
        keypoints.append(clip.keypoints[mine][:, joints])
        roots.append(clip.camera_pose[mine, root])
    # where the root is missing nothing of the frame is scored
    return View(
        keypoints=np.concatenate(keypoints).astype(np.float64),
        roots=np.nan_to_num(np.concatenate(roots).astype(np.float64)),
        cameras=dict(enumerate(clip.camera for clip in clips)),
    )
