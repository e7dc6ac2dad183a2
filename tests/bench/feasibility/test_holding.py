"""A manifest held against what was seen, and a model against declared semantics."""

from __future__ import annotations

from typing import Any

import models
from bench.feasibility.holding import disagreements
from bench.feasibility.manifest import Manifest
from bench.semantics import catalogue
from models.optim import Optimizer
from tests.bench.feasibility.test_declared import judged

SEEN = Manifest(
    name="seen",
    ops=("add", "erf"),
    lacks={"take": "RuntimeError: no such thing"},
    rank=8,
    dtypes=("float32",),
    optimizers=("adam",),
    semantics={"gelu": "erf"},
)


def lines(**said: Any) -> list[str]:
    return disagreements(Manifest.model_validate({"name": "said", **said}), SEEN)


def test_what_is_left_out_disagrees_with_nothing() -> None:
    assert lines() == []
    assert lines(ops=["add"], rank=8, dtypes=["float32"], optimizers=["adam"]) == []
    assert lines(rank="any") == lines(rank=12) == []
    assert lines(semantics={"gelu": "erf"}) == []
    # not measured, refused, or not told apart
    assert lines(semantics={"tf32_conv": "float32"}) == []


def test_each_disagreement_is_a_line() -> None:
    assert lines(ops=["take"]) == [
        "ops: take is declared, and not there: RuntimeError: no such thing"
    ]
    assert lines(lacks={"erf": "none"}) == [
        "lacks.erf: it is declared absent, and its kernel answers right"
    ]
    assert lines(rank=4) == ["rank: 4 is declared, 8 was seen"]
    assert lines(dtypes=["float16"]) == [
        "dtypes: float16 is declared, and was not seen to be right",
        "dtypes: float32 is not declared, and was seen to be right",
    ]
    assert lines(optimizers=["adam", "sgd"]) == [
        "optimizers: sgd is declared, and was not seen to be right"
    ]
    assert lines(semantics={"gelu": "tanh", "sort_ties": "stable"}) == [
        "semantics.gelu: tanh is declared, erf was seen",
    ]


def adapted(model: str, **semantics: str) -> list[str]:
    asks = judged(model, semantics=semantics).asks
    return [one for one in asks if one.startswith("semantics")]


def test_a_model_names_what_would_have_to_be_adapted() -> None:
    assert adapted("motionbert", gelu="tanh", adamw_decay="coupled") == [
        "semantics of gelu: tanh there, erf here: gelu has to be adapted",
        "semantics of adamw_decay: coupled there, decoupled here: adamw has to be adapted",
    ]
    # neither decay nor velocity nor rows that are dropped whole
    mine = adapted("simple_baseline", adam_decay="decoupled", drop_path_rows="batch")
    assert mine == []
    assert adapted("simple_baseline", sgd_momentum="nesterov") == []
    # it has no GELU; what agrees and what is left open costs nothing
    assert adapted("simple_baseline", gelu="tanh") == []
    assert adapted("motionbert", gelu="erf", sum_order="sequential") == []


def test_rows_concern_a_model_that_drops_rows() -> None:
    probe = catalogue.table()["drop_path_rows"]
    rule = Optimizer("adam", lr=1e-3, weight_decay=0.0)
    deep = models.build("poseformer", preset="paper")
    assert probe.concerns(deep, rule, "batch")
    # what its critic draws between two poses is no mask
    critic = models.build("poseflow:critic", preset="tiny")
    assert not probe.concerns(critic, rule, "batch")
