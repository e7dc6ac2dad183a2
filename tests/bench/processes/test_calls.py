"""The call of a backend that a process is at, as its parent reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from bench.processes import calls, contract
from bench.processes.contract import Watch
from bench.speed import timing
from models import Builder
from models.graph import Graph


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[calls.Kept]:
    """The parent's side, of this same process."""
    parent = calls.Kept()
    monkeypatch.setattr(calls, "_page", calls._Page())
    monkeypatch.setenv(calls.KEPT, str(os.dup(parent.number)))
    calls.follow()
    yield parent
    parent.close()


class Asked(NumpyProgram):
    """Says what the parent would read while it runs."""

    read: Any = None
    seen = ""

    def run(self, feeds: Any) -> Any:
        self.seen = self.read()
        return super().run(feeds)


class Mine(NumpyBackend):
    """Whose programs these are."""

    def program(self, graph: Graph, settings: Settings) -> Asked:
        return Asked(graph, settings)


def made() -> Any:
    g = Builder("one")
    g.output("y", g.input("x", (2,)) + 1.0)
    return contract.watched(Mine(), Watch()).program(g.finish(), Settings())


def test_a_watched_call_is_kept_while_it_lasts(kept: calls.Kept) -> None:
    program = made()
    inner = contract.bare(program)
    inner.read = kept.name
    program({"x": np.zeros(2, np.float32)})
    assert inner.seen == "Asked.run"
    assert kept.name() == ""


def test_what_raises_is_over_too(kept: calls.Kept) -> None:
    program = made()
    with pytest.raises(TypeError):
        program.run(3)
    assert kept.name() == ""


def test_the_innermost_call_is_told_and_then_the_one_around_it(
    kept: calls.Kept,
) -> None:
    with calls.at("Mine.export"):
        with calls.at("Mine.run"):
            assert kept.name() == "Mine.run"
        assert kept.name() == "Mine.export"


def test_what_is_timed_is_watched_by_nobody_and_told_all_the_same(
    kept: calls.Kept,
) -> None:
    seen: list[str] = []
    contender = timing.Contender(
        "forward 2", lambda: seen.append(kept.name()), lambda: None, "Mine.run"
    )
    timing.once(contender, 2, iter((1.0, 2.0)).__next__)
    assert seen == ["Mine.run"] * 2


def test_one_that_is_told_to_end_was_at_the_call_that_it_unwinds(
    kept: calls.Kept,
) -> None:
    with calls.at("Mine.run"):
        calls.stay()
    assert kept.name() == "Mine.run"


def test_of_a_long_name_the_beginning_is_kept(kept: calls.Kept) -> None:
    with calls.at("ä" * 300):
        assert kept.name() == "ä" * 64


def test_nobody_asks_where_a_child_is_run_by_hand() -> None:
    calls.follow()
    with calls.at("Mine.run"):
        pass
