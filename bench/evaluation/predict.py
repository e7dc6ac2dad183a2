"""Lifting what nobody scores: poses of a run's trained model for the keypoints of any source.

Nothing is measured here, and nothing written into the run folder. The framework runs in a
process of its own (`python -m bench.evaluation.predict BACKEND ORDER`, the order as JSON), which
writes the file.
"""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import backends
from bench import config as configs
from bench import data, records
from bench.coordinator.job import Job, Progress
from bench.data import protocols
from bench.data.batches.windows import Windows
from bench.data.clip import Clip
from bench.data.formats import places
from bench.data.geometry import skeletons
from bench.data.geometry.skinning import Skin
from bench.data.pictures import crops
from bench.data.protocols import Protocol
from bench.evaluation import files, parts
from bench.evaluation.parts import WHOLE, Part
from bench.evaluation.poses import predicted, windows_of
from bench.processes import contract, placing, question
from bench.processes.contract import Watch
from bench.records import Record, Run, Training
from bench.training.feed import Feed, overlapping
from bench.training.origin import CAMERA, UNITS, project_version
from bench.training.restored import restored
from models.errors import BadInput, PosePortError
from models.human import human

FOLLOWS = "a body that follows the model's joints"
OWN, BUILT_IN = "the model's own", "the built-in body, posed by the model's joints"
GIVEN = "boxes, cameras and how far away the roots are were taken from the source"


@dataclass(frozen=True)
class Order:
    """Which trained model lifts which source, and the file its poses go to."""

    run: str
    backend: str
    model: str
    source: str
    out: str
    mismatch: str  # as in `Protocol`
    part: Part = WHOLE


class Look(NamedTuple):
    """A picture that a model was shown, and where in it the joints are that it made."""

    colours: str  # RGB (3, height, width), bytes in base64
    size: tuple[int, int]  # height and width
    places: tuple[tuple[float, float], ...]  # x and y from -0.5 to 0.5 across it


class Poses(NamedTuple):
    """What a model makes of a source: poses (frames, joints, 3), mm, and frame rates, by clip."""

    feed: Feed
    poses: dict[str, NDArray[np.float32]]
    vertices: dict[
        str, NDArray[np.float32]
    ]  # (frames, V, 3), mm, where it makes a surface
    fps: dict[str, float]
    notes: tuple[str, ...]  # of the clips
    looks: tuple[Look, ...]  # at some frames of the first clip, where images were read


@dataclass(frozen=True)
class Lifted:
    """What was written.

    Poses (frames, joints, 3) of so many clips, in mm of the camera frame, relative to the root:
    the root itself is where the model puts it, `root_off` mm from 0 at most.
    """

    path: str
    backend: str
    model: str
    clips: int
    frames: int
    joints: tuple[str, ...]
    root: str
    root_off: float
    protocol: str
    protocol_hash: str
    notes: tuple[str, ...]  # what was guessed about the data, or left out
    # four poses (joints, 3) of the first clip, to look at; with the pictures they were made of
    examples: tuple[tuple[tuple[float, ...], ...], ...]
    # of the same frames vertices (V, 3), and their faces (F, 3), where surfaces were written
    surfaces: tuple[tuple[tuple[float, ...], ...], ...] = ()
    surface: str = ""  # whose they are; empty where none were written
    faces: tuple[tuple[int, int, int], ...] = ()
    looks: tuple[Look, ...] = ()


def predict(
    run: Path,
    source: str,
    out: Path,
    *,
    backend: str | None = None,
    model: str | None = None,
    allow_mismatch: bool = False,
    part: Part = WHOLE,
    progress: Progress = lambda text, share: None,
) -> Lifted:
    """Write the poses of each clip, named TAKE/CAMERA, as the end of `out` says (`files/`).

    Raises BadInput, UnknownName, Missing.
    """
    files.check(out)
    places.new(out)  # said now, not after minutes of work
    training = _training(records.read(run), backend, model)
    backends.require(training.backend)
    # absolute, since the child works from the checkout
    order = Order(
        run=str(run.absolute()),
        backend=training.backend,
        model=training.model,
        source=data.absolute(source),
        out=str(out.absolute()),
        mismatch="allowed" if allow_mismatch else "refused",
        part=part,
    )
    asked = [order.backend, json.dumps(asdict(order))]
    found = question.ask(
        "bench.evaluation.predict", asked, progress, patience=question.LONG
    )
    looks = tuple(Look(*look) for look in found["looks"])
    told = {"path": str(out), "joints": tuple(found["joints"]), "looks": looks}
    return Lifted(**{**found, **told})


