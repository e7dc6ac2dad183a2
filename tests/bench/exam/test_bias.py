"""The mean of many results in a half: what is right passes, and what hides in roundings not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from backends.base import Backend, Settings
from backends.numpy.dice import DIGITS
from bench.exam import bias, questions
from bench.exam.examining import examine_all
from bench.exam.question import Question
from bench.exam.questions import Part
from bench.records import ExamRow
from models import ops

HALVES = tuple(DIGITS)
RNG = np.random.default_rng(3)
COUNT = 16384
Array = np.ndarray
exact = RNG.normal(size=COUNT)


def held(x: Array, dtype: str) -> Array:
    """What a half holds, in float64."""
    return np.asarray(x, dtype).astype(np.float64)


def judged(came: Array, dtype: str, *, alike: bool = True) -> bool:
    """Whether results pass, where NumPy op by op is off by two roundings."""
    halves = [
        held(held(exact * factor, dtype) / factor, dtype) for factor in (3.0, 5.0, 7.0)
    ]
    found = bias.judged(came, exact, halves, dtype, alike=alike)
    assert found is not None
    return found.error <= found.bound


@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize("dtype", HALVES)
def test_roundings_pass(dtype: str, alike: bool) -> None:
    assert judged(held(exact, dtype), dtype, alike=alike)
    twice = held(held(exact * 1.5, dtype) / 1.5, dtype)
    assert judged(twice, dtype, alike=alike)


@pytest.mark.parametrize("dtype", HALVES)
def test_a_constant_that_is_written_in_the_half_passes(dtype: str) -> None:
    factor = float(np.asarray(0.2, dtype)) / 0.2
    assert judged(held(exact * factor, dtype), dtype)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x * 1.05,
        lambda x: x * 1.01,
        lambda x: x + 0.01,
        lambda x: np.where(x < 0, x * 0.97, x),
        lambda x: np.where(np.abs(x) < 0.1, 0.0, x),
    ],
)
@pytest.mark.parametrize("dtype", HALVES)
def test_less_than_a_rounding_or_two_is_seen(
    wrong: Callable[[Array], Array], dtype: str
) -> None:
    assert not judged(held(wrong(exact), dtype), dtype)


def test_few_results_have_no_mean_to_speak_of() -> None:
    few = exact[:100]
    assert bias.judged(few, few, [few] * 3, "float16", alike=True) is None
    assert bias.judged(exact, exact, [exact] * 3, "float32", alike=True) is None


def rows(op: str, backend: Backend, dtype: str) -> list[ExamRow]:
    part = Part((dtype,), cases=1, variants="none", typed="first", numbers="none")
    put = [
        Question(backend, Settings(), one.probe, one.case)
        for one in questions.questions(op, part)
    ]
    return [row for row in examine_all(put) if row.question == "bias"]


@pytest.mark.parametrize("op", ["gelu", "layer_norm", "attention", "sum", "batch_norm"])
@pytest.mark.parametrize("dtype", HALVES)
def test_an_op_in_a_half_is_asked_for_its_mean(
    op: str, dtype: str, backend: Backend
) -> None:
    question = rows(op, backend, dtype)
    assert {row.result for row in question} <= {"passed", "gap"}
    # a framework without the type has failed before
    assert question or backend.part_gaps


def test_ops_that_move_numbers_have_no_mean(backend: Backend) -> None:
    assert rows("flip", backend, "float16") == []
    assert ops.get("flip").flops is ops.free
