"""Ground: is the loss, over many steps, that of the oracle's training."""

from __future__ import annotations

from reports.verdict import ladder
from reports.verdict.evidence import Evidence
from reports.verdict.reason import Reason, gap

QUESTION = "trains"
AFTER = ("exam",)
TASKS = ("parity",)


def reasons(evidence: Evidence) -> list[Reason]:
    """A curve that leaves the envelope of equal trainings is a no."""
    found = ladder.ladders(evidence, training=True)
    judged = [ladder.judge(one, "loss curve") for one in found]
    if any(one.full for one in found):
        return judged
    # No open question by itself: a training that was made tells as much.
    text = "the loss curve was not held against the oracle's"
    return [*judged, gap(text, "climb the trajectory rung", grade="not run")]