def lift(arguments: Sequence[str]) -> dict[str, Any]:
    """The child: the backend, and the order as JSON."""
    given = json.loads(arguments[1])
    order = Order(**{**given, "part": Part(**given["part"])})
    run = records.read(Path(order.run))
    record = _training(run, order.backend, order.model)
    job = Job(
        task="evaluate",
        backend=order.backend,
        model=order.model,
        config=configs.validate(run.info.config),
        folder=run.folder,
    )
    assert isinstance(record.payload, Training)  # as `_training` has made sure
    # by the record: the run's configuration may name none, and defaults may change
    protocol = protocols.load(record.payload.protocol)
    made = _poses(job, protocol, order)
    feed, poses = made.feed, made.poses
    root = feed.protocol.joints.index(feed.protocol.root)
    off = max(
        float(np.linalg.norm(pose[:, root], axis=-1).max()) for pose in poses.values()
    )
    done = Lifted(
        path=order.out,
        backend=job.backend,
        model=job.model,
        clips=len(poses),
        frames=sum(map(len, poses.values())),
        joints=feed.protocol.joints,
        root=feed.protocol.root,
        root_off=off,
        protocol=feed.protocol.name,
        protocol_hash=record.payload.protocol_hash,
        notes=made.notes,
        examples=_examples(next(iter(poses.values()))),
        looks=made.looks,
    )
    said = _about(done, feed.protocol) | {"fps": made.fps, "run": run.info.id}
    return asdict(_written(done, made, said | {"every": order.part.every}))


def _written(done: Lifted, made: Poses, said: dict[str, Any]) -> Lifted:
    """What was done, once it lies in its file: poses, or surfaces in a format of these."""
    out = Path(done.path)
    own = made.feed.skin
    if files.skinned(out):
        skin = own or Skin(human(joints=done.joints), done.joints)
        files.write(out, made.poses, said | {"skin": skin})
        return replace(done, surface=FOLLOWS)
    if not files.surfaced(out):
        # of a model that makes surfaces, these too, where the format has a place for them
        if own and files.holds_arrays(out):
            beside = {f"{name}/vertices": each for name, each in made.vertices.items()}
            whole = made.poses | beside | {"faces": own.mesh.faces.astype(np.int32)}
            files.write(out, whole, said | {"surface": OWN})
            return replace(done, surface=OWN)
        files.write(out, made.poses, said)
        return done
    question.tell(f"writing {done.frames:,} surfaces", 0.0)
    # of a model that makes no surface, the built-in body in its poses
    skin = own or Skin(human(joints=done.joints), done.joints)
    surfaces = made.vertices or {
        name: 1000 * skin.posed(pose / 1000) for name, pose in made.poses.items()
    }
    faces, whose = skin.mesh.faces, OWN if own else BUILT_IN
    files.write(out, surfaces, said | {"faces": faces, "surface": whose})
    drawn = _examples(next(iter(surfaces.values())))
    return replace(done, surfaces=drawn, surface=whose, faces=faces.tolist())


def _about(done: Lifted, protocol: Protocol) -> dict[str, Any]:
    """What goes with the poses, in every format that has a place for it."""
    known = asdict(done)
    # those are to be looked at, and where the file lay says nothing of it
    for name in ("examples", "looks", "surfaces", "surface", "faces", "path"):
        del known[name]
    skeleton = skeletons.load(protocol.skeleton)
    return known | {
        "poseport": project_version(),
        "unit": f"m{UNITS[protocol.lengths]}",  # m times 1000
        "frame": CAMERA,
        "relative_to": f"{done.root} of the person; the model's own {done.root} is kept, at"
        f" most {done.root_off:.3g} mm from 0",
        "skeleton": skeleton.name,
        "parents": skeleton.parents,
    }


def _examples(poses: NDArray[np.float32]) -> Any:
    """Four of them, spread over the clip."""
    return poses[_some(len(poses))].tolist()


def _some(frames: int) -> NDArray[np.int_]:
    return np.linspace(0, frames - 1, min(4, frames)).astype(int)


def _looks(windows: Windows, made: NDArray[np.float32]) -> tuple[Look, ...]:
    """The pictures of the examples with what was made of them (frames, joints, 3)."""
    if windows.crops is None:
        return ()
    chosen = _some(int((windows.clip_numbers() == 0).sum()))
    # the first clip's frames are the first of all
    shown = windows.crops.colours(windows.frame_numbers()[chosen])
    return tuple(
        Look(
            b64encode(each.tobytes()).decode(), windows.crops.size, pose[:, :2].tolist()
        )
        for each, pose in zip(shown, made[chosen], strict=True)
    )


