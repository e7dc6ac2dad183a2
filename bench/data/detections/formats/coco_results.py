"""COCO's results, as AlphaPose writes them too, with the numbers of its tracker.

[{image_id: name or number, keypoints: [x, y, c, ...], idx}, ...]
"""

from __future__ import annotations

from bench.data.detections.formats import _entries
from bench.data.detections.video import Video

FORMAT = "COCO results or AlphaPose ([{image_id, keypoints}, ...])"


def fits(value: object) -> bool:
    """Whether a value is of this format."""
    return _entries.is_list_of(value, "image_id", "category_id")


def read(value: object, where: str) -> list[Video]:
    """The videos of the file. Raises BadInput."""
    return _entries.videos(_entries.people(value, where))
