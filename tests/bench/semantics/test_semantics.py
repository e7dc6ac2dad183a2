"""Every variant of every probe, planted into a backend, comes back by its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import combinations
from typing import Any
from unittest import mock

import numpy as np
import pytest

import backends.numpy.program as numpy_program
from backends.base import Backend, Settings, Unsupported
from backends.numpy.backend import NumpyBackend
from backends.numpy.ops import kernels
from bench.audit import catalogue as faults
from bench.audit.planting import noise
from bench.audit.planting.proxy import Planting, WrongBackend
from bench.processes import contract
from bench.processes.contract import Watch
from bench.records import SemanticsRow
from bench.semantics import catalogue, pages, probing
from bench.semantics.of_noise import NoiseProbe
from bench.semantics.of_op import OpProbe
from bench.semantics.of_rule import RuleProbe
from bench.semantics.probes import dropout_rate
from bench.semantics.variants import NEAR, Variant, apart, declared, named
from models import ops, optim
from models.errors import UnknownName
from models.graph import Graph
from models.optim import Optimizer

TABLE = catalogue.table()
OF_OPS = [
    (name, variant.name)
    for name, probe in TABLE.items()
    if isinstance(probe, OpProbe)
    for variant in probe.variants
]
OF_RULES = [
    (name, variant.name)
    for name, probe in TABLE.items()
    if isinstance(probe, RuleProbe)
    for variant in probe.variants
]
# faults that others have written, as graphs in the language and as other optimizers
FAULTS = {
    "gelu: tanh form for the exact one": ("gelu", "tanh"),
    "gelu: x sigmoid(1.702 x)": ("gelu", "sigmoid"),
    "layer_norm: eps 1e-3 always": ("layer_norm_eps", "own_1e-3"),
    "layer_norm: eps 1e-5 always": ("layer_norm_eps", "own_1e-5"),
    "layer_norm: eps outside the root": ("layer_norm_eps", "outside"),
    "layer_norm: unbiased variance": ("layer_norm_eps", "unbiased"),
    "batch_norm: eps 1e-3 always": ("batch_norm_eps", "own_1e-3"),
    "batch_norm_train: momentum swapped": ("batch_norm_decay", "of_running"),
    "batch_norm_train: running variance biased": ("batch_norm_variance", "biased"),
    "batch_norm_train: normalised by the unbiased variance": (
        "batch_norm_spread",
        "unbiased",
    ),
    "dropout: survivors not scaled": ("dropout_scaling", "unscaled"),
    "dropout: mask turned": ("dropout_scaling", "complement"),
    "dropout drops what it should keep": ("dropout_rate", "keeps"),
    "dropout drops nothing": ("dropout_rate", "never"),
    "drop path drops for the whole batch": ("drop_path_rows", "batch"),
    "reshape: column by column": ("flatten_order", "column_major"),
    "resize: corners aligned": ("resize_linear", "align_corners"),
    "max_pool: padded with 0": ("max_pool_edges", "zeros"),
    "maximum: passes NaN over": ("nan_maximum", "first"),
    "adam with epsilon before the correction": ("adam_epsilon", "hat"),
    "rmsprop with epsilon under the root": ("rmsprop_epsilon", "inside"),
    "sgd with Nesterov's momentum": ("sgd_momentum", "nesterov"),
    "momentum lost": ("sgd_momentum", "left_out"),
    "adamw decays in the gradient": ("adamw_decay", "coupled"),
    "adam decays beside the gradient": ("adam_decay", "decoupled"),
    "weight decay lost": ("rmsprop_decay", "left_out"),
}
# noise of NumPy, wrongly drawn: variant -> what `Drawing` is to draw otherwise
DRAWN = {
    ("dropout_rate", "drops"): lambda rng, kept, shape: rng.random(shape) < kept,
    ("dropout_rate", "keeps"): lambda rng, kept, shape: rng.random(shape) >= kept,
    ("dropout_rate", "half"): lambda rng, kept, shape: rng.random(shape) < 0.5,
    ("dropout_rate", "never"): lambda rng, kept, shape: np.ones(shape),
    ("drop_path_rows", "sample"): lambda rng, kept, shape: rng.random(shape) < kept,
    ("drop_path_rows", "batch"): lambda rng, kept, shape: np.full(
        shape, rng.random() < kept
    ),
    ("drop_path_rows", "never"): lambda rng, kept, shape: np.ones(shape),
}


def variant_of(name: str, called: str) -> Variant:
    return next(each for each in TABLE[name].variants if each.name == called)


def row(name: str, backend: Any) -> SemanticsRow:
    return probing.row(name, TABLE[name], backend, "cpu")


def planted(probe: OpProbe, variant: Variant) -> Any:
    """NumPy's kernels, of which one has the variant's meaning."""

    def wrong(working: Any) -> dict[str, Any]:
        of_op = {
            op: lambda *operands, op=op, **attributes: probe.given(
                variant, op, operands, attributes
            )
            for op in probe.ops
        }
        return {**kernels(working), **of_op}

    return mock.patch.object(numpy_program, "kernels", wrong)


class Bent(Optimizer):
    """An optimizer whose rule is another, whatever it is called."""

    gives: Any = None

    def update(self, param: Any, grad: Any, state: Any, step: Any) -> Any:
        return type(self).gives(param, grad, state, step, self)


class Bending(NumpyBackend):
    def __init__(self, gives: Any) -> None:
        self.bent = type("Other", (Bent,), {"gives": staticmethod(gives)})

    def trainer(self, graph: Graph, optimizer: Optimizer, settings: Settings) -> Any:
        return super().trainer(graph, self.bent(**asdict(optimizer)), settings)


# Planted


@pytest.mark.parametrize(("name", "called"), OF_OPS)
def test_a_variant_of_an_op_comes_back_by_its_name(name: str, called: str) -> None:
    probe, variant = TABLE[name], variant_of(name, called)
    assert isinstance(probe, OpProbe)
    # what there is to ask on CUDA alone is asked of a CUDA that computes on the CPU
    claimed = {probe.device: ""} if probe.device else {}
    backend: Any = WrongBackend(NumpyBackend(), Planting(devices=claimed))
    with planted(probe, variant):
        found = row(name, backend)
    assert found.probed == (called,), found.note
    due = "open" if probe.open else ("agrees", "differs")[called != declared(probe)]
    assert found.result == due


@pytest.mark.parametrize(("name", "called"), OF_RULES)
def test_a_variant_of_a_rule_comes_back_by_its_name(name: str, called: str) -> None:
    probe, variant = TABLE[name], variant_of(name, called)
    assert isinstance(probe, RuleProbe)
    _, right, _ = optim.RULES[probe.optimizer.rule]
    found = row(name, Bending(variant.gives or right))
    assert found.probed == (called,), found.note


@pytest.mark.parametrize(("name", "called"), DRAWN)
def test_a_variant_of_chance_comes_back_by_its_name(name: str, called: str) -> None:
    class Drawing(noise.Drawing):
        def mask(self, rng: Any, kept: float, shape: Any) -> np.ndarray:
            return np.asarray(DRAWN[name, called](rng, kept, shape))

    found = row(name, WrongBackend(NumpyBackend(), noise.drawn(Drawing)))
    assert found.probed == (called,), found.note


def test_elements_dropped_each_by_itself_are_no_samples() -> None:
    probe = TABLE["drop_path_rows"]
    assert isinstance(probe, NoiseProbe)
    rng = np.random.default_rng(0)
    drawn = [rng.random((32, 8)) < 0.5 for _ in range(8)]
    assert probe.found(drawn).names == ("element",)


def test_every_variant_is_planted() -> None:
    every = {(name, each.name) for name, one in TABLE.items() for each in one.variants}
    by_hand = {("drop_path_rows", "element")}
    assert every == {*OF_OPS, *OF_RULES, *DRAWN} | by_hand


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_was_written_for_the_audit_is_named(fault: str) -> None:
    _, found = faults.table()[fault]
    name, called = FAULTS[fault]
    assert row(name, WrongBackend(NumpyBackend(), found.planting)).probed == (called,)


# On what is here


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_backend_under_test_has_the_semantics_of_the_language(
    backend: Backend,
) -> None:
    rows = list(probing.rows(contract.watched(backend, Watch()), "cpu"))
    assert [one.probe for one in rows] == catalogue.names()
    refused = {one.probe for one in rows if one.result == "refused"}
    assert refused <= {"dropout_rate", "drop_path_rows"}, refused  # NumPy's alone
    differing = [one for one in rows if one.result == "differs"]
    assert differing == []
    for one in rows:
        if one.result == "agrees":
            assert one.probed == (one.declared,), one
        elif one.result != "open":
            assert one.note, one


# How it is told


def test_variants_lie_far_apart() -> None:
    for probe in TABLE.values():
        if isinstance(probe, NoiseProbe):
            continue
        assert isinstance(probe, OpProbe | RuleProbe)
        due = {each.name: probe.due(each) for each in probe.variants}
        for one, other in combinations(due, 2):
            gap = apart(due[one], due[other])
            assert gap > 10 * NEAR, (probe.about, one, other)


def test_what_is_like_nothing_known_is_told_with_the_nearest() -> None:
    due = {"one": [np.ones(3)], "two": [np.full(3, 2.0)]}
    found = named([np.full(3, 1.1)], due)
    assert found.names == ()
    assert found.note == "none of these: nearest is one, off by 0.1 of the largest"
    assert "3 of 1, nan, 1 came" in named([np.array([1, np.nan, 1])], due).note
    assert named([np.ones(4)], due).note == "none of these: 4 of 1, 1, 1, 1 came"


def test_what_the_input_cannot_tell_apart_is_told_as_several() -> None:
    due = {"one": [np.ones(3)], "same": [np.ones(3)]}
    assert named([np.ones(3)], due).names == ("one", "same")


def test_nan_and_infinity_stand_where_they_are_due() -> None:
    due = [np.array([np.nan, np.inf, 1.0])]
    assert apart([np.array([np.nan, np.inf, 1.0])], due) == 0
    assert apart([np.array([np.nan, -np.inf, 1.0])], due) == np.inf
    assert apart([np.array([0.0, np.inf, 1.0])], due) == np.inf
    assert apart([np.array([np.nan, np.inf, np.nan])], due) == np.inf


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unsupported("no such kernel"), "no such kernel"),
        (RuntimeError("it broke"), "it broke"),
        (SystemExit(3), "3"),
    ],
)
def test_what_raises_is_refused_with_its_reason(
    error: BaseException, said: str
) -> None:
    class Raising(NumpyBackend):
        def program(self, graph: Graph, settings: Settings) -> Any:
            raise error

    found = row("gelu", Raising())
    assert found.result == "refused"
    assert said in found.note


def test_cuda_is_no_matter_of_a_machine_without() -> None:
    found = row("tf32_matmul", NumpyBackend())
    assert found.result == "not_measured"
    assert found.note == (
        "a matter of cuda, which is not usable here: numpy has no such device"
    )


def test_p_values_are_those_of_the_binomial_law() -> None:
    # of 4 throws of a coin: 1 and 4 heads, by hand
    assert dropout_rate.two_sided(1, 4, 0.5) == pytest.approx(2 * 5 / 16)
    assert dropout_rate.two_sided(4, 4, 0.5) == pytest.approx(2 / 16)
    assert dropout_rate.two_sided(4, 4, 1.0) == 1
    assert dropout_rate.two_sided(3, 4, 1.0) == 0
    assert dropout_rate.two_sided(0, 4, 0.0) == 1


def test_a_dropout_that_is_a_little_off_is_none_of_the_variants() -> None:
    probe = TABLE["dropout_rate"]
    assert isinstance(probe, NoiseProbe)
    drawn = [np.arange(20000).reshape(100, 200) < 20000 * 0.76]
    found = probe.found(drawn)
    assert found.names == ()
    assert found.note.startswith("none of these: kept 15200 of 20000, p ")
    assert found.note.endswith("two-sided binomial, bound 1e-06")


# The catalogue


@pytest.fixture(params=sorted(TABLE))
def probe(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield TABLE[request.param]


def test_a_probe_says_whom_it_concerns(probe: Any) -> None:
    assert probe.ops or probe.rules
    assert set(probe.ops) <= set(ops.table())
    assert set(probe.rules) <= set(optim.RULES)
    names = [variant.name for variant in probe.variants]
    assert len(set(names)) == len(names) > 1
    assert all(each.formula and each.source for each in probe.variants)


def test_an_unknown_probe_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="unknown probe 'gelo': did you mean gelu"):
        catalogue.variants("gelo")


def test_the_page_is_that_of_the_probes() -> None:
    said = "python -m bench.semantics.pages writes it anew"
    assert pages.PAGE.read_text(encoding="utf-8") == pages.page(), said
    for name, one in TABLE.items():
        assert f"| `{name}` | {one.about} | " in pages.page()
