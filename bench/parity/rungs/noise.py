"""Noise that the backend draws itself, as in training, is what the model asks for.

All other rungs feed it, so that they compare exactly; here it is judged by statistics. A model
without noise is not asked, nor a backend that draws none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from backends.base import Unsupported
from bench.coordinator.job import Progress
from bench.parity.judging import Judged
from bench.parity.noise import drawn, patterns, properties
from bench.parity.noise.drawn import Question
from bench.parity.trial import Trial

# It looks at steps: an optimizer that is wrong is the cause, and the noise it shows is not.
AFTER = ("update",)
FED = 88  # word that sets this rung's random numbers apart from the others'


def climb(trial: Trial, progress: Progress) -> Iterator[Judged]:
    """Draw every kind of noise that the train graph has, in calls, steps and gradients."""
    kinds = patterns.found(trial.spec.train)
    if not kinds:
        return
    rng = np.random.default_rng([trial.seed, FED])
    settings = replace(trial.settings, draw_noise=True, seed=trial.seed)
    question = Question(trial.backend, settings, kinds, patterns.feeds(kinds, rng))
    for what, ask in (("calls", drawn.forward), ("training", drawn.training)):
        try:
            seen = ask(question)
        except Unsupported as error:  # it is fed its noise, or does not train
            trial.left_out[f"noise in {what}"] = str(error)
            continue
        yield from properties.judged(kinds, seen, question.fed)
