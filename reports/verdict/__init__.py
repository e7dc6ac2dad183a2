"""From records to an answer: can this model be ported to that backend, and why.

What an answer rests on lies in `grounds`, one file each; `rule` joins them.

Every reason carries its evidence grade: *measured* (a run showed it), *declared* (a
manifest or the backend says so), *not run*. The worst reason decides.
"""

from __future__ import annotations

from reports.verdict.grounds.parity import is_broken
from reports.verdict.grounds.speed import fault
from reports.verdict.reason import Reason, Threshold, Verdict
from reports.verdict.rule import thresholds, verdicts

__all__ = [
    "Reason",
    "Threshold",
    "Verdict",
    "fault",
    "is_broken",
    "thresholds",
    "verdicts",
]
