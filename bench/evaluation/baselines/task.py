"""Score the trivial predictors, once for all models and backends of a run."""

from __future__ import annotations

from backends.base import Backend
from bench import metrics
from bench.coordinator import dataset
from bench.coordinator.job import Finding, Job, Progress
from bench.coordinator.spec import finest_mesh
from bench.data.geometry.skinning import Skin
from bench.data.pieces import pieces
from bench.evaluation.baselines.held import hold
from bench.evaluation.baselines.predictors import baselines, frames_of
from bench.evaluation.oracle.checks import first_failure
from bench.evaluation.several import view_of
from bench.records import Baselines


def run(job: Job, backend: Backend | None, device: str, progress: Progress) -> Finding:
    """The predictors fitted on the run's training frames and scored on its test frames."""
    progress("reading data", 0.0)
    split = dataset.of(job.config, job.folder)
    protocol = split.protocol
    # a frame at a time, x and y alone: what a model takes in besides is no business of theirs
    train = frames_of(pieces(split.train, joints=protocol.joints), protocol)
    test = frames_of(split.test, protocol, every=protocol.test_stride)
    progress("fitting", 0.5)
    mesh = finest_mesh(job.config, protocol)
    body = None
    if mesh:
        body = Skin(mesh, protocol.joints), view_of(test, split.test)
    found = baselines(
        train,
        test,
        protocol=protocol,
        chosen=job.config.metrics,
        body=body,
    )
    progress("holding them against plain NumPy", 0.9)
    checks, left_out = hold(split, found, mesh)
    payload = Baselines(
        data=job.config.data,
        protocol=protocol.name,
        protocol_hash=protocol.hash,
        fraction=protocol.fraction,
        baselines=found,
        checks=checks,
        left_out=left_out,
        headline=metrics.load(protocol.headline).NAME,
        averaging=protocol.averaging,
    )
    reason = first_failure(checks)
    return Finding(payload, "failed" if reason else "ok", reason)