def _training(run: Run, backend: str | None, model: str | None) -> Record:
    """The one training that is asked for. Raises BadInput where it is none or several."""
    known = []
    found = []
    for record in run.records:
        # one that diverged has a payload too, and a checkpoint that is not its end
        if not isinstance(record.payload, Training) or record.status != "ok":
            continue
        known.append(record)
        if backend in (None, record.backend) and model in (None, record.model):
            found.append(record)
    if len(found) == 1:
        return found[0]
    if source := run.info.config.get("run"):
        raise BadInput(
            f"{run.folder}: has trained nothing, its weights are those of run {source}; give"
            " that run's folder"
        )
    names = [f"{record.model} on {record.backend}" for record in found or known]
    listed = ", ".join(names) or "none"
    what = "several trained models fit" if found else "no trained model fits"
    raise BadInput(
        f"{run.folder}: {what} --backend {backend or 'any'} --model {model or 'any'}; it"
        f" has {listed}: name one"
    )


def _poses(job: Job, protocol: Protocol, order: Order) -> Poses:
    """What the trained model makes of the source."""
    if protocol.lengths == "2.5d":
        raise BadInput(
            f"{job.folder}: trained under {protocol.name}, to predict pixels of an unknown"
            " scale; train under another protocol"
        )
    # as the run has chosen, which is `auto` unless it was said; before a framework looks
    os.environ.update(placing.environment(job.config.device))
    backend = contract.loaded(job.backend, Watch())
    device = placing.kind_of(backend, job.config.device)
    model = restored(job, overlapping(job, protocol), backend, device)
    spec = model.feed.spec
    if not (spec.lifts or spec.reads == "images"):
        raise BadInput(
            f"{job.folder}: {job.model} {spec.task}, which lifts nothing; name a model that"
            " makes poses of keypoints or images"
        )
    clips = _clips(protocol, order)
    windows = windows_of(job, model.feed, clips, every=order.part.every)
    if spec.reads == "images":
        crops.check_files(clips, protocol.joints)
    found = predicted(model.program, model.feed, windows, question.tell)
    # metres to mm
    poses = _by_clip(windows, 1000 * windows.metres(found.poses))
    vertices = {}
    if found.vertices is not None:
        vertices = _by_clip(windows, 1000 * found.vertices)
    for made in (poses, vertices):
        _check_finite(job, made)
    looks = _looks(windows, found.poses)
    notes = sorted({note for clip in clips for note in clip.notes})
    return Poses(
        feed=model.feed,
        poses=poses,
        vertices=vertices,
        fps={parts.name(clip): clip.fps / order.part.every for clip in clips},
        notes=(*notes, GIVEN) if looks else tuple(notes),
        looks=looks,
    )


def _check_finite(job: Job, made: Mapping[str, NDArray[np.float32]]) -> None:
    """Raises PosePortError where a clip has what is no number: nothing is written of it."""
    wrong = [name for name, found in made.items() if not np.isfinite(found).all()]
    if wrong:
        raise PosePortError(
            f"{job.model} on {job.backend} gave numbers that are not finite for"
            f" {len(wrong)} of {len(made)} clips, {wrong[0]} the first; look at its `train` and"
            " `parity`"
        )


def _clips(protocol: Protocol, order: Order) -> list[Clip]:
    """What is lifted. Raises BadInput for clips that are not there, and for too many surfaces."""
    # motion capture needs cameras, whatever the model was trained on
    filmed = protocol if protocol.rig else data.default_protocol(order.source)
    rig = filmed.rig if filmed else None
    taken = protocol.model_copy(update={"rig": rig, "mismatch": order.mismatch})
    read = data.clips_of(order.source, taken)
    clips = parts.side(read, order.part, order.source, protocol)
    clips = parts.chosen(clips, order.part, order.source)
    if files.surfaced(Path(order.out)):
        parts.check_surfaces(clips, order.part, order.out)
    return clips


def _by_clip(
    windows: Windows, found: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """What was found for all frames, by TAKE/CAMERA."""
    # it comes clip after clip: where the number changes, the next one begins
    starts = np.flatnonzero(np.diff(windows.clip_numbers(), prepend=-1))
    takes = windows.labels("name")[starts]
    cameras = windows.labels("camera_name")[starts]
    names = [f"{take}/{camera}" for take, camera in zip(takes, cameras, strict=True)]
    return dict(zip(names, np.split(found, starts[1:]), strict=True))


if __name__ == "__main__":
    sys.exit(question.answer(lift))
