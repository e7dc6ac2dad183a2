"""What a cache's header says of its clips, all but their arrays.

Typed, so that a file of another make is refused and not misread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from bench.data.clip import Clip
from bench.data.geometry.cameras import Camera, Rig
from bench.data.geometry.skeletons import Skeleton

# NaN fails both bounds; JSON's text keeps every bit of a float, so a camera comes back as it was.
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
# A camera's fields by name: sizes in whole pixels, numbers, vectors and matrices.
Lens = dict[
    str, PositiveInt | Number | tuple[Number, ...] | tuple[tuple[Number, ...], ...]
]


class Row(BaseModel):
    """A clip's labels, and where its skeleton, its camera and its arrays are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    subject: str
    action: str
    style: str
    camera_name: str
    fps: Annotated[float, Field(gt=0, le=1e9)]
    notes: tuple[str, ...]
    detector: str
    pictures: tuple[str, ...] | None = None  # files, which stay where they are
    skeleton: str  # its name in the index
    camera: NonNegativeInt  # its number in the index
    frames: PositiveInt
    # by field, the row of the tensor where its array begins
    places: dict[str, NonNegativeInt]

    def labels(self) -> dict[str, Any]:
        """The fields that are the clip's own."""
        return self.model_dump(exclude={"skeleton", "camera", "frames", "places"})


class Index(BaseModel):
    """All clips, and what they share.

    `rig` is the one that filmed them, where their kind of source has no cameras of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rig: Rig | None
    skeletons: dict[str, Skeleton]
    cameras: tuple[Lens, ...]
    clips: tuple[Row, ...]

    def lenses(self) -> list[Camera]:
        """The cameras.

        Raises BadInput, or TypeError for a field that cameras do not have.
        """
        return [Camera(**lens) for lens in self.cameras]  # type: ignore[arg-type]


def index(
    clips: Sequence[Clip], places: Sequence[Mapping[str, int]], rig: Rig | None
) -> Index:
    """The index of clips whose arrays begin at `places`; what clips share is listed once."""
    # by identity: a camera holds arrays, which have no hash, and a rig makes one for each take
    cameras = {id(clip.camera): clip.camera for clip in clips}
    numbers = {camera: number for number, camera in enumerate(cameras)}
    # what a row and a clip both have under one name, but for the two that are stored apart
    own = Row.model_fields.keys() & Clip.__dataclass_fields__.keys() - {
        "skeleton",
        "camera",
    }
    rows = [
        Row(
            **{name: getattr(clip, name) for name in own},
            skeleton=clip.skeleton.name,
            camera=numbers[id(clip.camera)],
            frames=clip.frames,
            places=dict(place),
        )
        for clip, place in zip(clips, places, strict=True)
    ]
    lenses = tuple(
        {name: _plain(value) for name, value in vars(camera).items()}
        for camera in cameras.values()
    )
    return Index(
        rig=rig,
        skeletons={clip.skeleton.name: clip.skeleton for clip in clips},
        cameras=lenses,
        clips=tuple(rows),
    )


def _plain(value: Any) -> Any:
    """An array as nested tuples of Python's floats; anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    # tolist() gives Python's numbers, which pydantic's strict reading wants
    return tuple(map(_plain, value)) if value.ndim > 1 else tuple(value.tolist())
