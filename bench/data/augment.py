"""Augmentation and corruption of clips: a list of steps in YAML, each drawn from a seeded
generator of its own.

    steps:
      - {flip: {}, probability: 0.5}
      - rotate: {degrees: 180}
      - occlude: {rate: 0.5, seconds: 0.4}

A step sees a clip and a generator that depends on (seed, epoch, place in the list, clip)
alone, so every backend is fed the same stream, whatever else is drawn. Steps that move the
body draw by take, and all views of a take still show one motion; steps of the camera or the
detector draw by take and camera. A step that moves body or camera keeps each keypoint's
error against the truth.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)

from bench.data.clip import Clip
from bench.data.detector import fitted_noise, noise
from bench.data.detector.fitted_noise import FittedNoise
from bench.data.formats import yaml_file
from bench.data.geometry.cameras import (
    Camera,
    camera_to_world,
    project,
    world_to_camera,
)
from bench.data.geometry.conventions import matrix_of
from bench.data.geometry.skeletons import Skeleton
from models.errors import BadInput, UnknownName

Draw = np.random.Generator
Float = NDArray[np.float64]
Share = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=0, le=1e6)]
Factor = Annotated[float, Field(ge=0.01, le=100)]
PLAIN = noise.Detector()


def flip(clip: Clip, draw: Draw) -> Clip:
    """The mirror image: picture, poses, camera, lens and world (x negated), left and right
    joints swapped. Twice is the identity.
    """
    order = list(clip.skeleton.mirror)
    keypoints = clip.keypoints[:, order]
    keypoints[..., 0] = clip.camera.width - keypoints[..., 0]
    return dataclasses.replace(
        clip,
        keypoints=keypoints,
        confidence=clip.confidence[:, order],
        camera_pose=_negated(clip.camera_pose, order),
        world_pose=_negated(clip.world_pose, order),
        camera=_mirrored(clip.camera),
    )


def rotate(clip: Clip, draw: Draw, *, degrees: Spread = 180.0) -> Clip:
    """Turn the body about the vertical through its mean root, by up to `degrees` either
    way; the cameras stay.

    Raises BadInput for a clip without world poses, or where a joint comes behind the
    camera.
    """
    world = _world(clip, "rotate")
    angle = np.radians(draw.uniform(-degrees, degrees))
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    middle = _root(world, clip.skeleton)
    return _refilm(clip, clip.camera, (world - middle) @ turn.T + middle)


def scale(clip: Clip, draw: Draw, *, low: Factor = 0.9, high: Factor = 1.1) -> Clip:
    """Make body and path larger or smaller about the floor (z = 0) below the mean root, by
    a factor. Raises as `rotate` does.
    """
    world = _world(clip, "scale")
    middle = _root(world, clip.skeleton) * (1, 1, 0)
    return _refilm(clip, clip.camera, (world - middle) * draw.uniform(low, high) + middle)


def jitter(
    clip: Clip,
    draw: Draw,
    *,
    degrees: Spread = 1.0,
    millimetres: Spread = 50.0,
    focal: Share = 0.02,
) -> Clip:
    """A camera set up a little differently: standard deviations of its direction, its place
    and its focal length (a share).

    Raises BadInput for a clip without 3D, or where a joint comes behind the camera.
    """
    old = clip.camera
    # a small quaternion is half its rotation vector
    turn = matrix_of((1.0, *(np.radians(draw.normal(0, degrees, 3)) / 2)))
    rotation = turn @ old.rotation
    position = old.position + draw.normal(0, millimetres, 3)
    length = old.focal * max(0.1, 1 + draw.normal(0, focal))
    camera = dataclasses.replace(
        old, rotation=rotation, translation=-rotation @ position, focal=length
    )
    return _refilm(clip, camera, _world(clip, "jitter"))


def resample(
    clip: Clip, draw: Draw, *, fps: Annotated[float, Field(gt=0, le=1000)]
) -> Clip:
    """Another frame rate, by linear interpolation between frames."""
    return dataclasses.replace(_at(clip, _times(clip, clip.fps / fps)), fps=fps)


def speed(clip: Clip, draw: Draw, *, low: Factor = 0.8, high: Factor = 1.25) -> Clip:
    """The motion slower or faster by a factor, at the same frame rate."""
    return _at(clip, _times(clip, draw.uniform(low, high)))


def detector(clip: Clip, draw: Draw, *, errors: noise.Detector = PLAIN) -> Clip:
    """A plain detector's errors, outliers and misses."""
    return noise.disturb(clip, errors, draw)


