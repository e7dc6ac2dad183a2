"""What a cache's header says of its clips, all but their arrays: typed, so that a file of
another make is refused and not misread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from bench.data.clip import Clip
from bench.data.geometry.cameras import Camera, Rig
from bench.data.geometry.skeletons import Skeleton

Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Lens = dict[str, PositiveInt | Number | tuple[Number, ...] | tuple[tuple[Number, ...], ...]]


class Row(BaseModel):
    """A clip's labels, the names of its skeleton and the number of its camera, and where
    each of its arrays begins.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    subject: str
    action: str
    style: str
    camera_name: str
    fps: Annotated[float, Field(gt=0, le=1e9)]
    notes: tuple[str, ...]
    detector: str
    skeleton: str
    camera: NonNegativeInt
    frames: PositiveInt
    places: dict[str, NonNegativeInt]

    def labels(self) -> dict[str, Any]:
        """The fields that are the clip's own."""
        return self.model_dump(exclude={"skeleton", "camera", "frames", "places"})


class Index(BaseModel):
    """All clips; `rig` is the one that filmed them, where their kind of source has no
    cameras of its own.
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
    cameras = {id(clip.camera): clip.camera for clip in clips}
    numbers = {camera: number for number, camera in enumerate(cameras)}
    own = [
        name
        for name in Row.model_fields
        if name in Clip.__dataclass_fields__ and name not in ("skeleton", "camera")
    ]
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
    """An array as nested tuples of Python's floats, which JSON keeps as they are."""
    if not isinstance(value, np.ndarray):
        return value
    return tuple(map(_plain, value)) if value.ndim > 1 else tuple(value.tolist())
