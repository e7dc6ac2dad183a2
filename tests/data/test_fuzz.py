"""Two thousand files made wrong: each is read or refused in one line.

In time and within bounds; nothing else ever comes of it.
"""

from __future__ import annotations

import faulthandler
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from bench import data
from bench.__main__ import main
from bench.data import reprojection
from bench.data.stats import statistics
from models.errors import BadInput
from tests.data.data_files import BUILDERS, RIG
from tests.data.mutations import mutate

FILES = 2000
SECONDS = 5.0
MEMORY = 500_000_000  # bytes, and ten times the file's size
COMMAND = 40  # every so many files go through the command line as well


class Hang(BaseException):
    """The time is up. Not an Exception, so that no reader catches it."""


@contextmanager
def bounded(*, seconds: float, memory: int) -> Iterator[None]:
    """Hang after so many seconds, MemoryError above so much more memory than is in use now.

    Memory is address space, which a reader takes before it touches it.
    """

    def ring(number: int, frame: object) -> None:
        raise Hang(f"not done after {seconds} s")

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, ring)
    # for a hang outside Python, which hears no signal
    faulthandler.dump_traceback_later(10 * seconds, exit=True, file=sys.__stderr__)
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def fault(
    read: Callable[[], object], *, size: int, seconds: float = SECONDS
) -> tuple[bool, str]:
    """Whether a file was read, and what is wrong with how it was refused.

    Nothing, if it was in one line, in time and within bounds.
    """
    started = time.perf_counter()
    try:
        with bounded(seconds=seconds, memory=MEMORY + 10 * size):
            read()
    except BadInput as error:
        if ran_out(error):
            return False, f"ran out of memory, and called it: {error}"
        text = str(error)
        return False, (
            ""
            if text.isprintable() and len(text) < 1000
            else f"not one short line: {text[:300]!r}"
        )
    except (Exception, Hang, SystemExit) as error:
        return False, f"{type(error).__name__}: {str(error)[:200]}"
    took = time.perf_counter() - started
    return True, "" if took < seconds else f"took {took:.1f} s"


def ran_out(error: BaseException | None) -> bool:
    """Whether a MemoryError lies behind an error.

    The bound was met, whatever the reader called it.
    """
    return isinstance(error, MemoryError) or (
        error is not None and ran_out(error.__context__)
    )


def reader(source: str) -> Callable[[], object]:
    """Load a source by its module, as `bench.data.load` does, and look at every number.

    Under the synthetic protocol's cameras.
    """
    kind, _, location = source.partition(":")
    load = data.module(kind).load

    def read() -> object:
        clips = load(location, rig=RIG)
        reprojection.check(clips, source)
        return statistics(clips)

    return read


@pytest.mark.parametrize("name", BUILDERS)
def test_a_valid_file_is_read(name: str, tmp_path: Path) -> None:
    assert reader(BUILDERS[name](tmp_path))()


@pytest.mark.parametrize("name", BUILDERS)
def test_wrong_files_are_refused_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    source = BUILDERS[name](folder)
    read = reader(source)
    good = {
        path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    # unharmed, so that what is imported late is in memory before the bound is set
    read()
    draw = random.Random(name)
    faults, outcomes = [], {True: 0, False: 0}
    for number in range(-(-FILES // len(BUILDERS))):
        path = draw.choice(list(good))
        rule, content = mutate(path.name, good[path], draw)
        path.write_bytes(content)
        was_read, wrong = fault(read, size=len(content))
        outcomes[was_read] += 1
        if wrong:
            faults.append(f"{number} {path.name} {rule}: {wrong}")
        elif number % COMMAND == 0:
            faults += said(source, was_read, capsys)
        path.write_bytes(good[path])  # one fault at a time
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(
        good
    ), "nothing else was written"
    shutil.rmtree(folder)  # pytest keeps folders, and bombs are large
    assert not faults, f"{len(faults)} of {sum(outcomes.values())}:\n" + "\n".join(
        faults[:20]
    )
    # Not all: a bit more or less in a coordinate makes no file wrong.
    assert outcomes[False] > sum(outcomes.values()) / 4, "most damage is seen"
    with capsys.disabled():
        print(f" {name}: {outcomes[False]} refused, {outcomes[True]} read")


def said(source: str, was_read: bool, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the command line does wrong with the file, if anything.

    Exit code 2 and one line were due for what is refused.
    """
    capsys.readouterr()  # what was said before is not this file's
    code = main(("data", "stats", source, "--json"))
    err = capsys.readouterr().err
    fine = (code == 0 and not err) if was_read else (code == 2 and err.count("\n") == 1)
    return [] if fine else [f"command line: exit code {code}, {err[:300]!r}"]


def greedy() -> None:
    np.ones(MEMORY)


def modest_about_it() -> None:
    try:
        greedy()
    except MemoryError:
        raise BadInput("too large") from None


# An examination that cannot fail examines nothing: each of its complaints is provoked here.
@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        (lambda: {}["key"], "KeyError: 'key'"),
        (lambda: time.sleep(5), "Hang: not done after 0.2 s"),
        (greedy, "MemoryError"),
        (modest_about_it, "ran out of memory, and called it: too large"),
        (lambda: exec("raise SystemExit('x')"), "SystemExit: x"),
        (
            lambda: exec("raise BadInput('a' * 2000)", {"BadInput": BadInput}),
            "not one short line",
        ),
    ],
)
def test_the_examination_finds_faults(read: Callable[[], object], wrong: str) -> None:
    assert fault(read, size=0, seconds=0.2)[1].startswith(wrong)