def _noise_file(name: object, info: ValidationInfo) -> FittedNoise:
    """The model in a file beside the list of steps.

    Raises BadInput where the path leads elsewhere.
    """
    folder: Path = (info.context or {})["folder"]
    path = (folder / str(name)).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BadInput(
            f"{name} lies outside {folder}; put the file beside the list of steps"
        )
    return fitted_noise.load(path)


def fitted(
    clip: Clip,
    draw: Draw,
    *,
    file: Annotated[InstanceOf[FittedNoise], BeforeValidator(_noise_file)],
) -> Clip:
    """The errors of a real detector, from a file that `fitted_noise.save` has written.

    Raises BadInput for a joint it lacks.
    """
    return fitted_noise.disturb(clip, file, draw)


def mask_joints(clip: Clip, draw: Draw, *, share: Share = 0.1) -> Clip:
    """Miss single joints in single frames, that share of them."""
    return noise.miss(clip, draw.random(clip.confidence.shape) < share)


def mask_frames(clip: Clip, draw: Draw, *, share: Share = 0.1) -> Clip:
    """Miss all joints in that share of the frames."""
    return noise.miss(
        clip, np.broadcast_to(draw.random((clip.frames, 1)) < share, clip.confidence.shape)
    )


def occlude(clip: Clip, draw: Draw, *, rate: Spread = 0.5, seconds: Spread = 0.4) -> Clip:
    """Miss a limb for a while: `rate` bursts a second, each a joint and all that hangs on
    it, lasting `seconds` on average.
    """
    missed = np.zeros(clip.confidence.shape, dtype=bool)
    for _ in range(draw.poisson(min(rate * clip.frames / clip.fps, 10.0 * clip.frames))):
        limb = _limb(clip.skeleton, int(draw.integers(1, len(clip.skeleton.joints))))
        start, length = (
            draw.integers(clip.frames),
            draw.geometric(1 / max(1.0, seconds * clip.fps)),
        )
        missed[start : start + length, limb] = True
    return noise.miss(clip, missed)


Function = Callable[..., Clip]
# drawn by take
BODY: dict[str, Function] = {
    each.__name__: each for each in (flip, rotate, scale, resample, speed)
}
VIEW: dict[str, Function] = {
    each.__name__: each
    for each in (jitter, detector, fitted, mask_joints, mask_frames, occlude)
}
STEPS = BODY | VIEW


@dataclass(frozen=True, eq=False)
class Step:
    """One step: its name in `STEPS`, all its options, checked, and how probable it is for a
    clip.
    """

    name: str
    options: Mapping[str, Any]
    probability: float = 1.0

    def __str__(self) -> str:
        """As a reader of a report sees it, and as a protocol's hash takes it in."""
        options = ", ".join(
            f"{name} {value}" for name, value in sorted(self.options.items())
        )
        often = f" with probability {self.probability:g}" if self.probability < 1 else ""
        return f"{self.name} ({options}){often}" if options else f"{self.name}{often}"


