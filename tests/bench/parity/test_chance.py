"""The envelope of A/A runs.

What chance allows at each step, and that it is measured once for all backends.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.parity import chance
from bench.parity.chance import AA_RUNS, WIDTH, Envelope

TRUE = np.array([4.0, 3.0, 2.0, 1.0])


def run(precision: str, nudge: int, steps: int) -> np.ndarray:
    """Float32 strays by a little, disturbance n by n times as much in the last step.

    Whatever the steps.
    """
    if precision == "fp64":
        return TRUE
    return TRUE + 1e-6 * np.arange(4) + 1e-4 * nudge * np.array([0, 0, 0, 1])


def test_the_widest_of_all_runs_counts_at_each_step() -> None:
    found = chance.measured(run, 1)
    np.testing.assert_array_equal(found.true, TRUE)
    np.testing.assert_allclose(
        found.apart, [0, 1e-6, 2e-6, 3e-6 + 1e-4 * max(AA_RUNS)], rtol=1e-6
    )


def test_a_parting_counts_from_half_its_step_on_and_later_ones_do_not_shrink_it() -> (
    None
):
    apart = np.zeros(40)
    apart[20] = 1.0
    allowed = Envelope(np.ones(40), apart).allowed(18)
    assert len(allowed) == 18
    # step 8 looks ahead to 2 * 8 + 4
    assert not allowed[:8].any()
    assert (allowed[8:] == WIDTH).all()


def test_the_runs_go_far_enough_ahead_for_the_last_step() -> None:
    asked: list[int] = []

    def counted(precision: str, nudge: int, steps: int) -> np.ndarray:
        asked.append(steps)
        return np.zeros(steps)

    # a step that is not there would be an error of the index
    chance.measured(counted, 10).allowed(10)
    assert set(asked) == {24}


def test_it_is_measured_once_for_a_question(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []

    def counted(precision: str, nudge: int, steps: int) -> np.ndarray:
        asked.append((precision, nudge))
        return run(precision, nudge, steps)

    file = tmp_path / "traces" / "oracle-m.safetensors"
    first = chance.kept(file, "seed 0", counted, 1)
    again = chance.kept(file, "seed 0", counted, 1)
    np.testing.assert_array_equal(first.apart, again.apart)
    assert len(asked) == 1 + len(AA_RUNS)
    chance.kept(file, "seed 1", counted, 1)
    file.write_bytes(b"torn")
    chance.kept(file, "seed 1", counted, 1)
    assert len(asked) == 3 * (1 + len(AA_RUNS)), (
        "another question, and a torn file, are measured anew"
    )
    assert [path.name for path in file.parent.iterdir()] == [file.name]
