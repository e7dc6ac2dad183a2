"""Each backend's ladder against that of the chosen one, from the traces their workers left.

It needs no worker: the traces are files, and two that answer the same question are arithmetic.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from bench.config import Config
from bench.parity import traces
from bench.records import Comparison, Record
from models.errors import BadInput


def comparisons(folder: Path, config: Config) -> Iterator[Record]:
    """A record for each model and each backend but the one that others are held against."""
    if "parity" not in config.tasks:
        return
    reference = config.reference
    others = [backend for backend in config.backend if backend != reference]
    for backend, model in itertools.product(others, config.model):
        blank = Record(
            task="compare",
            backend=backend,
            model=model,
            device=config.device,
            precision=config.precision,
            status="not_measured",
        )
        yield blank.model_copy(update=_compared(folder, blank, reference))


def _compared(folder: Path, about: Record, reference: str) -> dict[str, object]:
    """What is to be said of one pair: status, reason, payload."""
    try:
        own = traces.load(traces.path(folder, about.backend, about.model))
        other = traces.load(traces.path(folder, reference, about.model))
        checks = traces.compare(own, other)
    except BadInput as error:  # a ladder that never ran, or another one
        return {"reason": str(error)}
    payload = Comparison(against=reference, checks=checks)
    wrong = [check for check in checks if not check.ok]
    if not wrong:
        return {"status": "ok", "payload": payload}
    reason = (
        f"{len(wrong)} values are further from {reference} than both may be;"
        f" first {wrong[0].kind} {wrong[0].name}"
    )
    return {"status": "failed", "reason": reason, "payload": payload}