def read(path: Path) -> tuple[Step, ...]:
    """The list under `steps` in a YAML file.

    Raises BadInput naming the step and the option that is wrong, UnknownName for a step.
    """
    content = yaml_file.read(path)
    if set(content) != {"steps"}:
        raise BadInput(
            f"{path}: the one key 'steps' was due,"
            f" {', '.join(map(str, content)) or 'nothing'} came"
        )
    try:
        return parse(content["steps"], folder=path.parent)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def parse(content: object, *, folder: Path = Path()) -> tuple[Step, ...]:
    """Steps from a list as YAML gives it: names, or {name: options, probability: share}.

    Files are looked for in `folder`.

    Raises as `read` does.
    """
    if not isinstance(content, list):
        raise BadInput(f"steps: a list was due, {type(content).__name__} came")
    return tuple(_step(entry, number, folder) for number, entry in enumerate(content, 1))


def apply(
    clips: Iterable[Clip], steps: Iterable[Step], *, seed: int, epoch: int = 0
) -> list[Clip]:
    """The clips after all steps, in order.

    The same seed and epoch give the same clips, alone or among others.

    Raises BadInput with the clip's name where a step cannot be done.
    """
    steps = tuple(steps)
    return [_applied(clip, steps, seed, epoch) for clip in clips]


def _applied(clip: Clip, steps: tuple[Step, ...], seed: int, epoch: int) -> Clip:
    for place, step in enumerate(steps):
        key = clip.name if step.name in BODY else f"{clip.name} {clip.camera_name}"
        draw = np.random.default_rng([seed, epoch, place, zlib.crc32(key.encode())])
        if draw.random() < step.probability:
            clip = STEPS[step.name](clip, draw, **step.options)
    return clip


def _step(entry: object, number: int, folder: Path) -> Step:
    fields = {entry: {}} if isinstance(entry, str) else entry
    if (
        not isinstance(fields, dict)
        or len(names := [name for name in fields if name != "probability"]) != 1
    ):
        raise BadInput(
            f"step {number}: 'name' or '{{name: {{option: value}}, probability: share}}'"
            f" was due, {entry!r:.60} came"
        )
    name = names[0]
    if name not in STEPS:
        raise UnknownName("augmentation step", str(name), STEPS)
    where = f"step {number}, {name}"
    options = _options(
        STEPS[name], {} if fields[name] is None else fields[name], where, folder
    )
    return Step(
        name,
        options,
        _valid(Share, fields.get("probability", 1.0), f"{where}: probability", folder),
    )


def _options(function: Function, given: object, where: str, folder: Path) -> dict[str, Any]:
    """Check options against the keyword-only parameters of a step."""
    known = [
        each
        for each in inspect.signature(function).parameters.values()
        if each.kind is each.KEYWORD_ONLY
    ]
    if not isinstance(given, dict):
        raise BadInput(f"{where}: options by name were due, {given!r:.60} came")
    for name in given:
        if name not in {each.name for each in known}:
            raise BadInput(
                f"{where}: no option {name!r}; it takes"
                f" {', '.join(each.name for each in known) or 'none'}"
            )
    lacking = next(
        (
            each.name
            for each in known
            if each.default is each.empty and each.name not in given
        ),
        None,
    )
    if lacking:
        raise BadInput(f"{where}: option {lacking} is missing; give it")
    hints = typing.get_type_hints(function, include_extras=True)
    defaults = {each.name: each.default for each in known if each.default is not each.empty}
    return defaults | {
        name: _valid(hints[name], value, f"{where}: {name}", folder)
        for name, value in given.items()
    }


def _valid(hint: Any, value: object, where: str, folder: Path) -> Any:
    try:
        return TypeAdapter(hint).validate_python(value, context={"folder": folder})
    except ValidationError as error:
        first = error.errors()[0]
        inside = "".join(f".{part}" for part in first["loc"])
        raise BadInput(
            f"{where}{inside}: {first['msg'].removeprefix('Value error, ')} (got"
            f" {first['input']!r:.60})"
        ) from None


