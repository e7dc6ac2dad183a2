"""How records of the parity ladder are read: which checks there are, and for whom they count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from bench.records import Check, Parity, Record
from reports import cells
from reports.verdict.evidence import Evidence
from reports.verdict.reason import Answer, Reason, Threshold, works

LIMIT = Threshold(
    "parity error ÷ bound",
    1.0,
    "the bound is already the error budget of float32; more is another function, not"
    " rounding",
)
# In these a model must agree; a half that fails leaves a port in full precision.
FULL = ("fp32", "fp64")
HALF = "half"  # the rung that asks in the half that the run asks for
# The rungs that ask of training more than one step: no node alone answers for them.
TRAINING = ("trajectory",)
OPTIMIZING = "step"  # the rung that puts every optimizer there is
RAISED = "raised"  # kind of a check that names a rung which was not climbed to its end


@dataclass(frozen=True)
class Ladder:
    """The checks of one record in one precision that bear on one question."""

    record: Record
    payload: Parity
    precision: str  # in which these were computed, whatever else the run asked for
    checks: tuple[Check, ...]

    @property
    def full(self) -> bool:
        """Whether they are about the precision in which models must agree."""
        return self.precision in FULL

    @property
    def where(self) -> str:
        """Device and precision in two words."""
        return f"{cells.device(self.record)} {self.precision}"


def climbed(evidence: Evidence) -> list[tuple[Record, Parity]]:
    """The ladders that prove anything, however their cells ended.

    One without rungs does not, and one of an `invalid` record is about another device.
    """
    found = cells.payloads(evidence.of("parity"), Parity)
    return [pair for pair in found if any(map(says, pair[1].checks))]


def says(check: Check) -> bool:
    """A check without a number that passed was not asked; one that failed broke down."""
    return check.error is not None or not check.ok


def ladders(evidence: Evidence, *, training: bool) -> list[Ladder]:
    """What was asked of training, or of single calls and steps: full precision comes first."""
    found: list[Ladder] = []
    for record, payload in climbed(evidence):
        parts: dict[str, list[Check]] = {}
        away = spare(payload, evidence.optimizer)
        for check in payload.checks:
            if (rung(check) in TRAINING) == training and check not in away:
                parts.setdefault(precision_of(record, check), []).append(check)
        for precision, checks in parts.items():
            found.append(Ladder(record, payload, precision, tuple(checks)))
    return sorted(found, key=lambda one: not one.full)


def rung(check: Check) -> str:
    """The rung that a check is of, or the nearest to it that a record tells."""
    return parted(check)[0] if check.kind == RAISED else check.kind


def parted(check: Check) -> tuple[str, str]:
    """The rung that raised, and at which optimizer where it says so."""
    name, _, rule = check.name.partition(": ")
    return name, rule


def precision_of(record: Record, check: Check) -> str:
    """In which precision the backend was asked."""
    # What raises there gives no number, and may not have said in which precision it did.
    return record.precision if rung(check) == HALF else check.precision


def rule_of(check: Check) -> str:
    """The optimizer that a check of the step rung is about; it is the first word there.

    Empty where something raised and it is not said at which of them.
    """
    if check.kind == RAISED:
        return parted(check)[1]
    return check.name.split()[0] if check.name else ""


def spare(payload: Parity, rule: str) -> list[Check]:
    """Checks about optimizers that the model is not trained with.

    None where it is not known with which it is: then each may be the one.
    """
    if not rule:
        return []
    steps = [check for check in payload.checks if rung(check) == OPTIMIZING]
    others = [check for check in steps if rule_of(check) not in ("", rule)]
    if put(payload, rule):
        others += [check for check in payload.checks if broke_off(check)]
    return others


def put(payload: Parity, rule: str) -> bool:
    """Whether an optimizer has had all of its checks, wherever the rung broke off."""
    steps = [check for check in payload.checks if check.kind == OPTIMIZING]
    # They are put one after the other, with as many checks each.
    made = Counter(map(rule_of, steps))
    return len(made) > 1 and made[rule] == max(made.values())


def broke_off(check: Check) -> bool:
    """Whether the rung of optimizers raised, and nobody knows at which of them."""
    return check.kind == RAISED and parted(check) == (OPTIMIZING, "")


def is_broken(check: Check) -> bool:
    """A check that says it failed, or whose error is above its bound whatever it says."""
    if not check.ok:
        return True
    # `not <=` rather than `>`: an error that is NaN must count as broken.
    return check.error is not None and not check.error <= LIMIT.limit * check.bound


def judge(one: Ladder, what: str) -> Reason:
    """The reason that one measured ladder gives; `what` one of its checks is called."""
    asked = len(one.checks)
    broken = [check for check in one.checks if is_broken(check)]
    if not broken:
        return works(f"{held(one, what)}{at(one)}{apart(one)}")
    first, culprit = first_of(one.payload, broken), one.payload.culprit
    # A lower precision that fails is a gap: the model can still be ported.
    answer: Answer = "no" if one.full else "yes with gaps"
    blamed = f", culprit {culprit}" if culprit else noted(broken[0])
    return Reason(
        answer,
        "measured",
        f"{len(broken)} of {asked} {what}s on {one.where} fail, first {first}{blamed}",
        f"mend {culprit or first} and run parity again",
    )


def held(one: Ladder, what: str) -> str:
    """That nothing is out of its bounds."""
    if len(one.checks) == 1:
        return f"the {what} on {one.where} is within its bounds"
    return f"all {len(one.checks)} {what}s on {one.where} are within their bounds"


def apart(one: Ladder) -> str:
    """How many of the ladder's checks are not among these; the terminal counts all."""
    whole = len(one.payload.checks)
    rest = whole - len(one.checks)
    # One curve is no count that could be taken for that of the ladder.
    if not rest or len(one.checks) == 1:
        return ""
    return (
        f" (of {whole} in all; {rest} serve other questions, or none of the recipe's)"
    )


def at(one: Ladder) -> str:
    """The preset at which a ladder was climbed, where its record says."""
    return f", at preset {one.payload.preset}" if one.payload.preset else ""


def noted(check: Check) -> str:
    """What a check that has no number says instead, such as what raised."""
    return f" ({check.note})" if check.error is None and check.note else ""


def first_of(payload: Parity, broken: Iterable[Check]) -> str:
    """The check to look at first, as whoever measured names it."""
    checks = list(broken)
    # They know the order of the rungs, but may name one that counts for another question.
    said = payload.first_failure
    if any(said.startswith(check.kind) and check.name in said for check in checks):
        return said
    return f"{checks[0].kind} {checks[0].name}"
