"""What is to hold of drawn noise, one check each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from bench.parity import budget
from bench.parity.judging import Judged, check
from bench.parity.noise import odds
from bench.parity.noise.answers import Reading
from bench.parity.noise.drawn import Loss, Pair, Seen
from bench.parity.noise.odds import Odds
from bench.parity.noise.patterns import Arrays, Pattern

# Share of numbers that came before: 0.006 of 100,000 that have 23 bits, most where they have 11.
TIES = 0.02


def judged(
    patterns: Sequence[Pattern],
    seen: Seen,
    fed: Arrays,
) -> list[Judged]:
    """Every question that noise of these kinds is asked."""
    found: list[Judged] = []
    for one in seen.drawn:
        reading = Reading(patterns[one.pattern])
        x = fed[f"x{one.pattern}"]
        found += _alone(reading, one.source, one.values, x)
    first = Reading(patterns[0])
    for pair in seen.twins:
        found.append(_repeated(first, pair))
    for pair in seen.strangers:
        if pair.one.shape[2:] == pair.other.shape[2:]:
            answers = first.answers(pair.one)
            other = first.answers(pair.other)
            odd = first.strangers(answers, other)
            found.append(_unrelated(first, pair.source, pair.what, odd))
    return [*found, *_losses(first, seen.losses)]


def _alone(
    reading: Reading,
    source: str,
    values: np.ndarray,
    x: np.ndarray,
) -> Iterator[Judged]:
    """What holds of the draws of one pattern."""
    if values.shape[2:] != x.shape:
        yield _judge(reading, source, "shape", Odds(math.inf, 0.0), "yes or no")
        return
    if reading.masks:
        yield from _mask(reading, source, values, x)
    else:
        yield from _numbers(reading, source, values)
    if reading.pattern.shared:
        uneven = Odds(reading.uneven(values), 0.0)
        yield _judge(reading, source, "one draw for all that share it", uneven, "share")
    answers = reading.answers(values)
    places = "as likely in every call and place"
    yield _judge(reading, source, places, reading.places(answers), "share")
    rows = "as many in a row as chance has it"
    yield _judge(reading, source, rows, reading.spreads(answers), "relative")
    strangers = {
        "draws of one call": reading.neighbours(answers),
        "noises of one call": reading.nodes(answers),
        "calls": reading.calls(answers),
    }
    for what, odd in strangers.items():
        yield _unrelated(reading, source, what, odd)


def _mask(
    reading: Reading,
    source: str,
    values: np.ndarray,
    x: np.ndarray,
) -> Iterator[Judged]:
    """Entries are 0 or scaled, and as many are kept as are due."""
    due = x / (1 - (reading.pattern.rate or 0.0))
    off = np.abs(values / due - 1)[values != 0]
    scaled = Odds(float(off.max(initial=0.0)), budget.bound("node", 0.0))
    yield _judge(reading, source, "what is kept is scaled", scaled, "relative")
    answers = reading.answers(values)
    share = odds.share(answers.sum(), answers.size, reading.likely)
    note = f"{answers.mean():.4f} of {answers.size}, {reading.likely:.4f} due"
    yield _judge(reading, source, "share kept", share, "share", note)


def _numbers(
    reading: Reading,
    source: str,
    values: np.ndarray,
) -> Iterator[Judged]:
    """Normal and uniform numbers follow their law, to the last digits."""
    law = reading.law
    sample = reading.draws(values).astype(np.float64)
    beyond = (sample < law.least) | (sample > law.most)
    statistics = {
        "mean": (odds.mean(sample, law), "standard deviations"),
        "standard deviation": (odds.spread(sample, law), "relative"),
        "distribution (Kolmogorov-Smirnov)": (odds.distance(sample, law), "share"),
        "none out of range": (Odds(float(beyond.mean()), 0.0), "share"),
        "numbers that came before": (_ties(sample), "share"),
    }
    for what, (odd, unit) in statistics.items():
        yield _judge(reading, source, what, odd, unit)


def _ties(sample: np.ndarray) -> Odds:
    return Odds(1 - np.unique(sample).size / sample.size, TIES)


def _repeated(reading: Reading, pair: Pair) -> Judged:
    """Draws that are to be the same."""
    alike = pair.one.shape == pair.other.shape
    one, other = reading.yes(pair.one), reading.yes(pair.other)
    apart = float((one != other).mean()) if alike else math.inf
    return _judge(reading, pair.source, pair.what, Odds(apart, 0.0), "share")


def _unrelated(reading: Reading, source: str, what: str, odd: Odds) -> Judged:
    note = f"{reading.alike:.4f} due to be alike, off by {odd.error:.4f}"
    return _judge(reading, source, f"{what} are independent", odd, "share", note)


def _losses(reading: Reading, seen: Sequence[Loss]) -> Iterator[Judged]:
    """Whether a loss and its gradients come of one draw: the worst of each source.

    Which noise is to blame it cannot say, and names the first.
    """
    for source in sorted({loss.source for loss in seen}):
        errors = [
            abs(loss.value - loss.due) / (loss.terms or 1.0)
            for loss in seen
            if loss.source == source
        ]
        # NumPy's: NaN is the largest of all to it
        worst = Odds(float(np.max(errors)), budget.bound("loss", 0.0))
        what = "loss and gradient have one draw"
        yield _judge(reading, source, what, worst, "relative")


def _judge(
    reading: Reading,
    source: str,
    what: str,
    odd: Odds,
    unit: str,
    note: str = "",
) -> Judged:
    pattern = reading.pattern
    name = f"{what}: {pattern.name}, {source}"
    made = check("noise", name, odd.error, odd.bound, "train")
    told = {
        "unit": unit,
        "op": pattern.op,
        "where": pattern.where,
        # beside op and line the name of the check does not stand
        "note": f"{what}, {source}: {note or f'off by {odd.error:.1e}'}",
    }
    return Judged(
        check=made.model_copy(update=told),
        name=name,
        value=np.array(odd.error),
        allowed=np.array(odd.bound),
    )
