"""From records to an answer: can this model be ported to that backend, and why.

Every ground that an answer rests on is one file here, with `reasons`; `rule` joins them.
Every reason carries its evidence grade: *measured* (a run showed it), *declared* (a
manifest or the backend says so), *not run*. The worst reason decides.
"""

from __future__ import annotations

from reports.verdict.parity import is_broken
from reports.verdict._reason import Reason, Threshold, Verdict
from reports.verdict._rule import THRESHOLDS, verdicts
from reports.verdict.speed import fault

__all__ = [
    "Reason",
    "THRESHOLDS",
    "Threshold",
    "Verdict",
    "fault",
    "is_broken",
    "verdicts",
]
