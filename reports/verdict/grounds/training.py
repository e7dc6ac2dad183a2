"""Ground: can the model be trained there."""

from __future__ import annotations

from reports.verdict.evidence import Evidence, unmeasured
from reports.verdict.reason import Reason

AFTER = ("exam",)


def reasons(evidence: Evidence) -> list[Reason]:
    """A training that was tried and did not end well is a gap."""
    # One that ended well is no reason for a yes: what it learnt is for `accuracy` to say.
    return unmeasured(evidence, "train", "training")
