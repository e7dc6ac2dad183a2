"""Where weights come from and what their numbers mean: goes with every checkpoint, as JSON.

Who holds the file alone, without the run, can still feed the model and read its poses.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.data.formats import words
from bench.data.geometry import skeletons
from bench.data.protocols import Protocol
from bench.training.optimizer import optimizer_of
from models.errors import shortened

# a checkpoint is read without them
if TYPE_CHECKING:
    from bench.coordinator.job import Job
    from bench.training.feed import Feed

SCREEN = (
    "x: 2 x / width - 1; y: 2 y / width - height / width; width and height in pixels"
)
IMAGES = (
    "RGB, channels first, from 0 to 1, less 0.485, 0.456, 0.406, over 0.229, 0.224, 0.225;"
    " the box of the person's joints, 1.25 times as large"
)
CROP = "x and y: from -0.5 to 0.5 across the crop; z: metres behind the root, over 2"
CAMERA = "camera: x right, y down, z away from it"
# what the network's own numbers are, by the protocol's `lengths`
UNITS = {
    "metric": "m",
    "scaled": "m of the scaled image space",
    "2.5d": "thousands of pixels of the scaled image space",
}


def project_version() -> str:
    """PosePort's; empty where it was never installed."""
    try:
        return version("poseport")
    except PackageNotFoundError:
        return ""


class Origin(BaseModel):
    """What a header may say, or leave out; each field is explained where it is filled in."""

    model_config = ConfigDict(strict=True, extra="allow")

    poseport: str | None = None
    run: str | None = None
    backend: str | None = None
    model: str | None = None
    preset: str | None = None
    sizes: dict[str, Any] | None = None
    data: str | None = None
    protocol: str | None = None
    protocol_hash: str | None = None
    seed: int | None = None
    precision: str | None = None
    optimizer: str | None = None  # its rule
    skeleton: str | None = None
    joints: list[str] | None = None
    parents: list[int] | None = None
    mirror: list[int] | None = None
    root: str | None = None
    keypoints: str | None = None
    images: str | None = None
    standardised: bool | None = None
    unit: str | None = None
    frame: str | None = None
    window: int | None = None
    outputs: Literal["all", "centre", "last"] | None = None
    pad: str | None = None
    flip_averaging: bool | None = None


def checked(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a header says, if anything. Raises ValueError for what this module has not written."""
    if not said:
        return {}
    try:
        return Origin.model_validate(dict(said)).model_dump(exclude_unset=True)
    except ValidationError as error:
        wrong = error.errors()[0]
        key = ".".join(map(str, wrong["loc"]))
        message = f"origin.{key}: {words.reason(wrong)}"
        raise ValueError(shortened(message)) from None


def origin(job: Job, protocol: Protocol, feed: Feed) -> dict[str, Any]:
    """What is known of a training when it begins."""
    skeleton = skeletons.load(protocol.skeleton)
    return {
        "poseport": project_version(),
        "run": job.folder.name,
        "backend": job.backend,
        "model": job.model,
        "preset": job.settings.preset,
        "sizes": dict(feed.spec.config),
        "data": job.config.data,
        "protocol": protocol.name,
        "protocol_hash": protocol.hash,
        "seed": job.config.seed,
        "precision": job.config.precision,
        "optimizer": optimizer_of(job, feed.spec).rule,
        "skeleton": skeleton.name,
        "joints": list(skeleton.joints),
        "parents": list(skeleton.parents),
        "mirror": list(skeleton.mirror),
        "root": protocol.root,
        **_read(feed),
        "standardised": feed.standardizer is not None,
        "unit": _unit(protocol, feed),
        "frame": CAMERA,
        "window": feed.spec.frames,
        "outputs": feed.outputs,
        "pad": feed.pad,
        "flip_averaging": protocol.flip_tta,
    }


def _read(feed: Feed) -> dict[str, str]:
    """How what the model reads is scaled, by its name; of poses it is how keypoints would be."""
    return {"images": IMAGES} if feed.spec.reads == "images" else {"keypoints": SCREEN}


def _unit(protocol: Protocol, feed: Feed) -> str:
    """Of the model's own numbers."""
    if feed.spec.reads == "images":
        return CROP
    if feed.spec.makes == "keypoints":
        return "half the width of the picture"
    return UNITS[protocol.lengths]
