"""The table of ONNX operators, which was written by hand, beside what the onnx package knows."""

from __future__ import annotations

import onnx.defs
import pytest

from bench.feasibility.manifest import operators

MADE = [
    (op, name, since)
    for op, made in operators().items()
    for name, since in made.items()
]


def versions(name: str) -> set[int]:
    """The opsets in which an operator of ONNX's own domain was written anew."""
    return {
        schema.since_version
        for schema in onnx.defs.get_all_schemas_with_history()
        if (schema.domain, schema.name) == ("", name)
    }


@pytest.mark.parametrize(("op", "name", "since"), MADE)
def test_an_operator_is_there_and_changed_in_that_opset(
    op: str, name: str, since: int
) -> None:
    assert since in versions(name)


def test_an_operator_that_onnx_does_not_have_would_be_seen() -> None:
    assert not versions("Sparsemax")
