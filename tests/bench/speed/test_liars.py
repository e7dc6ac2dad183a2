"""Programs that lie, and one that does not: each is timed as a run times it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backends.base import Program, Settings
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from bench.coordinator.job import Finding
from bench.records import Throughput
from bench.speed.asked import Asked
from bench.speed.detectors import caching, waiting
from tests.bench.speed import timing_here
from tests.bench.speed.test_detectors import TRUE

Run = Callable[[Any], dict[str, Any]]


def memo(run: Run) -> Run:
    """Keeps each answer by the very inputs."""
    kept: dict[int, tuple[Any, dict[str, Any]]] = {}

    def answer(feeds: Any) -> dict[str, Any]:
        if id(feeds) not in kept:
            # with the inputs, or others might get their number
            kept[id(feeds)] = feeds, run(feeds)
        return kept[id(feeds)][1]

    return answer


def lazy(run: Run) -> Run:
    """Computes where somebody reads."""

    def answer(feeds: Any) -> dict[str, Any]:
        return {"pose": lambda: run(feeds)["pose"]}

    return answer


def behind(run: Run) -> Run:
    """Computes in a thread that nobody waits for."""

    def answer(feeds: Any) -> dict[str, Any]:
        done: dict[str, Any] = {}
        thread = threading.Thread(target=lambda: done.update(run(feeds)))
        thread.start()

        def read() -> Any:
            thread.join()
            return done["pose"]

        return {"pose": read}

    return answer


def ends(run: Run) -> Run:
    """Computes the first and the last of a batch, and copies the first to the others."""

    def answer(feeds: Any) -> dict[str, Any]:
        some = {name: array[[0, -1]] for name, array in feeds.items()}
        pose = run(some)["pose"]
        whole = np.repeat(pose[:1], len(feeds["keypoints"]), axis=0)
        whole[-1] = pose[-1]
        return {"pose": whole}

    return answer


class Liar(NumpyBackend):
    def __init__(self, lie: Callable[[Run], Run]) -> None:
        self.lie = lie

    def program(self, graph: Any, settings: Settings) -> Program:
        program = NumpyProgram(graph, settings)
        program.run = self.lie(program.run)  # type: ignore[method-assign]
        plain = program.numpy

        def read(came: Any) -> Any:
            return plain(came() if callable(came) else came)

        program.numpy = read  # type: ignore[method-assign]
        return program


def timed(lie: Callable[[Run], Run]) -> Finding:
    sizes = {"width": 512, "dropout": 0.0}
    how = {"batches": [256], "train": False, "seconds": 0.002, "latency": 10}
    return timing_here.timed(Liar(lie), sizes, **how)


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (memo, "answers are kept"),
        (lazy, "the work is done later"),
        # what a busy thread takes of the calls behind it may show first
        (behind, ""),
        (ends, "outputs of the timed calls are off"),
    ],
)
def test_what_lies_has_no_number(lie: Callable[[Run], Run], said: str) -> None:
    found = timed(lie)
    assert (found.status, said in found.reason) == ("invalid", True), found.reason
    assert isinstance(found.payload, Throughput)
    assert found.payload.timings[0].seconds is None


def test_what_does_not_lie_has_one() -> None:
    found = timed(lambda run: run)
    assert isinstance(found.payload, Throughput)
    assert found.payload.timings[0].lies == ()


@pytest.mark.parametrize(
    ("asked", "kept", "later"),
    [
        (Asked(known=1.0, fresh=1.5, read=2.0), False, False),
        (Asked(known=1.0, fresh=3.1, read=3.2), True, False),
        (Asked(known=1.0, fresh=1.0, read=3.2), False, True),
        # so many bytes take their time
        (Asked(known=1.0, fresh=1.0, read=3.2, bytes=10**9), False, False),
    ],
)
def test_what_is_too_late_and_what_too_early(
    asked: Asked, kept: bool, later: bool
) -> None:
    from dataclasses import replace

    evidence = replace(TRUE, asked=asked)
    assert (bool(caching.found(evidence)), bool(waiting.found(evidence))) == (
        kept,
        later,
    )
