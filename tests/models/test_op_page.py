"""The page of ops is what the op files make of it, and calls are those that kernels take."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from backends.numpy.ops import kernels
from models import op_page, ops, pages


def test_the_page_is_current() -> None:
    due = pages.OPS.read_text(encoding="utf-8")
    assert op_page.page() == due, "run `python -m models.pages`"


def test_every_op_has_a_row_of_its_kind() -> None:
    text = op_page.page()
    primitives, compositions = text.split("## Compositions")
    for name, op in ops.table().items():
        assert f"| `{name}` |" in (compositions if op.body else primitives)


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("add", "add(x, y)"),
        ("where", "where(condition, x, y)"),
        ("concat", "concat(*xs, axis: int)"),
        ("sum", "sum(x, *, axis: tuple[int, ...], keepdims: bool)"),
        ("slice", "slice(x, *, axis: int, start: int, stop: int, step: int)"),
        ("reshape", "reshape(x, *, shape: tuple[int, ...])"),
    ],
)
def test_a_call_is_written_as_a_kernel_is_called(name: str, due: str) -> None:
    assert op_page.call(name) == due


def test_attributes_are_those_of_written_kernels() -> None:
    for name, kernel in kernels(np.float32).items():
        if not inspect.isfunction(kernel) or kernel.__module__.startswith("numpy"):
            continue
        taken = inspect.signature(kernel).parameters.values()
        keywords = [one.name for one in taken if one.kind is one.KEYWORD_ONLY]
        assert all(f"{word}: " in op_page.call(name) for word in keywords), name


def test_what_a_body_needs_is_at_the_bottom() -> None:
    assert op_page.needs("leaky_relu") == ["greater", "multiply", "where"]
    assert "erf" in op_page.needs("gelu") and "tanh" in op_page.needs("gelu")
    every = {
        one
        for name, op in ops.table().items()
        if op.body
        for one in op_page.needs(name)
    }
    assert all(ops.get(name).body is None for name in every)
