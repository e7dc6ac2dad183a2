"""A worker keeps to the memory that it is given."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.processes import memory
from tests.paths import ROOT

ASKS = """
from bench.processes import memory
memory.hold()
bytearray(2**30)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA holds on Linux")
@pytest.mark.parametrize(("most", "code"), [(None, 0), (2**29, 1)])
def test_what_is_asked_for_beyond_the_bound_is_refused(
    most: int | None, code: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKS],
        cwd=ROOT,
        env={**os.environ, **memory.bound(most)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code
    assert done.stderr.strip().endswith("MemoryError" if code else "")
