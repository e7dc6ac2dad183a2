"""Which noise is looked at, in which small graphs, and by which odds it is judged."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import backends
import models
from backends.base import Settings, Unsupported
from bench.parity.noise import odds, patterns
from bench.parity.noise.patterns import DRAWS, MOST, Pattern
from bench.parity.rungs import noise
from models import dims
from models.builder import Builder
from models.graph import Graph
from models.value import Value, emit
from tests.meta.wrong_noise import Fault, WrongBackend


def graph_of(write: Callable[[Builder], Value]) -> Graph:
    g = Builder("asked")
    g.output("y", write(g))
    return g.finish()


def found(write: Callable[[Builder], Value]) -> list[Pattern]:
    return patterns.found(graph_of(write))


def draws(pattern: Pattern) -> int:
    return math.prod(dims.bind(pattern.noise.type.shape, pattern.lengths))


def climbed(graph: Graph, backend: Any) -> list[Any]:
    return [judged.check for judged in climb(graph, backend)]


def climb(graph: Graph, backend: Any) -> Any:
    return noise.climb(trial_of(graph, backend), lambda *heard: None)


def trial_of(graph: Graph, backend: Any) -> Any:
    # all that the rung asks of a trial
    return SimpleNamespace(
        spec=SimpleNamespace(train=graph),
        backend=backend,
        settings=Settings(),
        seed=0,
        left_out={},
    )


def drawing() -> Any:
    """NumPy, with noise drawn for it as is due."""
    return WrongBackend(backends.load("numpy"), Fault())


def test_each_kind_of_noise_of_a_model_is_looked_at_once() -> None:
    graph = models.build("simple_baseline", preset="paper").train
    [pattern] = patterns.found(graph)
    assert len(graph.noise) > 1
    assert (pattern.name, pattern.op, pattern.rate) == ("w1.mask", "dropout", 0.5)
    [first, *_] = [node for node in graph.nodes if node.op == "dropout"]
    assert pattern.where == first.where


def test_rates_ranks_and_shared_axes_are_kinds_of_their_own() -> None:
    def write(g: Builder) -> Value:
        x = g.input("x", ("batch", 7, 5))
        for rate in (0.1, 0.2, 0.1):
            x = x.dropout(rate=rate, name="element")
            x = x.drop_path(rate=rate, name="path")
        return x.reshape((-1, 5)).dropout(rate=0.1, name="flat")

    kinds = [(one.rate, one.shared, len(one.bound)) for one in found(write)]
    element, path = (), (1, 2)
    assert kinds == [
        (0.1, element, 3),
        (0.1, path, 3),
        (0.2, element, 3),
        (0.2, path, 3),
        (0.1, element, 2),
    ]


def test_a_model_without_noise_is_asked_nothing() -> None:
    graph = models.build("motionbert", preset="tiny").train
    assert climbed(graph, drawing()) == []


def test_numpy_which_draws_none_is_asked_nothing() -> None:
    graph = models.build("simple_baseline", preset="tiny").train
    assert climbed(graph, backends.load("numpy")) == []


def open_batch(g: Builder) -> Value:
    return g.input("x", ("batch", 16)).dropout(rate=0.5, name="d")


def products(g: Builder) -> Value:
    """As frames folded into the batch."""
    x = g.input("x", ("batch", "frames", 17, 4))
    folded = x.reshape((x.shape[0] * x.shape[1] * 17, 4))
    return folded.drop_path(rate=0.1, name="d")


def differences(g: Builder) -> Value:
    """As frames that a convolution takes away."""
    x = g.input("x", ("batch", "frames - 26", 3))
    g.input("all", ("batch", "frames"))
    return x.dropout(rate=0.1, name="d")


def fixed(g: Builder) -> Value:
    return g.input("x", (3, 16)).dropout(rate=0.1, name="d")


def fixed_mask(g: Builder) -> Value:
    """One draw for each channel, of a rank below that of what it meets."""
    x = g.input("x", ("batch", 16))
    mask = g.noise("mask", (16,), kind="bernoulli", number=0.9)
    return emit("dropout", x, mask, rate=0.1)


def spatial(g: Builder) -> Value:
    """One draw for each channel of each sample."""
    x = g.input("x", ("batch", 16, 9))
    mask = g.noise("mask", (x.shape[0], 16, 1), kind="bernoulli", number=0.9)
    return emit("dropout", x, mask, rate=0.1)


def plain_mask(g: Builder) -> Value:
    """A mask that no dropout reads."""
    x = g.input("x", ("batch", 16))
    return x + g.noise("mask", x.shape, kind="bernoulli", number=0.9)


@pytest.mark.parametrize(
    "write",
    [open_batch, products, differences, fixed, fixed_mask, spatial, plain_mask],
)
def test_every_form_of_noise_gives_draws_enough_and_holds(
    write: Callable[[Builder], Value],
) -> None:
    [pattern] = found(write)
    assert DRAWS <= draws(pattern) < 4 * DRAWS
    assert math.prod(pattern.bound) < 10 * DRAWS, "cheap"
    checks = climbed(graph_of(write), drawing())
    assert len(checks) > 15
    assert [check for check in checks if not check.ok] == []


def test_open_axes_stay_open_where_a_program_is_called() -> None:
    [pattern] = found(products)
    graph = patterns.forward([pattern])
    [one, other] = graph.noise.values()
    assert one == other, "two that must differ"
    assert str(one.type.shape[0]) == "17*batch_0*frames_0"
    fixed = patterns.training([pattern])
    assert {node.where for node in fixed.nodes if node.op == "dropout"} == {
        pattern.where
    }


def test_one_draw_for_a_whole_call_is_judged_by_what_there_is() -> None:
    def write(g: Builder) -> Value:
        x = g.input("x", (1, 16))
        return x.drop_path(rate=0.5, name="d")

    [pattern] = found(write)
    assert draws(pattern) == 1
    checks = climbed(graph_of(write), drawing())
    assert [check for check in checks if not check.ok] == []


def test_a_number_is_noise_too() -> None:
    def write(g: Builder) -> Value:
        x = g.input("x", ("batch", 4))
        return x * g.noise("scale", (), kind="bernoulli", number=0.5)

    checks = climbed(graph_of(write), drawing())
    assert checks
    assert [check for check in checks if not check.ok] == []


def test_of_what_is_rare_more_is_drawn() -> None:
    def write(g: Builder) -> Value:
        return g.input("x", ("batch", 16)).dropout(rate=0.01, name="d")

    [pattern] = found(write)
    assert DRAWS < 50_000 <= draws(pattern) <= 2 * MOST


class Untrained(WrongBackend):
    """Draws noise, and does not train."""

    def trainer(self, *asked: Any) -> Any:
        raise Unsupported("no training here")


class Broken(WrongBackend):
    """Falls over where it is to train."""

    def trainer(self, *asked: Any) -> Any:
        raise RuntimeError("no generator")


def test_a_backend_that_does_not_train_is_asked_the_rest() -> None:
    inner = backends.load("numpy")
    trial = trial_of(graph_of(open_batch), Untrained(inner, Fault()))
    found = list(noise.climb(trial, lambda *heard: None))
    assert found
    assert all(judged.check.name.endswith("program") for judged in found)
    assert trial.left_out == {"noise in training": "no training here"}


def test_a_backend_that_raises_keeps_what_was_found() -> None:
    broken = Broken(backends.load("numpy"), Fault())
    kept = []
    with pytest.raises(RuntimeError, match="no generator"):
        for judged in climb(graph_of(open_batch), broken):
            kept.append(judged)
    assert kept


@given(st.integers(1, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_shares_are_judged_by_scipys_exact_interval(
    tries: int, share: float, due: float
) -> None:
    hits = round(share * tries)
    level = 1 - odds.ALPHA
    low, high = stats.binomtest(hits, tries).proportion_ci(level, "exact")
    came = odds.share(np.array(hits), tries, due)
    assert came.error == pytest.approx(abs(hits / tries - due))
    # clear of the ends, where the last digits decide
    if not (math.isclose(low, due, rel_tol=1e-6) or math.isclose(high, due)):
        assert (came.error <= came.bound) == (low <= due <= high)


def test_the_worst_of_several_shares_is_given() -> None:
    hits = np.array([50, 100, 52])
    assert odds.share(hits, np.array([100, 100, 100]), 0.5).error == 0.5


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_the_laws_are_scipys(kind: str) -> None:
    law = odds.law(kind, 3.0)
    theirs = {"normal": stats.norm(0, 3), "uniform": stats.uniform(0, 3)}[kind]
    mean, variance, excess = (float(x) for x in theirs.stats("mvk"))
    assert (law.mean, law.deviation) == pytest.approx((mean, variance**0.5))
    assert law.kurtosis == pytest.approx(3 + excess)
    sample = np.linspace(-4, 4, 9)
    assert law.below(sample) == pytest.approx(theirs.cdf(sample))
    drawn = theirs.rvs(2000, random_state=0)
    came = odds.distance(drawn, law)
    assert came.error == pytest.approx(stats.kstest(drawn, theirs.cdf).statistic)
    # of 20,000 numbers the law of large ones holds to a few digits
    bound = odds.distance(np.resize(drawn, 20_000), law).bound
    assert bound == pytest.approx(stats.kstwo.isf(odds.ALPHA, 20_000), rel=0.01)


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_moments_are_judged_in_standard_errors(kind: str) -> None:
    law = odds.law(kind, 2.0)
    rng = np.random.default_rng(0)
    shape = (500, 10_000)
    drawn = rng.normal(0, 2, shape) if kind == "normal" else rng.uniform(0, 2, shape)
    for statistic in (odds.mean, odds.spread):
        found = [statistic(row, law) for row in drawn]
        errors = np.array([one.error for one in found]) / found[0].bound
        # the mean size of a standard normal number
        assert errors.mean() * odds.Z == pytest.approx((2 / math.pi) ** 0.5, rel=0.1)
        assert errors.max() < 1
