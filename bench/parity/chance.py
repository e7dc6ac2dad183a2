"""How far two equal trainings part by chance.

The float64 oracle's loss curve, and how far nudged float32 runs stray from it.

That costs four NumPy trainings and says nothing of any backend, so it is kept in the run
folder for the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.data.formats import arrays_file

AA_RUNS = (0, 1, 2)  # seeds of the disturbances of float32 runs; 0 is none
# a trajectory may leave the oracle this many times further than the A/A runs do
WIDTH = 8.0

# precision, seed of the disturbance (0: none), steps -> losses of so many steps
Run = Callable[[str, int, int], np.ndarray]


@dataclass(frozen=True)
class Envelope:
    """The oracle's losses (2K + 4,), and how far the other runs stray from them.

    That is the largest distance at each of these steps.
    """

    true: np.ndarray
    apart: np.ndarray

    def allowed(self, steps: int) -> np.ndarray:
        """WIDTH times the largest distance up to twice each of `steps`.

        Where runs part is chance (a ReLU that flips), how far is not.
        """
        # the widest so far: runs that have parted may cross again, which is chance too
        widest = np.maximum.accumulate(self.apart)
        return WIDTH * widest[2 * np.arange(steps) + 4]


def measured(run: Run, steps: int) -> Envelope:
    """Run the oracle, float32 NumPy, and the A/A runs, far enough ahead to judge `steps`."""
    count = ahead(steps)
    true = run("fp64", 0, count)
    # rounding at every step, and one more at the start
    others = [run("fp32", seed, count) for seed in AA_RUNS]
    apart = [np.abs(losses - true) for losses in others]
    return Envelope(true, np.max(apart, axis=0))


def ahead(steps: int) -> int:
    """How many steps are run to judge `steps` of them."""
    return 2 * steps + 4


def kept(
    file: Path,
    question: str,
    run: Run,
    steps: int,
) -> Envelope:
    """The envelope in `file` where it answers the same question, else a new one.

    A new one is put there.
    """
    return _read(file, question) or _write(file, question, measured(run, steps))


def _read(file: Path, question: str) -> Envelope | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as held:
            if (held.metadata() or {}).get("question") == question:
                return Envelope(held.get_tensor("true"), held.get_tensor("apart"))
    except (OSError, SafetensorError):
        pass  # absent or torn: measured anew
    return None


def _write(file: Path, question: str, envelope: Envelope) -> Envelope:
    arrays_file.write(
        file, {"true": envelope.true, "apart": envelope.apart}, {"question": question}
    )
    return envelope
