"""A model is built once where a process asks for that, and anew where anything differs."""

from __future__ import annotations

from typing import Any

import pytest

from bench import data
from bench.config import Model
from bench.coordinator import spec


def test_a_model_is_built_once_while_it_is_remembered() -> None:
    protocol = data.protocol_for("synthetic")
    tiny, wide = Model(preset="tiny"), Model(preset="tiny", sizes={"width": 24})
    with spec.remembering(wanted=True):
        first = spec.build("simple_baseline", tiny, protocol)
        assert spec.build("simple_baseline", tiny, protocol) is first
        assert spec.build("simple_baseline", wide, protocol).config["width"] == 24
    assert spec.build("simple_baseline", tiny, protocol) is not first


def test_nothing_is_remembered_where_nobody_wants_it() -> None:
    protocol = data.protocol_for("synthetic")
    tiny = Model(preset="tiny")
    with spec.remembering(wanted=False):
        first = spec.build("simple_baseline", tiny, protocol)
        assert spec.build("simple_baseline", tiny, protocol) is not first


@pytest.mark.parametrize(
    "change",
    [
        {"preset": "tiny"},
        {"sizes": {"width": 32}},
        {"train": {"steps": 7}},
        {"train": {"loss": {"mpjpe": 1, "n_mpjpe": 1}}},
        {"train": {"joint_weights": {"Head": 2}}},
        {"train": {"average": 0.9}},
        {"train": {"average": 0.9, "accumulate": 2}},
        {"train": {"norm_momentum": {"start": 0.1, "end": 0.01}}},
        {"train": {"norm_momentum": {"start": 0.1, "end": 0.01}, "steps": 7}},
    ],
)
def test_what_decides_a_graph_is_what_tells_models_apart(
    change: dict[str, Any],
) -> None:
    protocol = data.protocol_for("synthetic")
    usual = Model()
    other = Model.model_validate(change)

    def graphs(settings: Model) -> str:
        built = spec.build("simple_baseline", settings, protocol)
        return built.train.to_json() + built.infer.to_json()

    told_apart = spec.deciding(usual) != spec.deciding(other)
    assert told_apart or graphs(usual) == graphs(other)


@pytest.mark.parametrize(
    "change", [{"pad": "reflect"}, {"train": {"steps": 7, "lr": 0.5, "batch": 3}}]
)
def test_what_bears_on_no_graph_makes_no_other_model(change: dict[str, Any]) -> None:
    assert spec.deciding(Model.model_validate(change)) == spec.deciding(Model())
