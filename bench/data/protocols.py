"""What a number was measured under: skeleton, root, cameras, split, scoring.

Numbers of different hashes never share a column.

A protocol is one YAML file in `bench/protocols/`; the file name is its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bench.data.clip import Clip
from bench.data.formats import yaml_file
from bench.data.geometry import skeletons
from bench.data.geometry.cameras import Rig
from models.errors import BadInput, UnknownName

FOLDER = Path(__file__).parent.parent / "protocols"

Names = tuple[str, ...]
# the metric each alignment leads with
HEADLINES = {"root": "mpjpe", "rigid": "pa_mpjpe_rigid", "similarity": "pa_mpjpe"}
HYPOTHESES = {  # several poses for each frame, and what is made of them
    "mean": "the mean of the hypotheses",
    "best": "the hypothesis nearest to the truth, which a user could not tell",
    "best-joints": (
        "each joint from the hypothesis nearest to its truth, which a user could not tell"
    ),
    "jpma": (
        "each joint from the hypothesis that projects nearest to its keypoint, by the true"
        " root and camera (JPMA)"
    ),
}
SPACES = {
    "metric": "",
    "scaled": " of the scaled image space",
    "2.5d": " of the scaled image space (predicted pixels times each frame's 2.5D factor)",
}
# fields that came after the first hashes were published: left at their defaults they do not
# count
LATER = (
    *(
        "trained_on",
        "version",
        "exclude",
        "scored_for",
        "prediction_root",
        "lengths",
        "hypotheses",
        "overlap",
        "detector",
        "corruption",
    ),
)


class Rule(BaseModel):
    """Which clips are for testing: those whose label is in `test`, or, by clip, every
    `every`-th take in name order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["subject", "style", "action", "clip"]
    test: tuple[str, ...] = ()
    every: int = Field(default=0, ge=0)

    def split(self, clips: Iterable[Clip]) -> tuple[list[Clip], list[Clip]]:
        """(train, test), the order kept. All cameras of a take go the same way."""
        clips = list(clips)
        takes = sorted({clip.name for clip in clips})
        chosen = set(self.test) | (set(takes[:: self.every]) if self.every else set())
        test = [
            (clip.name if self.by == "clip" else getattr(clip, self.by)) in chosen
            for clip in clips
        ]
        return [c for c, t in zip(clips, test, strict=True) if not t], [
            c for c, t in zip(clips, test, strict=True) if t
        ]

    @property
    def text(self) -> str:
        """The rule in words."""
        every = f"every {self.every}th take" if self.every else ""
        return f"test split by {self.by}: {', '.join(filter(None, (*self.test, every)))}"


