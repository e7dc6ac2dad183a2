"""The words of a verdict: answers, grades, and a reason for each; no rule stands here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Answer = Literal["yes", "yes with gaps", "no", "undecided"]
Grade = Literal["measured", "declared", "not run"]

# From mild to severe. "no" is worse than "undecided": what a failed check has settled, no
# further measurement opens again.
SEVERITY: tuple[Answer, ...] = ("yes", "yes with gaps", "undecided", "no")


@dataclass(frozen=True)
class Threshold:
    """A number that turns a measurement into an answer, and why it is that number."""

    name: str  # of what is measured
    limit: float
    why: str


@dataclass(frozen=True)
class Reason:
    """One finding: the answer it alone would give, how well it is known, what would change it."""

    answer: Answer
    grade: Grade
    text: str
    change: str = ""  # empty where nothing need change


@dataclass(frozen=True)
class Verdict:
    """The answer for one model on one backend, or for a backend when `model` is empty."""

    backend: str
    model: str
    answer: Answer
    reasons: tuple[Reason, ...]

    @property
    def changes(self) -> tuple[str, ...]:
        """What would change the answer, each thing once."""
        # To mend a gap helps nobody while a "no" stands: only what decides is asked for.
        level = SEVERITY.index(self.answer)
        deciding = [one for one in self.reasons if SEVERITY.index(one.answer) >= level]
        return tuple(dict.fromkeys(one.change for one in deciding if one.change))


def works(text: str, *, grade: Grade = "measured") -> Reason:
    """A finding that speaks for the port."""
    return Reason("yes", grade, text)


def gap(text: str, change: str, *, grade: Grade = "measured") -> Reason:
    """A finding that leaves the port possible, but not whole."""
    return Reason("yes with gaps", grade, text, change)


def worst(reasons: Iterable[Reason]) -> Answer:
    """The most severe answer; without any evidence it is open."""
    answers = (reason.answer for reason in reasons)
    return max(answers, key=SEVERITY.index, default="undecided")


def by_severity(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons that decide come first, those of one answer in the order of the grounds."""
    severity = {answer: place for place, answer in enumerate(SEVERITY)}
    # Sorting is stable, in reverse too: equals stay in their order.
    return tuple(sorted(reasons, key=lambda one: severity[one.answer], reverse=True))
