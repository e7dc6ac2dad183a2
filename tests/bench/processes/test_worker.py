"""Isolation: whatever a worker does to itself becomes a record, and the next job runs.

The workers here run strange backends of an outside package, found through its entry points.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.config import Config, Model
from bench.coordinator.job import Job
from bench.feasibility import task as feasibility
from bench.processes import child as workers
from bench.processes.machine import ROOT, THREAD_VARIABLES
from bench.processes.worker import Worker
from bench.records import Feasibility, Parity, Record
from tests.bench.processes import strange

NAMES = "(os.environ[name] for name in " + repr(THREAD_VARIABLES) + ")"
# what a backend does instead of loading: lines of a function
STRANGE = {
    "aborts": "os.abort()",
    "exits": """
        sys.stderr.write('giving up: no licence\\n')
        sys.stderr.flush()
        os._exit(7)
    """,
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "vanishes": """
        class Mine(NumpyBackend):
            def devices(self):
                os._exit(0)
        return Mine()
    """,
    # what it has started holds its pipes, and would hold the run
    "leaves": """
        if os.fork() == 0:
            time.sleep(120)
        os.abort()
    """,
    "starved": "raise MemoryError('no room')",
    "greedy": "raise RuntimeError('Failed to allocate memory for requested buffer of size 9')",
    "bursts": """
        import ctypes
        ctypes.string_at(0)
    """,
    "throws": """
        sys.stderr.write("  what():  std::bad_alloc\\n")
        sys.stderr.flush()
        os.abort()
    """,
    "hangs": "time.sleep(120)",
    "stubborn": """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(120)
    """,
    "raises": "raise ArithmeticError('two\\nlines')",
    "misnames": "raise type('Odd\\nName', (Exception,), {})('a\\nb')",
    "ends": "sys.exit(3)",
    # its process would end with neither
    "lingers": """
        import atexit, threading
        threading.Thread(target=time.sleep, args=[120]).start()
        atexit.register(time.sleep, 120)
    """,
    "makes": "return {}",
    "lacks": "raise Unsupported('no such thing here')",
    "tells": f"raise Unsupported(' '.join({NAMES}))",
    "chatty": """
        print('{"record": 1}', flush=True)
        os.write(1, b'noise\\n')
        os.system('echo more noise')
    """,
    # half an answer on every pipe it can find, the one to the parent among them
    "torn": """
        [os.write(fd, b'{"rec') for fd in pipes()]
        os.kill(os.getpid(), signal.SIGKILL)
    """,
    "meets": """
        import types
        sys.modules.update(torch=types.ModuleType('torch'), jax=types.ModuleType('jax'))
    """,
    "babbles": "[os.write(fd, b'stray\\n17\\n') for fd in pipes()]",
}
HIDING = """
import backends, importlib.util, sys
backends.isolate('torch')
assert importlib.util.find_spec('jax') is None
assert importlib.util.find_spec('onnxruntime') is None
assert not {'torch', 'jax'} & sys.modules.keys() and 'numpy' in sys.modules
try:
    import jax
except ModuleNotFoundError:
    print('hidden')
"""
TINY = Model(sizes={"width": 16, "stages": 1})


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that holds an installed package with one backend per kind of misconduct."""
    with strange.known(
        strange.install(tmp_path_factory.mktemp("site"), STRANGE)
    ) as site:
        yield site


@pytest.fixture
def worker(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setenv("PYTHONPATH", str(package))
    worker = Worker(threads=3)
    yield worker
    worker.close()


def job(backend: str, task: str = "feasibility") -> Job:
    config = Config(model={"simple_baseline": TINY}, device="cpu")
    return Job(
        task=task,
        backend=backend,
        model="simple_baseline",
        config=config,
        folder=Path("nowhere"),
    )


def run(worker: Worker, backend: str, *, timeout: float = 60) -> Record:
    return worker.run(job(backend), lambda text, share: None, timeout=timeout)


def assert_alive(worker: Worker) -> None:
    """An honest job gets an honest answer."""
    record = run(worker, "numpy")
    assert record.status == "ok", record.reason
    assert isinstance(record.payload, Feasibility)


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        (
            "aborts",
            "crashed",
            "the worker ended with signal SIGABRT in load (aborts.py:",
        ),
        (
            "bursts",
            "crashed",
            "the worker ended with signal SIGSEGV in string_at (__init__.py:",
        ),
        (
            "throws",
            "out_of_memory",
            "the worker ended with signal SIGABRT in load (throws.py:",
        ),
        (
            "exits",
            "crashed",
            (
                "the worker ended with exit code 7 within load() of backend exits; its last words:"
                " giving up: no licence"
            ),
        ),
        (
            "killed",
            "crashed",
            "the worker was killed by SIGKILL within load() of backend killed, from outside: ",
        ),
        (
            "vanishes",
            "crashed",
            "the worker ended with exit code 0 within Mine.devices, and said nothing",
        ),
        ("leaves", "crashed", "the worker ended with signal SIGABRT in load"),
        (
            "torn",
            "crashed",
            "the worker was killed by SIGKILL within load() of backend torn, from outside: ",
        ),
    ],
)
def test_a_worker_that_dies_leaves_a_record_and_the_next_job_runs(
    worker: Worker, name: str, status: str, reason: str
) -> None:
    record = run(worker, name)
    assert (record.status, record.payload) == (status, None)
    assert record.reason.startswith(reason)
    assert "\n" not in record.reason
    due = ("feasibility", name, "simple_baseline", "cpu")
    assert (record.task, record.backend, record.model, record.device) == due
    assert_alive(worker)


