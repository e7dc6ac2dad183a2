"""A child that is listened to: how long it may be silent, and what is known of its end."""

from __future__ import annotations

import sys

import pytest

from bench.processes import hearing
from tests.backends.packages import is_alive

LONG = 100.0  # seconds that a busy machine may take to start Python


def heard(program: str, after: float) -> tuple[hearing.Ended, list[str]]:
    """A program's end and its lines, after each of which it may be silent for so long."""
    lines: list[str] = []

    def hear(line: str) -> float:
        lines.append(line.strip())
        return after

    command = [sys.executable, "-c", program]
    return hearing.listen(command, hear, silence=LONG), lines


def test_one_that_is_silent_is_killed_and_says_where_it_was() -> None:
    ended, lines = heard(
        "import time\nfrom bench.processes import ending\nending.tell_where()\n"
        "print('here', flush=True)\ndef stuck(): time.sleep(200)\nstuck()",
        0.1,
    )
    assert (ended.late, ended.code, lines) == (True, -9, ["here"])
    assert ended.where == " in stuck (<string>:5)"


def test_the_call_that_one_was_at_is_known_when_it_has_ended() -> None:
    program = (
        "import os\nfrom bench.processes import calls\ncalls.follow()\n"
        "with calls.at('Mine.before'): pass\n"
        # whatever it closes, it is told
        "with calls.at('Mine.run'): os.closerange(0, 99); os._exit(0)"
    )
    ended, _ = heard(program, LONG)
    assert (ended.code, ended.call) == (0, "Mine.run")


def test_each_line_gives_it_time_anew() -> None:
    # less than a second each, more than one in all
    program = "import time\nfor i in range(8): print(i, flush=True); time.sleep(0.2)"
    ended, lines = heard(program, LONG)
    assert (ended.late, ended.code) == (False, 0)
    assert lines == list("01234567")


def test_one_that_closes_its_pipes_and_goes_on_is_late_too() -> None:
    program = (
        "import os, time\nprint(1, flush=True)\nos.closerange(0, 9)\ntime.sleep(200)"
    )
    ended, _ = heard(program, 0.1)
    assert ended.late


def test_of_what_it_says_without_end_the_end_is_kept() -> None:
    program = "import sys\nsys.stderr.write('a' * 10**6 + 'end')"
    ended, _ = heard(program, LONG)
    assert len(ended.words) == hearing.HEARD
    assert ended.words.endswith("aend")


DAEMON = """
import os, time
if not os.fork():
    os.setsid()
    if not os.fork():
        print(os.getpid(), flush=True)
        time.sleep(30)
    os._exit(0)
os.wait()
"""
SESSION = """
import subprocess
print(subprocess.Popen(['sleep', '30'], start_new_session=True).pid, flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the environments in /proc")
@pytest.mark.parametrize("program", [DAEMON, SESSION])
def test_what_has_left_its_session_ends_with_it(program: str) -> None:
    # a daemon holds the pipe, at which nobody waits
    ended, lines = heard(program, LONG)
    assert ended.code == 0
    assert not is_alive(int(lines[0]))
