"""One training beside the same training elsewhere: is what lies between them chance.

Backends start from the same weights and see the same batches; noise and rounding are their own.
How far those, and another order of the batches, carry a training is measured on the reference
backend, which trains again with other draws (`bench/training/again`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.records import Again, Record, Run, Training
from reports import batches, cells

# Of so few trainings the range is but a hint at what chance can do: on average 1.1 (of two) or
# 1.7 (of three) standard deviations, where two trainings differ by 1.4 and seldom by over 4.
RANGES = 3.0
# Two trainings may come out nearly equal by luck. Trainings of the zoo that differ in noise
# alone were up to 2.7 % apart, those that differ in the order of batches up to 6.5 %.
FLOOR = 0.05
# A band this wide holds trainings that have learnt nothing, too.
WIDE = 0.25
# Beyond so many bands no draw leads: 15 % at least.
FAR = 3.0


@dataclass(frozen=True)
class Alike:
    """A training's last validation error beside that of another, mm."""

    record: Record
    score: float
    against: str  # backend, or which backends
    due: float
    again: tuple[float, ...]  # of the reference, trained again; none where nobody did
    mirrored: bool = False  # whether it is the reference itself that is judged
    batches: str = ""  # what is to be said where those of the two are unequal

    @property
    def apart(self) -> float:
        """By how much it is worse (positive) or better, as a part of what is due."""
        return self.score / self.due - 1 if self.due else math.inf

    @property
    def band(self) -> float:
        """How far apart chance alone may carry them, as a part of what is due."""
        if not self.again:
            return FLOOR
        # The reference's own first training is one of those that chance has spread.
        first = self.score if self.mirrored else self.due
        spread = [first, *self.again]
        return max(FLOOR, RANGES * (max(spread) - min(spread)) / self.due)

    @property
    def inside(self) -> bool:
        """Whether chance may be all that lies between them."""
        # A score that is no number is inside of nothing.
        return abs(self.apart) <= self.band

    @property
    def far(self) -> bool:
        """Whether it is worse than any draw explains."""
        return not self.apart <= FAR * self.band


def reference(run: Run, model: str, precision: str) -> str:
    """The backend that others are held against: the one asked for, else the first that trained.

    Empty where no backend trained the model.
    """
    able = [record.backend for record, _ in trainings(run, model, precision)]
    asked = str(run.info.config.get("against") or "")
    return asked if asked in able else next(iter(able), "")


def trainings(run: Run, model: str, precision: str) -> list[tuple[Record, Training]]:
    """The trainings of a model that ended well, with a number at their end, on every backend."""
    return [
        (record, payload)
        for record, payload in cells.payloads(run.records, Training)
        if (record.model, record.precision, record.status) == (model, precision, "ok")
        and finite([last(payload)])
    ]


def compared(run: Run, record: Record, payload: Training) -> Alike | None:
    """A training that ended well beside another of the same budget; None where there is none.

    The reference is held against the others' median: it may be the one that is wrong.
    """
    score = last(payload)
    name = reference(run, record.model, record.precision)
    scores: dict[str, float] = {}
    beside: dict[str, Training] = {record.backend: payload}
    for other, found in trainings(run, record.model, record.precision):
        value = last(found)
        if other.backend != record.backend and budget(found) == budget(payload):
            scores[other.backend] = math.nan if value is None else value
            beside[other.backend] = found
    if score is None or not scores:
        return None
    again = chance(run, record, payload, name)
    if record.backend == name:
        others = "the median of the others" if len(scores) > 1 else next(iter(scores))
        median = statistics.median(scores.values())
        said = marked(beside)
        return Alike(record, score, others, median, again, mirrored=True, batches=said)
    if name not in scores:
        return None
    said = marked({record.backend: payload, name: beside[name]})
    return Alike(record, score, name, scores[name], again, batches=said)


def marked(trained: Mapping[str, Training]) -> str:
    """Which of the trainings that are compared, by backend, had smaller batches; or nothing."""
    if not batches.unequal(trained.values()):
        return ""
    said = [
        f"{backend} with {text}"
        for backend, payload in trained.items()
        if (text := batches.halved(payload))
    ]
    return f"unequal batches: {', '.join(said)}"


def chance(run: Run, record: Record, payload: Training, name: str) -> tuple[float, ...]:
    """Scores of the reference's trainings with other draws; none where one has no number."""
    own = [
        found
        for other, found in trainings(run, record.model, record.precision)
        if other.backend == name
    ]
    # the reference draws again with the batches that it had
    batch = own[0].batch if own else payload.batch
    for other, found in cells.payloads(run.records, Again):
        about = (other.backend, other.model, other.precision)
        alike = (found.protocol_hash, found.steps) == budget(payload)[:2]
        alike = alike and found.batch == batch
        if about == (name, record.model, record.precision) and alike:
            scores = finite(found.scores)
            return tuple(scores) if len(scores) == len(found.scores) else ()
    return ()


def budget(payload: Training) -> tuple[str, int, int]:
    """What makes two scores comparable: protocol, steps, the batch that was asked for."""
    return payload.protocol_hash, payload.steps, batches.asked(payload)


def last(payload: Training) -> float | None:
    """The last validation error, mm; None where none was taken at the end."""
    if payload.validation_steps[-1:] != (payload.steps,):
        return None
    return payload.validation_mpjpe[-1]


def finite(scores: Iterable[float | None]) -> Sequence[float]:
    """Those that are numbers."""
    return [score for score in scores if score is not None and math.isfinite(score)]