def _negated(
    pose: NDArray[np.float32] | None, order: list[int]
) -> NDArray[np.float32] | None:
    if pose is None:
        return None
    return pose[:, order] * np.array([-1, 1, 1], dtype=np.float32)


def _mirrored(camera: Camera) -> Camera:
    """The camera that shows the world mirrored in x as this one's picture mirrored: F R F
    and F t, F = diag(-1, 1, 1).
    """
    mirror = np.array([-1.0, 1.0, 1.0])
    return dataclasses.replace(
        camera,
        rotation=camera.rotation * mirror * mirror[:, None],
        translation=camera.translation * mirror,
        centre=np.array([camera.width - camera.centre[0], camera.centre[1]]),
        tangential=camera.tangential * mirror[:2],
    )


def _world(clip: Clip, step: str) -> Float:
    """World poses (frames, joints, 3); a jittered camera needs no vertical, so there camera
    poses do as well.
    """
    if clip.world_pose is not None:
        return clip.world_pose.astype(np.float64)
    if step != "jitter" or clip.camera_pose is None:
        raise BadInput(
            f"clip {clip.name}: {step} needs 3D world poses and the source has none; leave"
            " the step out"
        )
    return camera_to_world(clip.camera, clip.camera_pose).astype(np.float64)


def _root(world: Float, skeleton: Skeleton) -> Float:
    """The mean place (3,) of the root."""
    return world[:, skeleton.parents.index(-1)].mean(axis=0)


def _refilm(clip: Clip, camera: Camera, world: Float) -> Clip:
    """The clip with its body at `world`, seen by `camera`, every keypoint as far off the
    truth as before.
    """
    before = clip.camera_pose
    if before is None:
        before = world_to_camera(clip.camera, _world(clip, "refilm")).astype(np.float32)
    pose = world_to_camera(camera, world)
    try:
        keypoints = project(camera, pose) + (clip.keypoints - project(clip.camera, before))
    except BadInput as error:
        raise BadInput(f"clip {clip.name}, {clip.camera_name}: {error}") from None
    return dataclasses.replace(
        clip,
        keypoints=keypoints.astype(np.float32),
        camera_pose=pose.astype(np.float32),
        world_pose=None if clip.world_pose is None else world.astype(np.float32),
        camera=camera,
    )


def _times(clip: Clip, step: float) -> Float:
    """Times in frames, `step` apart, from the first frame to the last at most."""
    return np.arange(int((clip.frames - 1) / step + 1e-9) + 1, dtype=np.float64) * step


def _at(clip: Clip, times: Float) -> Clip:
    """The clip at times between its frames.

    A joint between a seen and a missed frame is missed.
    """
    low = np.minimum(times.astype(np.int64), clip.frames - 1)
    part = np.clip(times - low, 0, 1).astype(np.float32)
    high = np.where(part > 1e-6, np.minimum(low + 1, clip.frames - 1), low)
    part = part[:, None, None]
    poses = {
        name: getattr(clip, name) for name in ("keypoints", "camera_pose", "world_pose")
    }
    moved: dict[str, Any] = {
        name: None if pose is None else pose[low] * (1 - part) + pose[high] * part
        for name, pose in poses.items()
    }
    counted = (
        None if clip.counted is None else np.minimum(clip.counted[low], clip.counted[high])
    )
    return dataclasses.replace(
        clip,
        confidence=np.minimum(clip.confidence[low], clip.confidence[high]),
        counted=counted,
        **moved,
    )


def _limb(skeleton: Skeleton, number: int) -> list[int]:
    """The `number`-th joint that is not the root, from 1, and all its descendants."""
    top = [joint for joint, parent in enumerate(skeleton.parents) if parent >= 0][
        number - 1
    ]
    limb, grown = {top}, True
    while grown:
        more = {
            joint for joint, parent in enumerate(skeleton.parents) if parent in limb
        } - limb
        limb, grown = limb | more, bool(more)
    return sorted(limb)
