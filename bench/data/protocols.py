"""What a number was measured under: skeleton, root, cameras, split, scoring.

Numbers of different hashes never share a column. A protocol is one YAML file in `bench/protocols/`;
the file name is its name. Metrics are in `bench/metrics`; a protocol says which joints they look at
and which of them is read first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bench.data.clip import Clip
from bench.data.formats import words, yaml_file
from bench.data.geometry import skeletons
from bench.data.geometry.cameras import Rig
from bench.data.pieces import part
from models.errors import BadInput, UnknownName

FOLDER = Path(__file__).parent.parent / "protocols"

# pydantic's words for a key that no field has, of a model and of a dataclass
STRANGE = ("extra_forbidden", "unexpected_keyword_argument")

Names = tuple[str, ...]
# the metric each alignment leads with
HEADLINES = {
    "root": "mpjpe",
    "rigid": "pa_mpjpe_rigid",
    "similarity": "pa_mpjpe",
}
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
SPACES = {  # what lengths are of
    "metric": "",
    "scaled": " of the scaled image space",
    "2.5d": " of the scaled image space (predicted pixels times each frame's 2.5D factor)",
}
ALIGNED = {
    "root": "",
    "rigid": ", headline after rigid alignment",
    "similarity": ", headline after similarity alignment",
}
# fields that came after the first hashes were published: left at their defaults they do not count
LATER = (
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
    "mismatch",
)


class Rule(BaseModel):
    """Which clips are for testing.

    Those whose label is in `test`, or, by clip, every `every`-th take in name order; a take that
    is alone is cut, and its last part of so many is for testing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["subject", "style", "action", "clip"]
    test: tuple[str, ...] = ()
    every: int = Field(default=0, ge=0)

    def split(self, clips: Iterable[Clip]) -> tuple[list[Clip], list[Clip]]:
        """(train, test), the order kept. All cameras of a take go the same way."""
        clips = list(clips)
        chosen = set(self.test)
        # by name and not by place: files come in another order on another disk
        takes = sorted({clip.name for clip in clips})
        if self.every and len(takes) == 1:
            return self._cut(clips)
        if self.every:
            chosen.update(takes[:: self.every])
        field = "name" if self.by == "clip" else self.by
        train = list[Clip]()
        test = list[Clip]()
        for clip in clips:
            (test if getattr(clip, field) in chosen else train).append(clip)
        return train, test

    def _cut(self, clips: list[Clip]) -> tuple[list[Clip], list[Clip]]:
        """(train, test) of clips of one take; those of one frame cannot be cut."""
        train = list[Clip]()
        test = list[Clip]()
        for clip in clips:
            end = clip.frames - -(-clip.frames // self.every)
            if end > 0:
                # two names, as of two takes: whoever counts takes finds none on both sides
                train.append(part(clip, 0, end, name=f"{clip.name}, first part"))
                test.append(
                    part(clip, end, clip.frames, name=f"{clip.name}, last part")
                )
        return train, test

    @property
    def text(self) -> str:
        """The rule in words."""
        every = ""
        if self.every:
            share = f"the last {1 / self.every:.3g} of a take that is alone"
            every = f"every {self.every}th take, {share}"
        return (
            f"test split by {self.by}: {', '.join(filter(None, (*self.test, every)))}"
        )


class Protocol(BaseModel):
    """All that a reader must know to compare a number with another one; lengths in mm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str | Names  # kind of source it suits, or several
    # another data set to train on: its kinds, each with the subjects taken (empty means all)
    trained_on: dict[str, Names] = {}
    # whether it is the one taken for its kinds when none is asked for
    default: bool = False
    # patterns of names: it is taken for takes that all have one, where each pattern has a take
    takes: Names = ()
    skeleton: str
    root: str
    rig: Rig | None = None  # virtual cameras, for a source that has none of its own
    split: Rule
    version: str = ""  # of a data set that has several, told by its clips' style
    exclude: Names = ()  # test takes left out, by patterns such as `S9 Greeting*`
    # every n-th frame of a test clip is scored
    test_stride: int = Field(default=1, ge=1)
    scored: Names = ()  # joints that count; empty means all
    scored_for: dict[str, Names] = {}  # other joints for some metrics, by their names
    # of the headline; every metric is recorded
    alignment: Literal["root", "rigid", "similarity"] = "root"
    # whether the predicted root is moved to the true one too
    prediction_root: Literal["free", "zero"] = "free"
    # which mean is the headline; all are recorded
    averaging: Literal["frame", "action", "subject"] = "frame"
    flip_tta: bool = False  # whether predictions of the mirrored input are averaged in
    # where a frame's predictions are averaged: test windows start every so many frames
    overlap: int = Field(default=0, ge=0)
    # `HYPOTHESES` says what they are
    hypotheses: Literal["one", "mean", "best", "best-joints", "jpma"] = "one"
    keypoints: Literal["exact", "noisy"] = "exact"
    # whose keypoints the data brought, where they are not true ones; filled in when it is read
    detector: str = ""
    corruption: str = ""  # what was done to every clip, in words (`bench.data.augment`)
    # whether keypoints that are not of their poses are taken (`bench.data.reprojection`)
    mismatch: Literal["refused", "allowed"] = "refused"
    # part of each clip that is used; below 1 is a smoke test
    fraction: float = Field(default=1.0, gt=0, le=1)
    # the other two are those of `geometry/image_space.py`
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
        return train, [clip for clip in test if not self._excludes(clip)]

    def told_by(self, names: Sequence[str]) -> bool:
        """Whether the names of takes are those of the data it was written for."""
        fits = [[fnmatchcase(name, each) for name in names] for each in self.takes]
        # no pattern is without a name, and no name without a pattern
        return (
            bool(fits)
            and all(map(any, fits))
            and all(map(any, zip(*fits, strict=True)))
        )

    def _excludes(self, clip: Clip) -> bool:
        # fnmatchcase: the plain one ignores case on some systems, and so would the split
        return any(fnmatchcase(clip.name, pattern) for pattern in self.exclude)

    def check(self, clips: Iterable[Clip]) -> None:
        """Raise BadInput where the clips are not those that the protocol was written for.

        They are of another version, or no test take has a name that is to be left out.
        """
        clips = list(clips)
        other = next(
            (clip for clip in clips if self.version not in ("", clip.style)),
            None,
        )
        if other:
            came = f"clip {other.name} is of {other.style or 'none'}"
            raise BadInput(
                f"protocol {self.name} is for version {self.version} of the data and"
                f" {came}; take another protocol or the version"
            )
        takes = {clip.name for clip in self.split.split(clips)[1]}
        kept = {clip.name for clip in self.divide(clips)[1]}
        # a pattern without effect means other names, and so another test set
        if self.exclude and takes == kept:
            raise BadInput(
                f"protocol {self.name} leaves out {', '.join(self.exclude)}, and no test"
                f" take has such a name (they are like {', '.join(sorted(takes)[:3])});"
                " take another protocol or complete the data"
            )

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits over everything but the name and when it is a default."""
        fields = type(self).model_fields
        unset = {
            field for field in LATER if getattr(self, field) == fields[field].default
        }
        content = self.model_dump(
            mode="json", exclude={"name", "default", "takes", *unset}
        )
        # sorted and without blanks: neither the order of fields nor a layout is part of it
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def text(self) -> str:
        """The protocol in one sentence."""
        parts = [
            self._poses(),
            self._views(),
            self._split(),
            self._scoring(),
        ]
        if self.fraction < 1:
            parts.append(f"only the middle {self.fraction:.3g} of each clip")
        return "; ".join(parts) + "."

    def _poses(self) -> str:
        """Which data, which joints, in which frame and unit."""
        data = " or ".join(self.sources) + f" {self.version}".rstrip()
        if self.trained_on:
            # no subjects are all of them, and leave a blank at the end
            trained = [
                f"{kind} {', '.join(taken)}" for kind, taken in self.trained_on.items()
            ]
            data += f" (trained on {' or '.join(map(str.strip, trained))})"
        joints = f"{len(self.joints)} joints ({self.skeleton})"
        if self.scored:
            joints += f", {len(self.scored)} of them scored"
        for metric, others in self.scored_for.items():
            joints += f", {len(others)} for {metric}"
        both = " on both sides" if self.prediction_root == "zero" else ""
        frame = f"camera frame relative to {self.root}{both}"
        return f"{data}, {joints}, {frame}, {self.units}{SPACES[self.lengths]}"

    def _views(self) -> str:
        """Which cameras saw them, and whose keypoints these are."""
        rig = self.rig
        if rig:
            picture = f"{rig.width}x{rig.height} px, focal length {rig.focal:g} px"
            cameras = f"{len(rig.azimuths)} cameras ({picture})"
            kind, whose = "exact ", ""
        else:
            cameras = "its own cameras"
            # the data's own are exact only where the data says so
            kind = ""
            whose = f" of {self.detector or 'the data'}"
        if self.keypoints == "noisy":
            kind = "noisy "
        if self.mismatch == "allowed":
            whose += ", of the poses or not"
        corrupted = f", all clips after {self.corruption}" if self.corruption else ""
        return f"{cameras}; {kind}2D keypoints{whose}{corrupted}"

    def _split(self) -> str:
        without = f", without {', '.join(self.exclude)}" if self.exclude else ""
        return self.split.text + without

    def _scoring(self) -> str:
        """Which frames count, and what is done to predictions before they do."""
        every = "every test frame"
        if self.test_stride > 1:
            every = f"one test frame in {self.test_stride}"
        averaged = ["flip averaging"] if self.flip_tta else []
        if self.overlap:
            averaged.append(f"windows every {self.overlap} frames averaged")
        mean = f"{self.averaging}-wise mean{ALIGNED[self.alignment]}"
        parts = [every, mean, " and ".join(averaged) or "no test-time augmentation"]
        if self.hypotheses != "one":
            parts.append(HYPOTHESES[self.hypotheses])
        return ", ".join(parts)


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
    try:
        state = path.stat()
    except OSError:
        return _read(path, None)  # which says what is wrong with it
    # each model of a run asks for all of them: once is enough while the file is as it was
    return _read(path, (state.st_mtime_ns, state.st_size, state.st_ino))


@lru_cache(maxsize=128)
def _read(path: Path, state: tuple[int, ...] | None) -> Protocol:
    content = yaml_file.read(path)
    try:
        return Protocol.model_validate({"name": path.stem, **content})
    except ValidationError as error:
        wrong = error.errors()
        # a misspelt key is told as itself, and not as the key that is then missing
        strange = [each for each in wrong if each["type"] in STRANGE]
        first = (strange or wrong)[0]
        place = ".".join(map(str, first["loc"]))
        raise BadInput(
            f"{path}: {place}: {words.reason(first)}, got {words.value(first['input'])}"
        ) from None
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def default(kind: str, takes: Sequence[str] = ()) -> Protocol:
    """The default protocol of a kind of source, or the one that the names of takes tell.

    Raises UnknownName where there is none.
    """
    known = [load(name) for name in names()]
    for protocol in known:
        if kind in protocol.sources and protocol.told_by(takes):
            return protocol
    chosen = [protocol for protocol in known if protocol.default]
    found = {each: protocol for protocol in chosen for each in protocol.sources}
    if kind not in found:
        raise UnknownName("source with a default protocol", kind, found)
    return found[kind]


def dividing(kind: str, clips: Sequence[Clip]) -> list[str]:
    """Names of the protocols of a kind that leave clips for training and for testing."""
    suited = [one for one in map(load, names()) if kind in one.sources]
    alone = [one for one in suited if not one.trained_on]
    return [one.name for one in alone if all(one.divide(clips))]
