"""The rung that looks at drawn noise is tested: noise drawn wrongly fails it, at its own line.

An honest backend holds, whatever the seed.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Backend, Settings
from bench import config as configs
from bench.coordinator.job import Job
from bench.parity import task as parity
from bench.parity.rungs import noise
from bench.processes.machine import ROOT
from bench.records import Check, Parity
from models.builder import Builder
from models.graph import Graph, Noise
from tests.meta.wrong_noise import (
    NEVER_TWICE,
    Fault,
    Rng,
    Shape,
    WrongBackend,
    honest,
)

HIGH = 2.0  # of the uniform noise


def noisy() -> Graph:
    """All that a model may draw, each on a line of its own."""
    g = Builder("noisy")
    x = g.input("x", ("batch", 3, 50))
    x = x.dropout(rate=0.1, name="element")
    x = x.drop_path(rate=0.2, name="path")
    x = x + g.noise("normal", x.shape, kind="normal", number=0.5)
    x = x * g.noise("uniform", x.shape, kind="uniform", number=HIGH)
    w = g.param("w", (), init=("ones", 0.0))
    g.output("loss", (x * w).sum(axis=(0, 1, 2), keepdims=False))
    return g.finish()


NOISY = noisy()
# name of the noise -> op and line of the node that reads it
LINES = {
    name.removesuffix(".mask"): (node.op, node.where)
    for node in NOISY.nodes
    for name in node.values()
    if name in NOISY.noise
}


def is_path(noise: Noise) -> bool:
    return noise.kind == "bernoulli" and noise.type.shape[1:] == (1, 1)


def is_element(noise: Noise) -> bool:
    return noise.kind == "bernoulli" and not is_path(noise)


HITS = {
    "element": is_element,
    "path": is_path,
    "normal": lambda noise: noise.kind == "normal",
    "uniform": lambda noise: noise.kind == "uniform",
}


def as_drawn(change: Any) -> Any:
    """A draw that is honest but for a change of what has come."""
    return lambda rng, noise, shape: change(honest(rng, noise, shape), noise)


def with_number(change: Any) -> Any:
    """A draw that is honest but for the number that is asked for."""

    def draw(rng: Rng, noise: Noise, shape: Shape) -> np.ndarray:
        return honest(rng, Noise(noise.type, noise.kind, change(noise.number)), shape)

    return draw


def one_for_all(axis: int) -> Any:
    """A draw of one entry along an axis, which the others repeat."""

    def draw(rng: Rng, noise: Noise, shape: Shape) -> np.ndarray:
        short = tuple(1 if i == axis else length for i, length in enumerate(shape))
        return np.broadcast_to(honest(rng, noise, short), shape)

    return draw


def tiled(rng: Rng, noise: Noise, shape: Shape) -> np.ndarray:
    """A few draws, again and again."""
    few = honest(rng, noise, (512,))
    return np.resize(few, shape)


def uniform_for_normal(rng: Rng, noise: Noise, shape: Shape) -> np.ndarray:
    half = noise.number * 3**0.5  # the same mean and deviation
    return rng.uniform(-half, half, shape).astype(np.float32)


def normal_for_uniform(rng: Rng, noise: Noise, shape: Shape) -> np.ndarray:
    drawn = rng.normal(noise.number / 2, noise.number / 12**0.5, shape)
    return np.clip(drawn, 0, noise.number).astype(np.float32)


def cut_off(rng: Rng, noise: Noise, shape: Shape) -> np.ndarray:
    """Normal numbers of at most two deviations, which is what `trunc_normal` gives."""
    drawn = rng.normal(0, 1, shape)
    while (far := np.abs(drawn) > 2).any():
        drawn[far] = rng.normal(0, 1, int(far.sum()))
    return (drawn * noise.number).astype(np.float32)


def as_many_in_each_row(rng: Rng, noise: Noise, shape: Shape) -> np.ndarray:
    """Rows differ, but in nothing that can be counted."""
    rank = rng.random(shape).argsort(axis=-1).argsort(axis=-1)
    return (rank < round(noise.number * shape[-1])).astype(np.float32)


def in_pairs(rng: Rng, noise: Noise, shape: Shape) -> np.ndarray:
    """Neighbours of a row fall together."""
    half = honest(rng, noise, (*shape[:-1], shape[-1] // 2))
    return np.repeat(half, 2, axis=-1)


def spared(place: Any) -> Any:
    """A draw that keeps what lies at one place of an axis."""

    def draw(rng: Rng, noise: Noise, shape: Shape) -> np.ndarray:
        drawn = honest(rng, noise, shape)
        drawn[place] = 1
        return drawn

    return draw


def near_zero(values: np.ndarray, noise: Noise) -> np.ndarray:
    return np.where(values == 0, np.float32(1e-3), values)


def halved(values: np.ndarray, noise: Noise) -> np.ndarray:
    return values.astype(np.float16).astype(np.float32)


# fault -> the noise it is planted in, the property that is to fail, and the fault itself
MASKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "drops nothing": (
        "element",
        "share kept",
        {"draw": as_drawn(lambda v, n: v * 0 + 1)},
    ),
    "drops all": ("element", "share kept", {"draw": as_drawn(lambda v, n: v * 0)}),
    "0.15 for 0.1": (
        "element",
        "share kept",
        {"draw": with_number(lambda p: p - 0.05)},
    ),
    "0.12 for 0.1": (
        "element",
        "share kept",
        {"draw": with_number(lambda p: p - 0.02)},
    ),
    "0.18 for 0.2": ("path", "share kept", {"draw": with_number(lambda p: p + 0.02)}),
    "keeps what it drops": (
        "path",
        "share kept",
        {"draw": with_number(lambda p: 1 - p)},
    ),
    "unscaled": ("element", "scaled", {"draw": as_drawn(lambda v, n: v * n.number)}),
    "scaled twice": ("path", "scaled", {"draw": as_drawn(lambda v, n: v / n.number)}),
    "not quite dropped": ("element", "scaled", {"draw": as_drawn(near_zero)}),
    "whole batch": ("path", "draws of one call", {"draw": one_for_all(0)}),
    "one row for all": ("element", "draws of one call", {"draw": one_for_all(0)}),
    "one column for all": ("element", "draws of one call", {"draw": one_for_all(2)}),
    "tiled": ("element", "draws of one call", {"draw": tiled}),
    "in pairs": ("element", "draws of one call", {"draw": in_pairs}),
    "as many in each row": (
        "element",
        "as many in a row",
        {"draw": as_many_in_each_row},
    ),
    "spares the first": ("element", "every call and place", {"draw": spared(0)}),
    "spares the last": ("element", "every call and place", {"draw": spared((..., -1))}),
    "parts of a row": ("path", "one draw for all", {"whole": True}),
}
NUMBERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "deviation 1.1": ("normal", "deviation", {"draw": with_number(lambda n: n * 1.1)}),
    "variance for it": ("normal", "deviation", {"draw": with_number(lambda n: n**2)}),
    "mean shifted": ("normal", "mean", {"draw": as_drawn(lambda v, n: v + 0.02)}),
    "cut off": ("normal", "distribution", {"draw": cut_off}),
    "uniform": ("normal", "distribution", {"draw": uniform_for_normal}),
    "normal": ("uniform", "distribution", {"draw": normal_for_uniform}),
    "around zero": ("uniform", "range", {"draw": as_drawn(lambda v, n: v - HIGH / 2)}),
    "beyond its bound": ("uniform", "range", {"draw": with_number(lambda n: n * 1.01)}),
    "in half precision": ("normal", "came before", {"draw": as_drawn(halved)}),
}
STREAMS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "one mask for ever": ("element", "calls", {"stream": lambda s, c, n: (s, n)}),
    "two masks in turn": ("path", "calls", {"stream": lambda s, c, n: (s, c % 2, n)}),
    "one for two": ("normal", "noises of one call", {"stream": lambda s, c, n: (s, c)}),
    "streams that meet": ("uniform", "calls", {"stream": lambda s, c, n: (s, c + n)}),
    "seed ignored": ("element", "seeds", {"stream": lambda s, c, n: (c, n)}),
    "seed and call": ("element", "seeds", {"stream": lambda s, c, n: (s + c, n)}),
    "never again": (
        "element",
        "the same seed repeats",
        {"stream": lambda s, c, n: (next(NEVER_TWICE),)},
    ),
}
TRAINING: dict[str, tuple[str, str, dict[str, Any]]] = {
    "forgets": ("element", "a loaded state goes on", {"forgets": True}),
    "two draws": ("element", "loss and gradient", {"two": True, "where": "step"}),
    "two draws of gradients": (
        "element",
        "loss and gradient",
        {"two": True, "where": "gradients"},
    ),
}
FAULTS = {**MASKS, **NUMBERS, **STREAMS, **TRAINING}


def climb(backend: Any, graph: Graph, *, seed: int = 0) -> list[Check]:
    # all that the rung asks of a trial
    trial: Any = SimpleNamespace(
        spec=SimpleNamespace(train=graph),
        backend=backend,
        settings=Settings(),
        seed=seed,
        left_out={},
    )
    return [judged.check for judged in noise.climb(trial, lambda *heard: None)]


def wrong(fault: str, **more: Any) -> WrongBackend:
    hit, _, planted = FAULTS[fault]
    fault_ = Fault(**{"hits": HITS[hit], **planted, **more})
    return WrongBackend(backends.load("numpy"), fault_)


def failed(checks: list[Check]) -> list[Check]:
    return [check for check in checks if not check.ok]


def assert_blamed(fault: str, checks: list[Check], *sources: str) -> None:
    """What failed is the property, by every way of drawing, at the node's own line."""
    hit, due, _ = FAULTS[fault]
    wrong = failed(checks)
    assert {(check.op, check.where) for check in wrong} == {LINES[hit]}
    named = {check.name for check in wrong if due in check.name}
    for source in sources:
        assert any(name.endswith(source) for name in named), (source, named)
    assert {check.kind for check in wrong} == {"noise"}
    assert all(check.note for check in wrong)


