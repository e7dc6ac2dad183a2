"""Where weights come from and what their numbers mean: goes with every checkpoint, as JSON.

Who holds the file alone, without the run, can still feed the model and read its poses.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bench.coordinator.job import Job
from bench.data.geometry import skeletons
from bench.data.protocols import Protocol
from bench.training.feed import Feed

SCREEN = (
    "x: 2 x / width - 1; y: 2 y / width - height / width; width and height in pixels"
)
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
        "skeleton": skeleton.name,
        "joints": list(skeleton.joints),
        "parents": list(skeleton.parents),
        "mirror": list(skeleton.mirror),
        "root": protocol.root,
        "keypoints": SCREEN,
        "standardised": feed.standardizer is not None,
        "unit": UNITS[protocol.lengths],
        "frame": CAMERA,
        "window": feed.spec.frames,
        "outputs": "all" if feed.sequence else "centre",
        "pad": feed.pad,
        "flip_averaging": protocol.flip_tta,
    }
