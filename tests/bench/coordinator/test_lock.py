"""One process at a time works in a run folder, and a dead one stops nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.coordinator import lock
from bench.processes.machine import ROOT
from models.errors import BadInput

HOLD = """
import sys, time
from pathlib import Path
from bench.coordinator import lock
with lock.held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_holder_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        at_work = "another process is at work on this run"
        with pytest.raises(BadInput, match=at_work), lock.held(tmp_path):
            pytest.fail("both hold it")
        # who is killed lets go of nothing by himself
        holder.kill()
        holder.wait()
        with lock.held(tmp_path):
            pass


def test_the_lock_is_let_go_of_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), lock.held(tmp_path):
        raise KeyboardInterrupt
    with lock.held(tmp_path):
        pass
