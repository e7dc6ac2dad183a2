"""What is said of a process that ended: signal, place, last words, and whether it was memory."""

from __future__ import annotations

import signal

import pytest

from bench.processes import ending
from bench.processes.machine import ROOT

# as faulthandler writes it, another thread first
CRASH = f"""a warning
terminate called after throwing an instance of 'std::runtime_error'
Fatal Python error: Aborted

Thread 0x00007f01 (most recent call first):
  File "/usr/lib/python3/threading.py", line 355 in wait

Current thread 0x00007f02 (most recent call first):
  File "/site-packages/torch/nn/functional.py", line 2345 in linear
  File "/site-packages/torch/nn/modules/module.py", line 17 in forward
  File "{ROOT}/backends/torch/program.py", line 74 in run
  File "{ROOT}/bench/parity/task.py", line 12 in climb

Extension modules: numpy, torch (total: 2)
"""
SAID = "terminate called after throwing an instance of 'std::runtime_error'"


def cause(code: int, words: str = "", starved: bool | None = None) -> tuple[str, str]:
    return ending.cause(code, words, late=None, starved=starved)


def test_a_crash_says_where_python_was_and_who_called() -> None:
    status, reason = cause(-signal.SIGABRT, CRASH)
    assert status == "crashed"
    assert reason == (
        "the worker ended with signal SIGABRT in linear (functional.py:2345), called from"
        f" run (backends/torch/program.py:74); its last words: {SAID}"
    )


def test_the_call_is_named_and_not_who_watched_it() -> None:
    watching = f'  File "{ROOT}/bench/processes/contract.py", line 9 in <lambda>\n'
    stack = f'{ending.ASKED}\n  File "/mine/backend.py", line 48 in put\n{watching}'
    whole = f'{stack}  File "{ROOT}/bench/parity/task.py", line 12 in climb\n'
    due = " in put (backend.py:48), called from climb (bench/parity/task.py:12) within A.put"
    assert ending.where(whole, "A.put") == due


def test_of_one_that_said_nothing_the_call_is_known() -> None:
    due = "the worker ended with exit code 0 within Mine.step, and said nothing"
    found = ending.cause(0, "", late=None, starved=None, call="Mine.step")
    assert found == ("crashed", due)


def test_a_crash_outside_of_python_has_no_place() -> None:
    words = "Fatal Python error: Bus error\n\nCurrent thread 0x1 (most recent call first):\n"
    due = "the worker ended with signal SIGBUS, and said nothing"
    assert cause(-signal.SIGBUS, f"{words}  <no Python frame>\n") == ("crashed", due)


@pytest.mark.parametrize(
    "words",
    [
        "MemoryError: no room",
        "terminate called\n  what():  std::bad_alloc\nFatal Python error: Aborted",
        "memory allocation of 4096 bytes failed",
    ],
)
def test_memory_is_known_by_the_last_words(words: str) -> None:
    status, reason = cause(1, words)
    assert status == "out_of_memory"
    assert reason.startswith("the worker ended with exit code 1; its last words: ")
    assert reason.endswith("; lower the batch or the model's sizes")


def test_but_not_by_what_was_said_long_before() -> None:
    assert cause(1, "ran out of memory, going on\nno licence")[0] == "crashed"


@pytest.mark.parametrize(
    ("starved", "status", "said"),
    [
        (True, "out_of_memory", "the kernel killed for want of memory meanwhile"),
        (False, "crashed", "the kernel counts no kill for want of memory"),
        (None, "crashed", "whether for want of memory, this system does not say"),
    ],
)
def test_of_sigkill_only_what_is_known_is_said(
    starved: bool | None, status: str, said: str
) -> None:
    found, reason = cause(-signal.SIGKILL, "MemoryError", starved)
    assert found == status
    assert said in reason


def test_a_signal_without_a_name_is_told_by_its_number() -> None:
    assert cause(-40, "", None) == (
        "crashed",
        "the worker ended with signal 40, and said nothing",
    )
