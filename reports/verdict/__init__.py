"""From records to an answer: can this model be ported to that backend, and why.

Four questions are asked of each model: can it be expressed, does it compute the same, does it
train the same, what does it cost. What an answer rests on lies in `grounds`, one file each; `rule`
joins them: the worst of the first three is the verdict, and the cost decides nothing.

Every reason carries its evidence grade: *measured* (a run showed it), *declared* (a
manifest or the backend says so), *not run*. The worst reason decides.
"""

from __future__ import annotations

from reports.verdict.alike import Alike, compared
from reports.verdict.grounds.speed import void
from reports.verdict.ladder import is_broken
from reports.verdict.reason import QUESTIONS, Reason, Threshold, Verdict
from reports.verdict.rule import debugs, thresholds, verdicts

__all__ = [
    "Alike",
    "QUESTIONS",
    "Reason",
    "Threshold",
    "Verdict",
    "compared",
    "debugs",
    "is_broken",
    "thresholds",
    "verdicts",
    "void",
]
