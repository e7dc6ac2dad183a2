"""The probed semantics of one backend, beside what the language defines."""

from __future__ import annotations

from backends.base import Backend
from bench.coordinator.job import Finding, Job, Progress
from bench.records import Semantics, SemanticsRow
from bench.semantics import catalogue, probing


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Put all probes; it fails where an op has another meaning, and no gap declares it."""
    rows: list[SemanticsRow] = []
    for row in probing.rows(backend, device):
        rows.append(row)
        progress(row.probe, len(rows) / len(catalogue.names()))
    differing = [told(row) for row in rows if row.result == "differs"]
    payload = Semantics(rows=tuple(rows))
    return Finding(payload, "failed" if differing else "ok", "; ".join(differing))


def told(row: SemanticsRow) -> str:
    """A disagreement in one line."""
    seen = " or ".join(row.probed) or row.note
    return f"{row.probe}: {seen}, where the language has {row.declared}"
