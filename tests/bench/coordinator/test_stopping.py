"""Ctrl-C always ends: workers that do not answer are killed, and none outlives its coordinator."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.config import Config, Model
from bench.coordinator.crew import Crew
from bench.coordinator.job import Job
from bench.processes.machine import ROOT
from bench.records import Record
from tests.bench.coordinator.small_runs import quiet
from tests.bench.processes import strange

# who is there, for the test to wait for
HERE = "open(f\"{os.environ['SEEN']}/{os.getpid()}\", 'w').close()\n"
DEEDS = {
    # neither Python nor a signal handler has a word in it
    "busy": HERE + "import collections, itertools\n"
    "collections.deque(itertools.repeat(0), maxlen=0)",
    "stopped": HERE + "os.kill(os.getpid(), signal.SIGSTOP)",
    "deaf": "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + HERE + "time.sleep(99)",
    # what it has started would outlive it
    "parent": "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "child = os.fork()\n" + HERE + "time.sleep(99)",
}
ENDS = 10.0  # seconds: far below what the workers sleep
Seen = Path


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with strange.known(strange.install(tmp_path_factory.mktemp("site"), DEEDS)) as site:
        yield site


@pytest.fixture
def seen(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """A folder in which each process of a strange backend leaves its number."""
    folder = tmp_path / "seen"
    folder.mkdir()
    monkeypatch.setenv("SEEN", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(package))
    return folder


def appeared(seen: Seen, count: int) -> list[int]:
    """The processes, when so many are there."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if len(found := list(seen.iterdir())) >= count:
            return [int(path.name) for path in found]
        time.sleep(0.02)
    raise AssertionError(f"{count} processes were due within a minute")


def alive(process: int) -> bool:
    """Whether it runs; one that has ended and that nobody has asked about does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def eventually(true: Callable[[], bool]) -> None:
    """What is not true at once, but soon."""
    end = time.monotonic() + ENDS
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    assert true()


def assert_gone(processes: list[int]) -> None:
    eventually(lambda: not any(map(alive, processes)))


def jobs(*backends: str) -> list[list[Job]]:
    """A job for each backend."""
    config = Config(model={"simple_baseline": Model()}, device="cpu")
    return [
        [
            Job(
                task="feasibility",
                backend=backend,
                model="simple_baseline",
                config=config,
                folder=Path("nowhere"),
            )
        ]
        for backend in backends
    ]


class Interrupting(threading.Thread):
    """Presses Ctrl-C as soon as so many processes are there, and again a while later."""

    def __init__(self, seen: Seen, count: int, *, again: float | None) -> None:
        super().__init__(daemon=True)
        self.seen, self.count, self.again = seen, count, again
        self.processes: list[int] = []
        self.pressed = 0.0

    def run(self) -> None:
        self.processes = appeared(self.seen, self.count)
        self.pressed = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)
        if self.again is not None:
            time.sleep(self.again)
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def own_ctrl_c() -> Iterator[None]:
    """A shell that starts pytest in the background lets it ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def stopped(
    seen: Seen, *backends: str, count: int, grace: float, again: float | None = None
) -> float:
    """Seconds from Ctrl-C to the end of workers on these backends."""
    kept: list[Record] = []
    crew = Crew(Config(threads=1), quiet, kept.append, grace=grace)
    pressing = Interrupting(seen, count, again=again)
    before = threading.active_count()
    pressing.start()
    with pytest.raises(KeyboardInterrupt):
        crew.serve(jobs(*backends), at_once=len(backends))
    took = time.monotonic() - pressing.pressed
    pressing.join()
    assert kept == [], "a job that was cut short found nothing"
    eventually(lambda: threading.active_count() == before)
    assert_gone(pressing.processes)
    return took


@pytest.mark.parametrize("name", ["busy", "stopped", "deaf"])
def test_a_worker_that_does_not_answer_is_killed_after_its_grace(
    name: str, seen: Seen, own_ctrl_c: None
) -> None:
    took = stopped(seen, name, count=1, grace=0.3)
    assert 0.3 <= took < ENDS


def test_several_workers_are_ended_and_what_they_have_started(
    seen: Seen, own_ctrl_c: None
) -> None:
    assert stopped(seen, "deaf", "parent", count=3, grace=0.3) < ENDS


def test_the_second_time_nothing_is_waited_for(seen: Seen, own_ctrl_c: None) -> None:
    assert stopped(seen, "deaf", count=1, grace=60, again=0.3) < ENDS


def test_ctrl_c_while_a_worker_is_being_started_reaches_it(
    seen: Seen, own_ctrl_c: None
) -> None:
    crew = Crew(Config(threads=1), quiet, quiet, grace=60)
    threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        # it sleeps, and does not hear when it is asked later
        crew.serve(jobs("deaf"), at_once=1)
    assert time.monotonic() - started < ENDS


COORDINATOR = """
from tests.bench.coordinator.test_stopping import jobs, quiet
from bench.config import Config
from bench.coordinator.crew import Crew
Crew(Config(threads=1), quiet, quiet, grace=0.2).serve(jobs(*{names}), at_once=2)
"""


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name
)
def test_no_worker_outlives_its_coordinator(number: signal.Signals, seen: Seen) -> None:
    names = ("busy", "stopped")
    path = os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])
    coordinator = subprocess.Popen(
        [sys.executable, "-c", COORDINATOR.format(names=names)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    processes = appeared(seen, 2)
    coordinator.send_signal(number)
    coordinator.wait(timeout=ENDS)
    assert_gone(processes)
