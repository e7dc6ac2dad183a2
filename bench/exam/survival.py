"""An exam that outlives its workers: the op that ends one is found, and the rest is asked.

Questions share programs. Where such a program has ended a worker, a new one asks each op of it
apart, and of the op that does it again each question. Only a question that ends a process in which
nothing was asked before is blamed: what another has left behind may kill an innocent one. What
it was not at, its values beside its gradient say, is asked again.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bench.coordinator.job import Death
from bench.exam import judge
from bench.exam.examining import Part, examine_all
from bench.exam.question import Question
from bench.processes.steps import Steps
from bench.records import ExamRow
from models import ops
from models.passes import decompose

# Questions of one op that may end workers: each costs a start, or the time that is allowed.
ENOUGH = 3
SIZES = [2**power for power in range(4, 21)]  # bytes
Tell = Callable[[str], None]


class Survival:
    """Puts programs of questions, in the same order to each worker of the exam."""

    def __init__(self, steps: Steps, *, seconds: float) -> None:
        self._steps = steps
        self._seconds = seconds
        # questions that ended workers, by op and part; of them those that no gap declares
        self._ended: Counter[tuple[str, str]] = Counter()
        self._undeclared: Counter[tuple[str, str]] = Counter()
        # questions that are not put -> why, by op and part
        self._unput: dict[tuple[str, str], list[str]] = {}
        self._spared: list[str] = []  # ends of workers that no question is blamed for
        self._tell: Tell = lambda ops: None

    def rows(
        self, name: str, questions: Sequence[Question], tell: Tell
    ) -> list[ExamRow]:
        """What is found of questions that share a program; `name` is the same in each worker.

        `tell` hears of which ops a program is that begins.
        """
        self._tell = tell
        asked = [one for one in questions if self._is_wanted(one, "value")]
        suspects = {op for op, _ in self._ended}
        harmless = [one for one in asked if one.probe.op not in suspects]
        found = self._settled(name, harmless) if harmless else []
        # apart from those, and from each other
        for number, one in enumerate(asked):
            if one.probe.op in suspects and self._is_wanted(one, "value"):
                found += self._settled(f"{name}/{one.probe.op}/{number}", [one])
        return found

    def ended(self) -> list[str]:
        """The ops that ended workers, but for what a declared gap is about."""
        return sorted({op for op, _ in self._undeclared})

    def left_out(self) -> dict[str, str]:
        """What was not asked, or has ended a worker without being found, each with the reason."""
        found = {}
        for (op, part), reasons in self._unput.items():
            told = "; ".join(dict.fromkeys(reasons))
            found[f"{op}, {part} of {len(reasons)} cases"] = told
        if told := "; ".join(dict.fromkeys(self._spared)):
            found["what ended a worker"] = f"asked alone, no question did it: {told}"
        return found

    def _is_wanted(self, question: Question, part: Part) -> bool:
        """Whether it may be asked; else it is noted that it was not."""
        op = question.probe.op
        reason = ""
        if self._is_enough(question, part):
            reason = f"{ENOUGH} others ended workers"
        elif inner := self._fatal_within(question, part):
            reason = f"it is made of {inner}, of which {ENOUGH} ended workers"
        if reason:
            self._unput.setdefault((op, part), []).append(reason)
        return not reason

    def _is_enough(self, question: Question, part: Part) -> bool:
        """Whether its op has ended as many workers as it may."""
        about = question.probe.op, part
        if self._ended[about] < ENOUGH:
            return False
        # a gap of some cases keeps no other case from being asked
        declared = question.gap(part) or question.inherited(part)
        return bool(declared) or self._undeclared[about] >= ENOUGH

    def _fatal_within(self, question: Question, part: Part) -> str:
        """An op of its body that is given up, where that body runs."""
        fatal = {
            op for (op, at), n in self._ended.items() if at == "value" and n >= ENOUGH
        }
        if not fatal or part == "gradient" or ops.get(question.probe.op).body is None:
            return ""
        has = question.backend.kernels if part == "value" else ()
        inside = decompose(question.probe.graph(), has=has).census()
        return next(
            (op for op in inside if op in fatal and op != question.probe.op), ""
        )

    def _settled(self, name: str, questions: Sequence[Question]) -> list[ExamRow]:
        """Rows that are known, those of a program that may be put, or of its parts."""
        death = self._steps.death(name)
        if death is None or self._steps.kept(name) is not None:
            return self._put(name, questions)
        if len(questions) > 1:
            return self._apart(name, questions, death)
        return self._alone(name, questions[0])

    def _alone(self, name: str, question: Question) -> list[ExamRow]:
        """What is found of a question that has ended a worker, without the part that did it."""
        found: list[ExamRow] = []
        without: list[str] = []
        while death := self._steps.death(name):
            again = not death.first and self._steps.deaths(name) < 2
            if again or self._steps.kept(name) is not None:
                break  # once more, before anything else that this process is asked
            row = judge.died(question, death)
            self._ended[row.op, death.part] += 1
            if row.result == "failed":
                self._undeclared[row.op, death.part] += 1
            found.append(row)
            if death.part == "value":
                return found
            without.append(death.part)
            name = f"{name} without {death.part}"
        return [*self._put(name, [question], without=without), *found]

    def _apart(
        self, name: str, questions: Sequence[Question], death: Death
    ) -> list[ExamRow]:
        """What is found of the parts of a program that has ended a worker."""
        before = self._ended.total()
        found: list[ExamRow] = []
        for part, inside in _parted(questions).items():
            # counted as they come: those before may have been enough
            asked = [one for one in inside if self._is_wanted(one, "value")]
            if asked:
                found += self._settled(f"{name}/{part}", asked)
        if self._ended.total() == before:
            self._spared.append(death.reason)
        return found

    def _put(
        self, name: str, questions: Sequence[Question], *, without: Sequence[str] = ()
    ) -> list[ExamRow]:
        """What is found of a program, by this worker or by one before it."""
        death = self._steps.death(name)
        if (known := self._steps.kept(name)) is not None:
            if death is not None:
                self._spared.append(death.reason)
            return [ExamRow.model_validate(row) for row in known]
        if self._steps.over:
            for one in questions:
                reasons = self._unput.setdefault((one.probe.op, "value"), [])
                reasons.append("its time was over")
            return []
        self._tell(_ops(questions))
        limit = self._steps.begun(name, seconds=self._seconds, setting="exam.seconds")
        with limit as at:
            rows = examine_all(
                questions,
                at=at,
                wanted=lambda one, part: (
                    part not in without and self._is_wanted(one, part)
                ),
            )
            if "/" in name:
                _shake()
        self._steps.keep(name, [row.model_dump(mode="json") for row in rows])
        return rows


def _parted(questions: Sequence[Question]) -> Mapping[str, Sequence[Question]]:
    """By op, or of one op alone each question."""
    found: dict[str, list[Question]] = {}
    for one in questions:
        found.setdefault(one.probe.op, []).append(one)
    if len(found) > 1:
        return found
    return {str(number): [one] for number, one in enumerate(questions)}


def _ops(group: Sequence[Question]) -> str:
    """The ops of a program, the first and the last where they are many."""
    names = list(dict.fromkeys(one.probe.op for one in group))
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _shake() -> None:
    """Take memory and give it back, by which a spoilt heap shows: at once, and not to the next."""
    gc.collect()
    for size in SIZES:
        held = [np.empty(size, np.uint8) for _ in range(64)]
        del held
