"""Clips of the training side that are held out: validated on, and neither trained nor tested on.

By default a training is validated on test clips, as all figures of this project are: it is for
the eye, and a published protocol trains on all of its training clips. Where something is chosen
by the validation (when to stop, when the rate falls) it is on held-out clips, or the
choice would have seen the test.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from bench.data import Split
from bench.training.settings import Train
from models.errors import BadInput

SHARE = 0.1  # of the takes


def asked(train: Train) -> bool:
    """Whether a training holds clips out."""
    if train.validate_on is None:
        return train.chooses
    return train.validate_on == "held-out"


def divided(split: Split, train: Train) -> Split:
    """The split with a tenth of the takes held out, at least one, where a training asks for it.

    By their names alone, so that they are the same in every run; a take goes with all its views.
    Raises BadInput where there is no more than one.
    """
    if not asked(train):
        return split
    takes = sorted({clip.name for clip in split.train}, key=_place)
    if len(takes) < 2:
        raise BadInput(
            f"validate_on: the training side has {len(takes)} take, and none can be held out;"
            " take other data, or validate_on=test, and let nothing choose by it"
        )
    chosen = set(takes[: max(1, round(SHARE * len(takes)))])
    return replace(
        split,
        train=[clip for clip in split.train if clip.name not in chosen],
        validation=[clip for clip in split.train if clip.name in chosen],
    )


def _place(take: str) -> str:
    """Where a take stands in an order that has nothing to do with its name."""
    return hashlib.sha256(take.encode()).hexdigest()