def test_the_wrapper_alone_holds() -> None:
    checks = climb(WrongBackend(backends.load("numpy"), Fault()), NOISY)
    assert failed(checks) == []
    kinds = {check.name.split(":")[0] for check in checks}
    assert len(kinds) == 17, "or a property that is left out would be one that holds"


@pytest.mark.parametrize("fault", [*MASKS, *NUMBERS])
def test_noise_of_another_kind_fails(fault: str) -> None:
    assert_blamed(fault, climb(wrong(fault), NOISY), "program", "step")


@pytest.mark.parametrize("fault", STREAMS)
def test_noise_that_comes_again_fails(fault: str) -> None:
    assert_blamed(fault, climb(wrong(fault), NOISY), "program", "step")


@pytest.mark.parametrize("fault", TRAINING)
def test_training_that_draws_its_own_way_fails(fault: str) -> None:
    checks = climb(wrong(fault), NOISY)
    source = FAULTS[fault][2].get("where", "step")
    assert_blamed(fault, checks, source)
    assert {check.name.rpartition(", ")[2] for check in failed(checks)} == {source}


@pytest.mark.parametrize("source", ["program", "step", "gradients"])
@pytest.mark.parametrize("fault", ["drops nothing", "0.15 for 0.1", "unscaled"])
def test_each_way_of_drawing_is_looked_at_by_itself(fault: str, source: str) -> None:
    checks = climb(wrong(fault, where=source), NOISY)
    assert_blamed(fault, checks, source)
    assert {check.name.rpartition(", ")[2] for check in failed(checks)} == {source}


