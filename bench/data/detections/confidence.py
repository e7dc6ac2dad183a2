"""Whether the third number of a joint can be its confidence, which goes from 0 to 1.

COCO's visibility of 0, 1 or 2 is taken too. Depths, percents and logits are no confidences.
"""

from __future__ import annotations

import numpy as np

from bench.data.detections.video import Video
from models.errors import BadInput

OVER = 1.2  # heatmaps go a little beyond 1 at their peak, OpenPose's for one
VISIBILITIES = (0, 1, 2)


def check(video: Video, where: str) -> tuple[str, ...]:
    """Notes on the confidences of a video with people.

    Raises BadInput where they go beyond 0 to 1, unless the file calls them scores.
    """
    found = [person.points[:, 2] for frame in video.frames for person in frame]
    sure = np.concatenate(found)
    sure = sure[~np.isnan(sure)]
    within = ((sure >= 0) & (sure <= OVER)).all()
    if within or np.isin(sure, VISIBILITIES).all():
        return ()
    came = f"from {sure.min():.4g} to {sure.max():.4g}"
    if video.scores:
        return (f"scores {came}, for a confidence from 0 to 1: cut to 0 and 1",)
    raise BadInput(
        f"{where}: x, y and a confidence from 0 to 1 were due; the third numbers go {came}"
        " (3D poses are no keypoints)"
    )
