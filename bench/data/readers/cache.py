"""The clips of any source in one file, as they were read.

Mapped into memory, checked, ready at once. Arrays lie end to end by skeleton and field
(`h36m17.keypoints`); arrays that clips share, such as the world poses of a take seen by four
cameras, are stored once. The header's texts are `kind` (of the source), `facts` (what `data info`
says) and `clips` (the index: labels, cameras, places).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from bench.data.batches.rows import Array
from bench.data.clip import Clip
from bench.data.formats import header, mapped_file
from bench.data.geometry.cameras import Camera, Rig
from bench.data.geometry.skeletons import Skeleton
from bench.data.pieces import middle, trusted
from bench.data.readers import _cache_index
from bench.data.readers._cache_index import Index, Row
from models.errors import BadInput

SOURCE = "cache:FILE, clips of another kind that `data convert` put into one memory-mapped file"

# of a clip; the first two every clip has
FIELDS = ("keypoints", "confidence", "camera_pose", "world_pose", "counted", "boxes")


def save(
    path: Path,
    clips: Sequence[Clip],
    *,
    kind: str,
    rig: Rig | None,
    facts: Mapping[str, object],
) -> None:
    """Write clips of a `kind` of source, filmed by `rig` where that kind has no cameras.

    Raises BadInput as `mapped_file.write` does, and for clips whose labels no cache holds.
    """
    stock = _Stock()
    try:
        index = _cache_index.index(clips, [stock.add(clip) for clip in clips], rig)
    except ValidationError as error:
        part = error.errors()[0]  # the others are mostly of the same kind
        place = ".".join(map(str, part["loc"]))
        what = f"{place} {part['input']!r:.40}: {part['msg']}"
        raise BadInput(
            f"{path}: the clips say what no cache holds ({what}); correct the source"
        ) from None
    texts = {
        "kind": kind,
        "facts": json.dumps(dict(facts)),
        "clips": index.model_dump_json(),
    }
    mapped_file.write(path, stock.parts, texts=texts)


def load(
    location: str, *, rig: Rig | None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """The clips as they were converted, with read-only arrays mapped from the file.

    `small` keeps the middle of each. Every block is checked against its sum. `seed` is unused.
    Raises BadInput for a damaged file and for another rig than the clips were filmed by.
    """
    found = header.read(Path(location))
    try:
        index = Index.model_validate_json(found.texts["clips"], strict=True)
        cameras = index.lenses()
        arrays = mapped_file.arrays(found)
        clips = [
            _clip(row, index.skeletons[row.skeleton], cameras[row.camera], arrays)
            for row in index.clips
        ]
    # The sum of the header is right, so this is what another program wrote: pydantic's refusal, a
    # skeleton, camera or tensor that is not there, an array of another shape.
    except (KeyError, IndexError, TypeError, ValueError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise BadInput(
            f"cache:{location}: whole, but not what `data convert` writes ({reason});"
            " convert the source again"
        ) from None
    if index.rig != rig:
        raise BadInput(
            f"cache:{location}: filmed by other cameras than the protocol's; convert the"
            " source again under that protocol"
        )
    mapped_file.verify(found)  # last: it reads the whole file
    return clips if small == 1 else [middle(clip, small) for clip in clips]


def takes(location: str) -> list[str]:
    """Names of the takes in a cache, as the files had them that were converted."""
    try:
        index = Index.model_validate_json(header.read(Path(location)).texts["clips"])
    except (KeyError, ValueError):
        return []  # for `load` to say
    return [clip.name.rpartition("/")[2] for clip in index.clips]


class _Stock:
    """Arrays gathered by tensor name, each one once."""

    def __init__(self) -> None:
        self.parts: dict[str, list[Array]] = {}
        self._rows: dict[str, int] = {}
        # where an array went, by what it is; `parts` keep all alive, so no address comes twice
        self._known: dict[tuple[object, ...], int] = {}

    def add(self, clip: Clip) -> dict[str, int]:
        """Where each array of a clip begins in its tensor; a field without one is left out."""
        places: dict[str, int] = {}
        for field in FIELDS:
            values = getattr(clip, field)
            if values is not None:
                places[field] = self._place(f"{clip.skeleton.name}.{field}", values)
        return places

    def _place(self, name: str, values: Array) -> int:
        # the same memory, seen the same way
        address = values.__array_interface__["data"][0]
        key = (name, address, values.shape, values.strides)
        if key not in self._known:
            self._known[key] = self._rows.get(name, 0)
            self._rows[name] = self._known[key] + len(values)
            self.parts.setdefault(name, []).append(values)
        return self._known[key]


def _clip(
    row: Row, skeleton: Skeleton, camera: Camera, arrays: Mapping[str, Array]
) -> Clip:
    """One clip of mapped arrays, their shapes checked.

    Their numbers were checked when they were written, and looking at them here would load them.
    """
    found = {
        field: arrays[f"{skeleton.name}.{field}"][place : place + row.frames]
        for field, place in row.places.items()
    }
    whole = (row.frames, len(skeleton.joints))
    due = {
        "keypoints": (*whole, 2),
        "confidence": whole,
        "camera_pose": (*whole, 3),
        "world_pose": (*whole, 3),
        "counted": whole[:1],
        "boxes": (row.frames, 4),
    }
    # a slice beyond the end of a tensor is short, and no error of its own
    wrong = {field for field, values in found.items() if values.shape != due[field]}
    wrong |= {*FIELDS[:2]} - {*found}
    if row.pictures is not None and len(row.pictures) != row.frames:
        wrong.add("pictures")
    if wrong:
        raise ValueError(f"{', '.join(sorted(wrong))} of clip {row.name}")
    return trusted(
        **row.labels(),
        **dict.fromkeys(FIELDS) | found,
        skeleton=skeleton,
        camera=camera,
    )