def test_the_same_mask_in_training_alone_fails() -> None:
    checks = climb(wrong("one mask for ever", where="step gradients"), NOISY)
    assert_blamed("one mask for ever", checks, "step", "gradients")


def dropped() -> Graph:
    """Dropout alone: of each kind of noise a compiler takes a second."""
    g = Builder("dropped")
    x = g.input("x", ("batch", 5)).dropout(rate=0.5, name="d")
    g.output("y", x)
    return g.finish()


@pytest.mark.parametrize(("seed", "graph"), [(0, NOISY), (1, dropped())])
def test_an_honest_backend_holds(seed: int, graph: Graph, backend: Backend) -> None:
    checks = climb(backend, graph, seed=seed)
    assert failed(checks) == []
    # NumPy is fed its noise
    assert bool(checks) == (backend.name != "numpy")


def test_the_ladder_names_the_dropout_of_a_model(
    backend: Backend, tmp_path: Path
) -> None:
    sizes = {"width": 16, "stages": 1}
    asked = {
        "model": {"simple_baseline": {"sizes": sizes}},
        "parity": {"batch": 4, "rungs": ["noise"]},
        "threads": 1,
    }
    job = Job(
        task="parity",
        backend=backend.name,
        model="simple_baseline",
        config=configs.validate(asked),
        folder=tmp_path,
    )
    silent: Any = WrongBackend(backend, Fault(draw=as_drawn(lambda v, n: v * 0 + 1)))
    finding = parity.run(job, silent, "cpu", lambda *heard: None)
    assert finding.status == "failed"
    assert isinstance(finding.payload, Parity)
    assert finding.payload.first_failure == "noise: share kept: w1.mask, program"
    found = finding.payload.culprit
    assert found.startswith("dropout at models/zoo/simple_baseline.py:"), found
    line = int(found.split(":")[1].split(" ")[0])
    source = (ROOT / "models/zoo/simple_baseline.py").read_text().splitlines()
    assert ".dropout(" in source[line - 1]
