"""Ground: does a training come out as on the reference backend, give or take chance."""

from __future__ import annotations

from bench.records import Again, Record, Training
from reports import cells
from reports.numbers import number, percent
from reports.verdict import alike
from reports.verdict.alike import Alike
from reports.verdict.evidence import Evidence, blame
from reports.verdict.reason import Grade, Reason, Threshold, fact, gap, works

QUESTION = "trains"
AFTER = ("training",)
TASKS = ("train",)
LIMITS = (
    Threshold(
        "training apart from the reference's ÷ range of its A/A trainings",
        alike.RANGES,
        "of two or three trainings the range is a third of what chance can do",
    ),
    Threshold(
        "the same, as a part of the error, at least",
        alike.FLOOR,
        "trainings that come out alike by luck make no finer measure",
    ),
    Threshold(
        "the same, in bands: a training as much worse is another one",
        alike.FAR,
        "no draw of noise or of batches leads there",
    ),
)


def reasons(evidence: Evidence) -> list[Reason]:
    """Inside the band is a yes, outside a gap, far outside on the worse side a no."""
    found = []
    for record, payload in cells.payloads(evidence.records, Training):
        # One that did not end well is told of as such, and its end is no comparison.
        if record.status == "ok":
            found += of_training(evidence, record, payload)
    return found


def of_training(evidence: Evidence, record: Record, payload: Training) -> list[Reason]:
    """The reason that one training gives."""
    if alike.last(payload) is None:
        text = (
            f"the training on {cells.spot(record)} has no validation error at its end"
        )
        return [gap(text, "a training with a validation point", grade="not run")]
    found = alike.compared(evidence.run, record, payload)
    if found is None:
        return [fact(alone(evidence, record), grade="not run")]
    return [judge(found), *unmeasured(evidence, found)]


def alone(evidence: Evidence, record: Record) -> str:
    """Why there is nothing to hold a training against."""
    said = "not compared with another backend's training"
    if len(cells.backends(evidence.run)) < 2:
        return f"{said}: one backend in this run"
    return f"{said}: no other backend of this run trained {record.model} on that budget"


def judge(found: Alike) -> Reason:
    """What the distance between two trainings says."""
    text = (
        f"trained in {found.record.precision} to {number(found.score)} mm on validation"
        f" poses, {found.against} to"
        f" {number(found.due)} mm on the same budget from the same start:"
        f" {percent(abs(found.apart))} {'worse' if not found.apart <= 0 else 'better'},"
    )
    if found.batches:
        text = f"{text} ({found.batches})"
    chance = band(found)
    if found.inside and found.band <= alike.WIDE:
        return works(f"{text} inside {chance}")
    if found.inside:
        return gap(f"{text} inside {chance}, too wide to tell", "a longer training")
    if found.mirrored and found.apart < 0:
        # The others are worse, and it is told of them.
        return fact(f"{text} outside {chance}")
    change = "the cause of another training, then train again"
    # Without a measured band the floor alone says what is another training: no proof.
    if found.far and found.again:
        return Reason("no", "measured", f"{text} far outside {chance}", change)
    known: Grade = "measured" if found.again else "not run"
    # A gap all the same: the distance was measured.
    return Reason("yes with gaps", known, f"{text} outside {chance}", change)


def band(found: Alike) -> str:
    """How far chance may carry two trainings, and how that is known."""
    said = f"{percent(found.band)} either way"
    if not found.again:
        return f"{said} (the A/A band was not measured: this is its floor)"
    runs = ", ".join(number(score) for score in found.again)
    return f"the A/A band of {said} (the reference with other draws: {runs} mm)"


def unmeasured(evidence: Evidence, found: Alike) -> list[Reason]:
    """Why the band was not measured, where it should have been."""
    if found.again:
        return []
    name = alike.reference(evidence.run, found.record.model, found.record.precision)
    for record in cells.of_model(evidence.run, name, evidence.model):
        if record.task == Again.model_fields["task"].default and record.status != "ok":
            said = f"A/A trainings of {name} on {cells.spot(record)}: {blame(record)}"
            return [fact(said)]
    return []
