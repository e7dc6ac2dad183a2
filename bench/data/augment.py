"""Augmentation and corruption of clips: a list of steps in YAML, read, checked and done.

    steps:
      - {flip: {}, probability: 0.5}
      - rotate: {degrees: 180}
      - occlude: {rate: 0.5, seconds: 0.4}

A step sees a clip and a generator that depends on (seed, epoch, place in the list, clip) alone, so
every backend is fed the same stream, whatever else is drawn. Steps that move the body draw by take,
and all views of a take still show one motion; steps of the camera or the detector draw by take and
camera. A step that moves body or camera keeps each keypoint's error against the truth, and is drawn
again for a view whose camera the body would pass, or come next to.

What a step does is in `augmentation/`, one file each.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import numpy as np

from bench.data.augmentation._bodies import TooNear
from bench.data.augmentation._options import Share
from bench.data.clip import Clip
from bench.data.formats import options, words, yaml_file
from models.errors import BadInput, UnknownName
from models.folder import files

TRIES = 20  # draws of a step, until its body stays before the camera
STEPS = tuple(files(Path(__file__).parent / "augmentation"))


class _Change(Protocol):
    """What the file of a step offers."""

    DRAWN: Literal["take", "view"]
    change: Callable[..., Clip]


@dataclass(frozen=True, eq=False)
class Step:
    """One of `STEPS` with all its options, checked, and how probable it is for a clip."""

    name: str
    options: Mapping[str, Any]
    probability: float = 1.0

    def __str__(self) -> str:
        """As a reader of a report sees it, and as a protocol's hash takes it in."""
        parts = [f"{name} {value}" for name, value in sorted(self.options.items())]
        options = f" ({', '.join(parts)})" if parts else ""
        often = (
            f" with probability {self.probability:g}" if self.probability < 1 else ""
        )
        return f"{self.name}{options}{often}"


def asked(source: Path | Sequence[Any] | None) -> tuple[Step, ...]:
    """Those of a file, or of a list as `parse` takes it; none of nothing."""
    if isinstance(source, Path):
        return read(source)
    return parse(list(source)) if source else ()


def read(path: Path) -> tuple[Step, ...]:
    """The list under `steps` in a YAML file.

    Raises BadInput naming the step and the option that is wrong, UnknownName for a step.
    """
    content = yaml_file.read(path)
    if set(content) != {"steps"}:
        came = ", ".join(map(str, content)) or "nothing"
        raise BadInput(f"{path}: the one key 'steps' was due, {came} came")
    try:
        return parse(content["steps"], folder=path.parent)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def parse(content: object, *, folder: Path = Path()) -> tuple[Step, ...]:
    """Steps from a list as YAML gives it: names, or {name: options, probability: share}.

    Files are looked for in `folder`. Raises as `read` does.
    """
    if not isinstance(content, list):
        raise BadInput(f"steps: a list was due, {words.kind(content)} came")
    return tuple(
        _step(entry, number, folder) for number, entry in enumerate(content, 1)
    )


def apply(
    clips: Iterable[Clip],
    steps: Iterable[Step],
    *,
    seed: int,
    epoch: int = 0,
) -> list[Clip]:
    """The clips after all steps, in order.

    The same seed and epoch give the same clips, alone or among others. Raises BadInput with the
    clip's name where a step cannot be done.
    """
    steps = tuple(steps)
    return [_applied(clip, steps, seed, epoch) for clip in clips]


def _applied(clip: Clip, steps: tuple[Step, ...], seed: int, epoch: int) -> Clip:
    for place, step in enumerate(steps):
        module = _module(step.name)
        key = clip.name if module.DRAWN == "take" else f"{clip.name} {clip.camera_name}"
        # not Python's hash, which is another in every process
        draw = np.random.default_rng([seed, epoch, place, zlib.crc32(key.encode())])
        # drawn even where it always happens, so that a probability changes no other number
        if draw.random() < step.probability:
            clip = _changed(clip, step, draw)
    return clip


def _changed(clip: Clip, step: Step, draw: np.random.Generator) -> Clip:
    """Changed by the first draw that leaves the body before the camera."""
    change = _module(step.name).change
    for _ in range(TRIES - 1):
        with suppress(TooNear):
            return change(clip, draw, **step.options)
    return change(clip, draw, **step.options)


def _module(name: str) -> _Change:
    return cast(_Change, importlib.import_module(f"bench.data.augmentation.{name}"))


def _step(entry: object, number: int, folder: Path) -> Step:
    fields = {entry: {}} if isinstance(entry, str) else entry
    names: list[Any] = []
    if isinstance(fields, dict):
        names = [name for name in fields if name != "probability"]
    if not isinstance(fields, dict) or len(names) != 1:
        raise BadInput(
            f"step {number}: 'name' or '{{name: {{option: value}}, probability: share}}'"
            f" was due, {entry!r:.60} came"
        )
    name = names[0]
    if name not in STEPS:
        raise UnknownName("augmentation step", str(name), STEPS)
    where = f"step {number}, {name}"
    # `rotate:` with nothing after it is null in YAML
    given = {} if fields[name] is None else fields[name]
    chosen = options.checked(_module(name).change, given, where, folder)
    often = fields.get("probability", 1.0)
    often = options.valid(Share, often, f"{where}: probability", folder)
    return Step(name, chosen, often)
