"""The words of a verdict: questions, answers, grades, reasons; no rule stands here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Answer = Literal[
    "yes", "yes in part", "not measured", "yes with gaps", "undecided", "no"
]
Grade = Literal["measured", "declared", "not run"]
Question = Literal["expressed", "computes", "trains", "costs"]

# What is asked of every model on every backend, in the order in which a port meets it.
QUESTIONS: Mapping[Question, str] = {
    "expressed": "Can it be expressed?",
    "computes": "Does it compute the same?",
    "trains": "Does it train the same?",
    "costs": "What does it cost?",
}
# What it costs is for its owner to weigh: no price makes another model of it.
DECIDING: tuple[Question, ...] = ("expressed", "computes", "trains")
# From mild to severe. "no" is worse than "undecided": what a failed check has settled, no
# further measurement opens again.
# What nobody measured is no gap, and speaks against nothing.
SEVERITY: tuple[Answer, ...] = (
    "yes",
    "yes in part",
    "not measured",
    "yes with gaps",
    "undecided",
    "no",
)
# A cost is neither right nor wrong: it is known, or it is not.
COSTS: Mapping[Answer, str] = {
    "yes": "measured",
    "yes in part": "measured in part",
    "yes with gaps": "measured in part",
    "not measured": "not measured",
    "undecided": "not measured",
    "no": "not measured",
}
VOID = "void"  # of a cost: it was timed, and no number counts, as on a noisy host


@dataclass(frozen=True)
class Threshold:
    """A number that turns a measurement into an answer, and why it is that number."""

    name: str  # of what is measured
    limit: float
    why: str


@dataclass(frozen=True)
class Reason:
    """One finding: the answer it alone would give, how well it is known, what would change it."""

    answer: Answer | None  # None: it is said, and decides nothing
    grade: Grade
    text: str
    change: str = ""  # empty where nothing need change
    question: Question | None = None  # None: about a backend as a whole
    tasks: tuple[str, ...] = ()  # whose cells it rests on

    @property
    def pull(self) -> str:
        """The answer it pulls to, in words."""
        if self.answer is None:
            return "fact"
        if self.void:
            return VOID
        return COSTS[self.answer] if self.question == "costs" else self.answer

    @property
    def void(self) -> bool:
        """Whether it is about timings that were taken and do not count."""
        taken = self.grade == "measured" and self.answer == "undecided"
        return self.question == "costs" and taken


@dataclass(frozen=True)
class Verdict:
    """The answer for one model on one backend, or for a backend when `model` is empty."""

    backend: str
    model: str
    answer: Answer
    reasons: tuple[Reason, ...]
    answers: Mapping[Question, Answer] = field(default_factory=dict)  # of a model
    size: str = ""  # at which size of the model all this was found

    @property
    def changes(self) -> tuple[str, ...]:
        """What would change the answer, each thing once."""
        # To mend a gap helps nobody while a "no" stands: only what decides is asked for.
        level = SEVERITY.index(self.answer)
        deciding = [
            one
            for one in self.reasons
            if one.question != "costs" and severity(one) >= level
        ]
        return tuple(dict.fromkeys(one.change for one in deciding if one.change))

    @property
    def unmeasured(self) -> tuple[Question, ...]:
        """The deciding questions of which nothing was measured: it does not rest on them."""
        return tuple(one for one in DECIDING if self.answers.get(one) == "not measured")

    def because(self, question: Question) -> tuple[Reason, ...]:
        """The reasons of one answer, those that decide it first."""
        return tuple(one for one in self.reasons if one.question == question)

    def said(self, question: Question) -> str:
        """One answer in words."""
        answer = self.answers[question]
        if question != "costs":
            return answer
        nothing = COSTS[answer] == "not measured"
        void = any(one.void for one in self.because(question))
        return VOID if nothing and void else COSTS[answer]


def works(text: str, *, grade: Grade = "measured") -> Reason:
    """A finding that speaks for the port."""
    return Reason("yes", grade, text)


def gap(text: str, change: str, *, grade: Grade = "measured") -> Reason:
    """A finding that leaves the port possible, but not whole.

    What was not run is no finding, and said to be not measured.
    """
    answer: Answer = "not measured" if grade == "not run" else "yes with gaps"
    return Reason(answer, grade, text, change)


def fact(text: str, *, grade: Grade = "measured") -> Reason:
    """What should be known, and speaks neither for the port nor against it."""
    return Reason(None, grade, text)


def severity(reason: Reason) -> int:
    """How far up its answer stands; a fact stands below all answers."""
    return -1 if reason.answer is None else SEVERITY.index(reason.answer)


def worst(reasons: Sequence[Reason]) -> Answer:
    """The most severe answer; where nothing was run for it, that it was not measured."""
    decisive = [one for one in reasons if one.answer is not None]
    # What stays open since nobody has asked anything is not measured, and not undecided.
    if all(map(unasked, decisive)):
        return "not measured"
    return together([one.answer for one in decisive if one.answer is not None])


def unasked(reason: Reason) -> bool:
    """Whether it says no more than that nobody has asked."""
    return reason.grade == "not run" and reason.answer in ("not measured", "undecided")


def together(answers: Sequence[Answer]) -> Answer:
    """The most severe of some answers; a yes is one in part where others are missing."""
    measured = [one for one in answers if one != "not measured"]
    if not measured:
        return "not measured"
    found = max(measured, key=SEVERITY.index)
    return "yes in part" if found == "yes" and measured != [*answers] else found


def by_severity(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons that decide come first, those of one answer in the order of the grounds."""
    # Sorting is stable, in reverse too: equals stay in their order.
    return tuple(sorted(reasons, key=severity, reverse=True))
