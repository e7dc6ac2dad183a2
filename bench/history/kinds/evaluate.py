"""Each metric of an evaluation, by the mean that its protocol looks at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bench.history.kinds._recipe import recipe
from bench.history.point import Measured
from bench.records import Evaluation, Record, RunInfo


def measured(record: Record, run: RunInfo) -> Iterator[Measured]:
    """Scores of a trained model: mpjpe, pa_mpjpe, ..."""
    scored = record.payload
    assert isinstance(scored, Evaluation)
    setup = recipe(record, run)
    for metric in scored.metrics:
        value = scored.headlined(scored.metrics, metric.name)
        if value is None:
            continue
        yield Measured(
            metric=_plain(metric.name),
            value=value,
            unit=metric.unit,
            better=metric.better,
            main=metric.name == scored.headline,
            samples=scored.test_poses,
            what=f"{scored.averaging}-wise",
            protocol_hash=scored.protocol_hash,
            setup=setup,
        )


def _plain(name: str) -> str:
    """`PA-MPJPE` as one types it: pa_mpjpe."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
