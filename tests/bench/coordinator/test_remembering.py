"""A model is built once where a process asks for that, and anew where anything differs."""

from __future__ import annotations

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
