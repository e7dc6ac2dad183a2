"""Golden files of `pose2mesh.py`: the authors' lifter, their network of a mesh, and both."""

from __future__ import annotations

from functools import partial

import numpy as np

from models.builder import Builder
from models.golden import Array, Arrays, Golden, Shown
from models.losses.mpjpe import mpjpe
from models.passes import to_inference
from models.spec import Spec
from models.value import Value


def lifter(spec: Spec, arrays: Arrays) -> Golden:
    """Flat on either side, where we have an axis of frames and one of joints."""
    batch = len(arrays["input/x"])

    def flat(pose: Array) -> Array:
        return pose.reshape(batch, -1)

    return Golden(
        spec=spec,
        feeds={
            "keypoints": arrays["input/x"].reshape(batch, 1, -1, 2),
            "target": arrays["input/target"].reshape(batch, 1, -1, 3),
        },
        outputs={"out": Shown(spec.infer, flat)},
        trained={"out": Shown(spec.train.with_outputs("pose"), flat)},
        names={name: name.removeprefix("pose_lifter.") for name in spec.parameters},
    )


def of_vertices(g: Builder, out: Value, arrays: Arrays) -> Value:
    """The distance of real vertices; `out` (b, v, 3) has fakes among them, and is an output."""
    g.output("out", out)
    rows = g.constant("mesh.rows", arrays["const/real_rows"].astype(np.int64))
    real = out.take(rows, axis=1)
    distance = (real - g.input("target", real.shape)).vector_norm(axis=2)
    return distance.mean(axis=(0, 1), keepdims=False)


def of_joints(lifted: Value) -> Value:
    """There in millimetres and weighed by a thousandth; here in metres."""
    return mpjpe(lifted, lifted.graph.input("target_pose", lifted.shape))


def refiner(spec: Spec, arrays: Arrays) -> Golden:
    """The network that refines a mesh, of joints that the file brings."""
    return Golden(
        spec=spec,
        feeds={"x": arrays["input/x"], "target": arrays["input/target"]},
        outputs={"out": Shown(spec.infer)},
        trained={"out": Shown(spec.train.with_outputs("out"))},
        names={name: name.removeprefix("pose2mesh.") for name in spec.parameters},
    )


def both(spec: Spec, arrays: Arrays, *, unit: float) -> Golden:
    """That network behind the lifter, whose joints the file has in its own `unit` to the metre."""
    x = arrays["input/x"]
    # divided in float64, which the file's own loss is held to
    pose = arrays["input/target_pose"].astype(np.float64) / unit
    there = partial(_as_official, unit)
    still = to_inference(spec.train, outputs=["lifted"])
    return Golden(
        spec=spec,
        feeds={
            "keypoints": x.reshape(len(x), 1, -1, 2),
            "target": arrays["input/target"],
            "target_pose": pose.reshape(len(x), 1, -1, 3),
        },
        outputs={"out": Shown(spec.infer), "pose3d": Shown(still, there)},
        trained={
            "out": Shown(spec.train.with_outputs("out")),
            "pose3d": Shown(spec.train.with_outputs("lifted"), there),
        },
    )


def _as_official(unit: float, lifted: Array) -> Array:
    """Joints (b, 1, j, 3) in metres -> (b, j, 3) in the unit of the lifter."""
    return lifted[:, 0] * unit
