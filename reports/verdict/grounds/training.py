"""Ground: can the model be trained there at all."""

from __future__ import annotations

from bench.records import Record
from reports.verdict import alike
from reports.verdict.evidence import Evidence, missing, unmeasured
from reports.verdict.reason import Reason

QUESTION = "trains"
AFTER = ("trajectory",)
TASKS = ("train",)


def reasons(evidence: Evidence) -> list[Reason]:
    """A training that was tried and did not end well is a gap, or a no where another did."""
    # One that ended well is no reason for a yes: what it learnt is for others to say.
    if not evidence.of("train"):
        return unmeasured(evidence, "train", "training")
    ended_badly = [one for one in evidence.of("train") if one.status != "ok"]
    return [of_failure(evidence, record) for record in ended_badly]


def of_failure(evidence: Evidence, record: Record) -> Reason:
    """What a training that did not end well says."""
    found = missing(record, "training")
    other = trained_elsewhere(evidence, record)
    # A crash or a lack of memory is the machine's as often as the backend's.
    if record.status != "failed" or not other:
        return found
    text = f"{found.text}; {other} trains it on the same budget"
    return Reason("no", "measured", text, "a training that ends well")


def trained_elsewhere(evidence: Evidence, record: Record) -> str:
    """Another backend of the run that trained the same model to the end; empty if none did."""
    others = alike.trainings(evidence.run, record.model, record.precision)
    names = [one.backend for one, _ in others if one.backend != record.backend]
    return next(iter(names), "")
