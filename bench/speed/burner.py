"""A process that keeps a processor busy by a plan: `python -m bench.speed.burner PLAN NUMBER`.

`switched SEED` works and rests in turns of chance; `drifting SPAN` works a share of its time that
grows from nothing to all in so many seconds. Both go on until they are ended.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Iterator

from bench.processes import lifeline

TURN = (0.3, 3.0)  # seconds of working, or of resting
SLICE = 0.01  # seconds of which a share is worked: a sample of the timing is to meet several


def switched(seed: float) -> Iterator[tuple[float, float]]:
    """Seconds of work and of rest, again and again."""
    rng = random.Random(seed)
    while True:
        yield rng.uniform(*TURN), rng.uniform(*TURN)


def drifting(span: float) -> Iterator[tuple[float, float]]:
    """The same with a share of work that grows."""
    start = time.monotonic()
    while True:
        share = min(1.0, (time.monotonic() - start) / span)
        yield share * SLICE, (1 - share) * SLICE


PLANS = {"switched": switched, "drifting": drifting}


def main() -> None:
    """Work by the plan."""
    lifeline.follow()
    # Ctrl-C is for whoever started it, and ends it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    plan, number = sys.argv[1:]
    for work, rest in PLANS[plan](float(number)):
        end = time.monotonic() + work
        while time.monotonic() < end:
            sum(range(1000))
        time.sleep(rest)


if __name__ == "__main__":
    main()
