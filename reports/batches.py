"""Trainings beside each other of which one had smaller batches than were asked for.

A batch that memory had no room for was halved, and more of them made a step
(`bench/training/smaller.py`): numbers of it may stand beside others, with a mark.
"""

from __future__ import annotations

from collections.abc import Iterable

from bench.records import Run, Training
from reports import cells


def asked(payload: Training) -> int:
    """Windows of the batch that was asked for."""
    return payload.asked_batch or payload.batch


def halved(payload: Training) -> str:
    """What took the place of the batch that was asked for; empty where it was taken."""
    if payload.asked_batch is None:
        return ""
    return f"batches of {payload.batch} in place of {payload.asked_batch}"


def unequal(payloads: Iterable[Training]) -> bool:
    """Whether one of these trainings was halved, and another not as far."""
    found = list(payloads)
    sizes = {(asked(one), one.batch) for one in found}
    return any(map(halved, found)) and len(sizes) > 1


def marks(run: Run, model: str) -> dict[str, str]:
    """What is said of a model's training beside the others', by backend; nothing of equals."""
    trained = {
        record.backend: payload
        for record, payload in cells.payloads(run.records, Training)
        if record.model == model
    }
    if not unequal(trained.values()):
        return {}
    said = {backend: halved(payload) for backend, payload in trained.items()}
    return {backend: text for backend, text in said.items() if text}
