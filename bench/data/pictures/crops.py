"""The pictures of some clips as a network takes them, and its units of their poses.

Frames are numbered through all clips, in their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.geometry.skeletons import H36M17
from bench.data.pictures import files, frame
from bench.data.pictures.box import Index, Views, boxes
from bench.data.protocols import Protocol
from models.errors import BadInput

# of red, green and blue, as networks take them that were trained on ImageNet
MEAN = np.array([0.485, 0.456, 0.406])
DEVIATION = np.array([0.229, 0.224, 0.225])


SQUARE = (1, 1)  # of whatever size


class Crops:
    """Pictures of `size` (height, width) around the persons of clips, with their `joints`.

    A clip that brings no pictures is drawn, where it is `drawn`. Raises BadInput as `check` does.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        *,
        size: tuple[int, int],
        joints: Sequence[str],
        root: str,
        drawn: bool,
        seed: int,
    ) -> None:
        for clip in clips:
            check(clip, drawn=drawn)
        self.clips, self.size, self.seed = tuple(clips), size, seed
        lengths = [clip.frames for clip in clips]
        self._ends = np.cumsum(lengths)
        self.views = Views(
            lenses=np.repeat([_lens(clip) for clip in clips], lengths, axis=0),
            boxes=np.concatenate([boxes(clip, joints, size) for clip in clips]),
            roots=np.concatenate([_root(clip, root) for clip in clips]),
        )

    def pictures(self, frames: Index) -> NDArray[np.float32]:
        """RGB (B, 3, height, width) of frames (B,), scaled by ImageNet's mean and deviation."""
        return scaled(self.colours(frames))

    def colours(self, frames: Index) -> NDArray[np.uint8]:
        """RGB (B, 3, height, width) of frames (B,), as bytes."""
        found = np.empty((len(frames), 3, *self.size), np.uint8)
        owners = np.searchsorted(self._ends, frames, side="right")
        for row, (number, owner) in enumerate(zip(frames, owners, strict=True)):
            clip = self.clips[owner]
            place = int(number - self._ends[owner]) + clip.frames
            box = self.views.boxes[number]
            found[row] = frame.picture(clip, place, box, self.size, seed=self.seed)
        return found


def scaled(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes (B, 3, height, width) as a network takes them."""
    factor = (1 / (255 * DEVIATION)).astype(np.float32)
    shift = (MEAN / DEVIATION).astype(np.float32)
    found = np.multiply(pictures, factor[:, None, None], dtype=np.float32)
    found -= shift[:, None, None]
    return found


def check(clip: Clip, *, drawn: bool) -> None:
    """Raise BadInput for a clip of which no crops can be made.

    `drawn` says that its camera is a virtual one, and has filmed nobody else.
    """
    where = f"clip {clip.name}, {clip.camera_name}"
    if clip.camera_pose is None:
        raise BadInput(
            f"{where}: no poses, and a crop becomes millimetres by its box, its camera and how"
            " far away the root is; take pictures with poses (h36m-coco:FOLDER), or export the"
            " model and feed it crops of your own (docs/production.md)"
        )
    if clip.camera.distorts:
        raise BadInput(
            f"{where}: its lens distorts, and crops are of pinhole cameras; take a source"
            " with undistorted pictures"
        )
    if clip.pictures is not None:
        return
    if not drawn:
        raise BadInput(
            f"{where}: it has no pictures, and what a real camera saw is not drawn; take"
            " h36m-coco:FOLDER with its images, or a source of virtual cameras"
        )
    if clip.camera.focal[0] != clip.camera.focal[1]:
        raise BadInput(
            f"{where}: its focal lengths {clip.camera.focal.tolist()} differ, and people are drawn"
            " by one; take a source of square pixels"
        )
    if not set(H36M17.joints) <= set(clip.skeleton.joints):
        raise BadInput(
            f"{where}: people of skeleton {clip.skeleton.name} are not drawn; take a"
            f" protocol of {H36M17.name}"
        )


def drawable(clip: Clip, protocol: Protocol) -> bool:
    """Whether a clip without pictures is drawn under a protocol."""
    if protocol.rig is None or clip.pictures is not None:
        return False
    try:
        check(clip, drawn=True)
    except BadInput:
        return False
    return True


def check_files(clips: Iterable[Clip], joints: Sequence[str]) -> None:
    """Raise BadInput for the first picture that is missing, broken, of another size or empty.

    Empty is one of which the box of the person, with these joints, shows nothing.
    """
    for clip in clips:
        if clip.pictures is None:
            continue
        stated = (clip.camera.width, clip.camera.height)
        for path, box in zip(clip.pictures, boxes(clip, joints, SQUARE), strict=True):
            files.check(path, stated)
            low, high = box[:2] - box[2:] / 2, box[:2] + box[2:] / 2
            if (low >= stated).any() or (high <= 0).any():
                raise BadInput(
                    f"{path}: the person's box, around {box[0]:.0f}, {box[1]:.0f}, lies outside"
                    f" of its {stated[0]} x {stated[1]} pixels; correct box, camera or poses, or"
                    " leave the picture out"
                )


def _lens(clip: Clip) -> list[float]:
    return [*clip.camera.focal, *clip.camera.centre]


def _root(clip: Clip, root: str) -> NDArray[np.float64]:
    assert clip.camera_pose is not None  # `check` has looked
    return clip.camera_pose[:, clip.skeleton.index(root)].astype(np.float64)
