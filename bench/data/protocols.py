"""What a number was measured under: skeleton, root, cameras, split, scoring. Numbers of different hashes never share a column.

A protocol is one YAML file in `bench/protocols/`; the file name is its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bench import yaml_file
from bench.data import skeletons
from bench.data.cameras import Rig
from bench.data.clip import Clip
from models.errors import BadInput, UnknownName

FOLDER = Path(__file__).parent.parent / "protocols"


class Rule(BaseModel):
    """Which clips are for testing: those whose label is in `test`, or, by clip, every `every`-th take in name order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["subject", "style", "action", "clip"]
    test: tuple[str, ...] = ()
    every: int = Field(default=0, ge=0)

    def split(self, clips: Iterable[Clip]) -> tuple[list[Clip], list[Clip]]:
        """(train, test), the order kept. All cameras of a take go the same way."""
        clips = list(clips)
        takes = sorted({clip.name for clip in clips})
        chosen = set(self.test) | (set(takes[:: self.every]) if self.every else set())
        test = [(clip.name if self.by == "clip" else getattr(clip, self.by)) in chosen for clip in clips]
        return [c for c, t in zip(clips, test, strict=True) if not t], [c for c, t in zip(clips, test, strict=True) if t]

    @property
    def text(self) -> str:
        """The rule in words."""
        every = f"every {self.every}th take" if self.every else ""
        return f"test split by {self.by}: {', '.join(filter(None, (*self.test, every)))}"


class Protocol(BaseModel):
    """All that a reader must know to compare a number with another one; lengths in millimetres."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str  # kind of source it suits
    default: bool = False  # whether it is the one taken for that kind when none is asked for
    skeleton: str
    root: str
    rig: Rig
    split: Rule
    test_stride: int = Field(default=1, ge=1)  # every n-th frame of a test clip is scored
    scored: tuple[str, ...] = ()  # joints that count; empty means all
    alignment: Literal["root"] = "root"
    averaging: Literal["frame", "action"] = "frame"  # which mean is the headline; both are always recorded
    flip_tta: bool = False  # whether predictions of the mirrored input are averaged in
    keypoints: Literal["exact", "noisy"] = "exact"
    fraction: float = Field(default=1.0, gt=0, le=1)  # part of each clip that is used; below 1 is a smoke test
    units: Literal["mm"] = "mm"

    @field_validator("skeleton")
    @classmethod
    def _known_skeleton(cls, name: str) -> str:
        return skeletons.load(name).name

    def model_post_init(self, context: object, /) -> None:
        """Joint names must be of the skeleton. Raises UnknownName."""
        skeletons.load(self.skeleton).indices((self.root, *self.scored))

    @property
    def joints(self) -> tuple[str, ...]:
        """The skeleton's joint names, in array order."""
        return skeletons.load(self.skeleton).joints

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits over everything but the name and whether it is a default."""
        content = self.model_dump(mode="json", exclude={"name", "default"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:12]

    @property
    def text(self) -> str:
        """The protocol in one sentence."""
        scored = f", {len(self.scored)} of them scored" if self.scored else ""
        every = "every test frame" if self.test_stride == 1 else f"one test frame in {self.test_stride}"
        parts = [
            f"{self.source}, {len(self.joints)} joints ({self.skeleton}){scored}, camera frame relative to {self.root}, {self.units}",
            f"{len(self.rig.azimuths)} cameras ({self.rig.width}x{self.rig.height} px, focal length {self.rig.focal:g} px)",
            f"{self.keypoints} 2D keypoints",
            self.split.text,
            f"{every}, {self.averaging}-wise mean, {'flip averaging' if self.flip_tta else 'no test-time augmentation'}",
        ]
        smoke = f"; only the middle {self.fraction:.3g} of each clip" if self.fraction < 1 else ""
        return "; ".join(parts) + smoke + "."


def names() -> tuple[str, ...]:
    """Protocols found in the folder."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load(name: str) -> Protocol:
    """A protocol by name. Raises UnknownName."""
    if name not in names():
        raise UnknownName("protocol", name, names())
    return read(FOLDER / f"{name}.yaml")


def read(path: Path) -> Protocol:
    """A protocol from any YAML file. Raises BadInput naming the key that is wrong."""
    content = yaml_file.read(path)
    try:
        return Protocol.model_validate({"name": path.stem, **content})
    except ValidationError as error:
        wrong = error.errors()
        first = next((each for each in wrong if each["type"] in ("extra_forbidden", "unexpected_keyword_argument")), wrong[0])
        raise BadInput(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']} (got {first['input']!r:.60})") from None
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def default(kind: str) -> Protocol:
    """The default protocol of a kind of source. Raises UnknownName where there is none."""
    found = {protocol.source: protocol for protocol in map(load, names()) if protocol.default}
    if kind not in found:
        raise UnknownName("source with a default protocol", kind, found)
    return found[kind]
