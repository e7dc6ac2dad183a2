"""Lifting what nobody scores: poses of a run's trained model for the keypoints of any source.

Nothing is measured here, and nothing written into the run folder. The framework runs in a
process of its own (`python -m bench.evaluation.predict BACKEND ORDER`, the order as JSON), which
writes the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import backends
from bench import config as configs
from bench import data, records
from bench.coordinator.job import Job
from bench.data import protocols
from bench.data.formats import arrays_file, places
from bench.data.protocols import Protocol
from bench.evaluation.poses import predicted, windows_of
from bench.processes import contract, question
from bench.processes.contract import Watch
from bench.records import Record, Run, Training
from bench.training.feed import Feed, overlapping
from bench.training.restored import restored
from models.errors import BadInput


@dataclass(frozen=True)
class Order:
    """Which trained model lifts which source, and the file its poses go to."""

    run: str
    backend: str
    model: str
    source: str
    out: str


@dataclass(frozen=True)
class Lifted:
    """What was written.

    Poses (frames, joints, 3) of so many clips, in mm of the camera frame, relative to the root.
    """

    path: str
    backend: str
    model: str
    clips: int
    frames: int
    joints: tuple[str, ...]
    root: str
    protocol: str
    protocol_hash: str


def predict(
    run: Path,
    source: str,
    out: Path,
    *,
    backend: str | None = None,
    model: str | None = None,
) -> Lifted:
    """Write the poses as safetensors, an array for each clip, named TAKE/CAMERA.

    Raises BadInput, UnknownName, Missing.
    """
    if out.exists():
        raise BadInput(
            f"{out}: is there already and is left as it is; give another name"
        )
    places.file(out)  # said now, not after minutes of work
    training = _training(records.read(run), backend, model)
    backends.require(training.backend)
    # absolute, since the child works from the checkout
    order = Order(
        run=str(run.absolute()),
        backend=training.backend,
        model=training.model,
        source=data.absolute(source),
        out=str(out.absolute()),
    )
    written = json.dumps(asdict(order))
    found = question.ask("bench.evaluation.predict", [order.backend, written])
    return Lifted(**{**found, "path": str(out), "joints": tuple(found["joints"])})


def lift(arguments: Sequence[str]) -> dict[str, Any]:
    """The child: the backend, and the order as JSON."""
    order = Order(**json.loads(arguments[1]))
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
    feed, poses = _poses(job, protocol, order.source)
    done = Lifted(
        path=order.out,
        backend=job.backend,
        model=job.model,
        clips=len(poses),
        frames=sum(map(len, poses.values())),
        joints=feed.protocol.joints,
        root=feed.protocol.root,
        protocol=feed.protocol.name,
        protocol_hash=record.payload.protocol_hash,
    )
    header = {}
    for name, value in asdict(done).items():
        # a safetensors header holds texts alone
        header[name] = value if isinstance(value, str) else json.dumps(value)
    header |= {"unit": "mm", "run": run.info.id}
    arrays_file.write(Path(order.out), poses, header)
    return asdict(done)


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
    names = [f"{record.model} on {record.backend}" for record in found or known]
    listed = ", ".join(names) or "none"
    what = "several trained models fit" if found else "no trained model fits"
    raise BadInput(
        f"{run.folder}: {what} --backend {backend or 'any'} --model {model or 'any'}; it"
        f" has {listed}: name one"
    )


def _poses(
    job: Job, protocol: Protocol, source: str
) -> tuple[Feed, dict[str, NDArray[np.float32]]]:
    """How the model is fed, and its poses (frames, joints, 3), mm, by clip."""
    if protocol.lengths == "2.5d":
        raise BadInput(
            f"{job.folder}: trained under {protocol.name}, to predict pixels of an unknown"
            " scale; train under another protocol"
        )
    backend = contract.loaded(job.backend, Watch())
    # as the run has chosen, which is `auto` unless it was said
    device = backend.device(job.config.device)
    model = restored(job, overlapping(job, protocol), backend, device)
    # motion capture needs cameras, whatever the model was trained on
    filmed = protocol if protocol.rig else data.default_protocol(source)
    rig = filmed.rig if filmed else None
    clips = data.clips_of(source, protocol.model_copy(update={"rig": rig}))
    windows = windows_of(job, model.feed, clips)
    # metres to mm; nobody listens, as the parent shows no progress of a question
    poses = 1000 * predicted(
        model.program, model.feed, windows, lambda text, share: None
    )
    # poses come clip after clip: where the number changes, the next one begins
    starts = np.flatnonzero(np.diff(windows.clip_numbers(), prepend=-1))
    takes = windows.labels("name")[starts]
    cameras = windows.labels("camera_name")[starts]
    names = [f"{take}/{camera}" for take, camera in zip(takes, cameras, strict=True)]
    parts = np.split(poses, starts[1:])
    return model.feed, dict(zip(names, parts, strict=True))


if __name__ == "__main__":
    sys.exit(question.answer(lift))
