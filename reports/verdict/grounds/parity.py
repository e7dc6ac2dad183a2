"""Ground: does the backend compute what the float64 oracle computes."""

from __future__ import annotations

from bench.records import Check, Parity, Record
from reports import cells
from reports.verdict.evidence import Evidence, blame, grade
from reports.verdict.reason import Answer, Reason, Threshold, works

AFTER = ("coverage",)
LIMIT = Threshold(
    "parity error ÷ bound",
    1.0,
    "the bound is already the error budget of float32; more is another function, not"
    " rounding",
)
# A lower precision that fails is a gap: the model can still be ported.
FULL_PRECISION = ("fp32", "fp64")


def reasons(evidence: Evidence) -> list[Reason]:
    """A failed check in full precision is a no; without a ladder there it stays open."""
    full: list[Reason] = []
    lower: list[Reason] = []
    silent: list[Record] = []
    for record in evidence.of("parity"):
        payload = ladder(record)
        if payload is None:
            silent.append(record)
        elif is_full(record):
            full.append(judge(record, payload))
        else:
            lower.append(judge(record, payload))
    # One ladder in full precision settles the question, on whatever device it was climbed;
    # then another one without numbers is no more than a gap.
    still_open = not full
    without = [
        silence(record, decisive=still_open and is_full(record)) for record in silent
    ]
    return full + lower + without + never_asked(evidence)


def never_asked(evidence: Evidence) -> list[Reason]:
    """The question stays open where nobody put it in full precision."""
    if any(is_full(record) for record in evidence.of("parity")):
        return []
    text = "parity in full precision was not measured"
    return [Reason("undecided", "not run", text, "run parity in fp32")]


def is_full(record: Record) -> bool:
    """Whether a record is about the precision in which models must agree."""
    return record.precision in FULL_PRECISION


def ladder(record: Record) -> Parity | None:
    """The ladder of a record, if it proves anything.

    One without rungs does not, and one of an `invalid` record is about another device.
    """
    payload = record.payload
    if not isinstance(payload, Parity) or record.status == "invalid":
        return None
    # A check without a number that passed was not asked; one that failed broke down.
    says = any(check.error is not None or not check.ok for check in payload.checks)
    return payload if says else None


def is_broken(check: Check) -> bool:
    """A check that says it failed, or whose error is above its bound whatever it says."""
    if not check.ok:
        return True
    # `not <=` rather than `>`: an error that is NaN must count as broken.
    return check.error is not None and not check.error <= LIMIT.limit * check.bound


def judge(record: Record, payload: Parity) -> Reason:
    """The reason that one measured ladder gives."""
    where, asked = cells.spot(record), len(payload.checks)
    broken = [check for check in payload.checks if is_broken(check)]
    if not broken:
        return works(f"all {asked} parity checks on {where} are within their bounds")
    # Whoever measured knows the order of the rungs; the first in the list is a stand-in.
    first = payload.first_failure or f"{broken[0].kind} {broken[0].name}"
    culprit = f", culprit {payload.culprit}" if payload.culprit else ""
    answer: Answer = "no" if is_full(record) else "yes with gaps"
    return Reason(
        answer,
        "measured",
        f"{len(broken)} of {asked} parity checks on {where} fail, first {first}{culprit}",
        f"mend {payload.culprit or first} and run parity again",
    )


def silence(record: Record, *, decisive: bool) -> Reason:
    """The reason that a parity record without a ladder gives."""
    where = cells.spot(record)
    # "ok" without a number: the worker ended well and asked nothing.
    said = blame(record) if record.status != "ok" else "no check was made"
    return Reason(
        "undecided" if decisive else "yes with gaps",
        grade(record),
        f"parity on {where} has no numbers: {said}",
        f"a parity run on {where}",
    )
