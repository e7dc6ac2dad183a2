"""From records to an answer: can this model be ported to that backend, and why.

Every ground that an answer rests on is one file here; the folder is the list of them.
Each holds `reasons(evidence)` about a model, `of_backend(run, backend)`, or both; AFTER,
the names of the grounds whose reasons are read before its own; and, where a number
decides, LIMIT. A file that begins with an underscore serves the others.

Every reason carries its evidence grade: *measured* (a run showed it), *declared* (a
manifest or the backend says so), *not run*. The worst reason decides.
"""

from __future__ import annotations

from reports.verdict._reason import Reason, Threshold, Verdict
from reports.verdict._rule import thresholds, verdicts
from reports.verdict.parity import is_broken
from reports.verdict.speed import fault

__all__ = [
    "Reason",
    "Threshold",
    "Verdict",
    "fault",
    "is_broken",
    "thresholds",
    "verdicts",
]