class Protocol(BaseModel):
    """All that a reader must know to compare a number with another one; lengths in
    millimetres.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str | Names  # kind of source it suits, or several
    # another data set to train on: its kinds, each with the subjects taken (empty means
    # all)
    trained_on: dict[str, Names] = {}
    # whether it is the one taken for its kinds when none is asked for
    default: bool = False
    skeleton: str
    root: str
    rig: Rig | None = None  # virtual cameras, for a source that has none of its own
    split: Rule
    version: str = ""  # of a data set that has several, told by its clips' style
    exclude: Names = ()  # test takes left out, by patterns such as `S9 Greeting*`
    test_stride: int = Field(default=1, ge=1)  # every n-th frame of a test clip is scored
    scored: Names = ()  # joints that count; empty means all
    # other joints for some metrics, by the metrics' names
    scored_for: dict[str, Names] = {}
    # of the headline; every metric is recorded
    alignment: Literal["root", "rigid", "similarity"] = "root"
    # whether the predicted root is moved to the true one too
    prediction_root: Literal["free", "zero"] = "free"
    # which mean is the headline; all are recorded
    averaging: Literal["frame", "action", "subject"] = "frame"
    flip_tta: bool = False  # whether predictions of the mirrored input are averaged in
    # where a frame's predictions are averaged: test windows start every so many frames
    overlap: int = Field(default=0, ge=0)
    hypotheses: Literal["one", "mean", "best", "best-joints", "jpma"] = "one"
    keypoints: Literal["exact", "noisy"] = "exact"
    # whose keypoints the data brought, where they are not true ones; filled in when it is
    # read
    detector: str = ""
    corruption: str = ""  # what was done to every clip, in words (`bench.data.augment`)
    # part of each clip that is used; below 1 is a smoke test
    fraction: float = Field(default=1.0, gt=0, le=1)
    # `SPACES` says what the other two are
    lengths: Literal["metric", "scaled", "2.5d"] = "metric"
    units: Literal["mm"] = "mm"

    @field_validator("skeleton")
    @classmethod
    def _known_skeleton(cls, name: str) -> str:
        return skeletons.load(name).name

    def model_post_init(self, context: object, /) -> None:
        """Joint names must be of the skeleton. Raises UnknownName."""
        skeleton = skeletons.load(self.skeleton)
        for joints in ((self.root, *self.scored), *self.scored_for.values()):
            skeleton.indices(joints)

    @property
    def sources(self) -> Names:
        """Kinds of source it suits."""
        return (self.source,) if isinstance(self.source, str) else self.source

    @property
    def joints(self) -> Names:
        """The skeleton's joint names, in array order."""
        return skeletons.load(self.skeleton).joints

    @property
    def headline(self) -> str:
        """The metric that a reader of this protocol looks at first."""
        return HEADLINES[self.alignment]

    def joints_for(self, metric: str) -> Names:
        """The joints that count for a metric; empty means all."""
        return self.scored_for.get(metric, self.scored)

    def divide(self, clips: Iterable[Clip]) -> tuple[list[Clip], list[Clip]]:
        """(train, test), without the test takes that are left out."""
        train, test = self.split.split(clips)
        return train, [
            clip
            for clip in test
            if not any(fnmatchcase(clip.name, pattern) for pattern in self.exclude)
        ]

    def check(self, clips: Iterable[Clip]) -> None:
        """Raise BadInput where the clips are of another version, or no test take has a name
        that is to be left out.
        """
        clips = list(clips)
        other = next((clip for clip in clips if self.version not in ("", clip.style)), None)
        if other:
            came = f"clip {other.name} is of {other.style or 'none'}"
            raise BadInput(
                f"protocol {self.name} is for version {self.version} of the data and"
                f" {came}; take another protocol or the version"
            )
        takes = {clip.name for clip in self.split.split(clips)[1]}
        if self.exclude and takes == {clip.name for clip in self.divide(clips)[1]}:
            raise BadInput(
                f"protocol {self.name} leaves out {', '.join(self.exclude)}, and no test"
                f" take has such a name (they are like {', '.join(sorted(takes)[:3])});"
                " take another protocol or complete the data"
            )

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits over everything but the name and whether it is a
        default.
        """
        fields = type(self).model_fields
        unset = {field for field in LATER if getattr(self, field) == fields[field].default}
        content = self.model_dump(mode="json", exclude={"name", "default", *unset})
        return hashlib.sha256(
            json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()[:12]

    @property
    def text(self) -> str:
        """The protocol in one sentence."""
        smoke = (
            f"; only the middle {self.fraction:.3g} of each clip"
            if self.fraction < 1
            else ""
        )
        return (
            "; ".join(
                filter(None, (self._poses(), self._views(), self._split(), self._scoring()))
            )
            + smoke
            + "."
        )

    def _poses(self) -> str:
        others = " or ".join(
            f"{kind} {', '.join(taken)}".strip() for kind, taken in self.trained_on.items()
        )
        data = (
            " or ".join(self.sources)
            + f" {self.version}".rstrip()
            + (f" (trained on {others})" if others else "")
        )
        scored = f", {len(self.scored)} of them scored" if self.scored else ""
        other = "".join(
            f", {len(joints)} for {metric}" for metric, joints in self.scored_for.items()
        )
        both = " on both sides" if self.prediction_root == "zero" else ""
        frame = f"camera frame relative to {self.root}{both}"
        return (
            f"{data}, {len(self.joints)} joints ({self.skeleton}){scored}{other}, {frame},"
            f" {self.units}{SPACES[self.lengths]}"
        )

    def _views(self) -> str:
        rig = self.rig
        cameras = (
            f"{len(rig.azimuths)} cameras ({rig.width}x{rig.height} px, focal length"
            f" {rig.focal:g} px)"
            if rig
            else "its own cameras"
        )
        corrupted = f", all clips after {self.corruption}" if self.corruption else ""
        # the data's own are exact only where the data says so
        exact = "exact " if rig else ""
        kind, whose = (
            "noisy " if self.keypoints == "noisy" else exact,
            ("" if rig else f" of {self.detector or 'the data'}"),
        )
        return f"{cameras}; {kind}2D keypoints{whose}{corrupted}"

    def _split(self) -> str:
        return self.split.text + (
            f", without {', '.join(self.exclude)}" if self.exclude else ""
        )

    def _scoring(self) -> str:
        every = (
            "every test frame"
            if self.test_stride == 1
            else f"one test frame in {self.test_stride}"
        )
        aligned = {
            "root": "",
            "rigid": ", headline after rigid alignment",
            "similarity": ", headline after similarity alignment",
        }
        chosen = f", {HYPOTHESES[self.hypotheses]}" if self.hypotheses != "one" else ""
        windows = f"windows every {self.overlap} frames averaged" if self.overlap else ""
        augmented = (
            " and ".join(filter(None, ("flip averaging" if self.flip_tta else "", windows)))
            or "no test-time augmentation"
        )
        return (
            f"{every}, {self.averaging}-wise mean{aligned[self.alignment]},"
            f" {augmented}{chosen}"
        )


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
        first = next(
            (
                each
                for each in wrong
                if each["type"] in ("extra_forbidden", "unexpected_keyword_argument")
            ),
            wrong[0],
        )
        raise BadInput(
            f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']} (got"
            f" {first['input']!r:.60})"
        ) from None
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def default(kind: str) -> Protocol:
    """The default protocol of a kind of source. Raises UnknownName where there is none."""
    found = {
        kind: protocol
        for protocol in map(load, names())
        if protocol.default
        for kind in protocol.sources
    }
    if kind not in found:
        raise UnknownName("source with a default protocol", kind, found)
    return found[kind]