@pytest.mark.parametrize("name", ["hangs", "stubborn"])
def test_a_worker_that_hangs_is_killed_in_time_and_the_next_job_runs(
    worker: Worker, name: str
) -> None:
    assert_alive(worker)  # so that the start of Python is not timed
    started = time.monotonic()
    record = run(worker, name, timeout=0.6)
    assert record.status == "timeout"
    # far from the 120 s that the job would sleep
    assert time.monotonic() - started < 10
    assert re.fullmatch(
        # a busy machine may not have come to the hanging line yet
        r"no result after 0\.6 s in .*; raise it with --set timeout=SECONDS",
        record.reason,
    )
    assert_alive(worker)


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        (
            "raises",
            "failed",
            "load() of backend raises raised ArithmeticError: two lines (raises.py:",
        ),
        ("ends", "failed", "load() of backend ends raised SystemExit: 3 (ends.py:"),
        ("makes", "failed", "load() of backend makes gave dict; a Backend was due"),
        ("lacks", "unsupported", "no such thing here"),
        ("misnames", "failed", "load() of backend misnames raised Odd Name: a b ("),
        ("tells", "unsupported", " ".join("3" for _ in THREAD_VARIABLES)),
        ("unheard", "failed", "unknown backend 'unheard'"),
    ],
)
def test_an_exception_is_the_answer_of_the_same_worker(
    worker: Worker, name: str, status: str, reason: str
) -> None:
    record = run(worker, name)
    assert record.status == status
    assert record.reason.startswith(reason)
    assert record.versions["python"]
    assert record.peak_rss_bytes
    assert record.seconds is not None
    assert_alive(worker)


@pytest.mark.parametrize("name", ["chatty", "babbles"])
def test_what_a_framework_prints_does_not_reach_the_protocol(
    worker: Worker, name: str
) -> None:
    record = run(worker, name)
    assert record.status == "ok"
    assert record.backend == name
    assert isinstance(record.payload, Feasibility)


def test_a_process_that_two_frameworks_shared_gives_no_valid_record(
    worker: Worker,
) -> None:
    record = run(worker, "meets")
    assert record.status == "invalid"
    said = "jax and torch shared this process; a backend imports its own framework only"
    assert record.reason == said


def test_a_worker_cannot_import_the_frameworks_of_other_backends() -> None:
    """TensorFlow imports JAX where it finds it; hidden, it does not find it."""
    done = subprocess.run(
        [sys.executable, "-c", HIDING],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "hidden\n", done.stderr


def test_jobs_share_a_worker_as_long_as_it_lives(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        "bench.processes.worker.subprocess.Popen",
        lambda *args, **rest: started.append(args) or popen(*args, **rest),
    )
    for name in ("numpy", "raises", "numpy"):
        run(worker, name)
    assert len(started) == 1
    run(worker, "killed")
    run(worker, "numpy")
    assert len(started) == 2


def test_a_worker_outlives_the_thread_that_started_it(worker: Worker) -> None:
    processes = []

    def ask() -> None:
        run(worker, "numpy")
        assert worker._process is not None
        processes.append(worker._process.pid)

    # Linux ends a child with the thread that started it, where it was asked to
    for _ in range(2):
        lane = threading.Thread(target=ask)
        lane.start()
        lane.join(120)
    assert len(processes) == 2 and len(set(processes)) == 1


def test_progress_reaches_the_listener(worker: Worker, tmp_path: Path) -> None:
    heard: list[tuple[str, float]] = []
    record = worker.run(
        job("numpy", "parity").model_copy(update={"folder": tmp_path}),
        lambda text, share: heard.append((text, share)),
        timeout=60,
    )
    assert record.status == "ok", record.reason
    assert isinstance(record.payload, Parity)
    assert heard
    for text, share in heard:
        assert isinstance(text, str)
        assert 0 <= share <= 1


def test_closing_ends_the_process_and_may_be_repeated(worker: Worker) -> None:
    worker.close()
    assert_alive(worker)
    process = worker._process
    assert process is not None and process.poll() is None
    worker.close()
    worker.close()
    assert process.poll() == 0, "an idle worker ends by itself"
    assert not os.path.exists(f"/proc/{process.pid}/cmdline")
    assert_alive(worker)


def test_what_a_backend_leaves_running_does_not_hold_up_the_end(worker: Worker) -> None:
    run(worker, "lingers")
    began = time.monotonic()
    worker.close()
    assert time.monotonic() - began < 10, "it has nothing to save"


def test_a_full_device_is_out_of_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a framework raises when its device is full carries these words.

    Its class is the framework's own.
    """

    def full(*_: object) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(feasibility, "run", full)
    job = Job(
        task="feasibility",
        backend="numpy",
        model="motionbert",
        config=Config(),
        folder=tmp_path,
    )
    assert workers._attempt(job, io.StringIO()).status == "out_of_memory"
