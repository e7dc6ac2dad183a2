"""The op exam: what it puts to a backend, what every backend answers, and random cases on
top.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backends
from backends.base import Backend, Settings
from bench import config
from bench.config import Config
from bench.coordinator.job import Job
from bench.exam import questions, random_cases
from bench.exam import task as shape_ops
from bench.exam.probe import Probe, draw
from bench.exam.questions import Part
from bench.exam.random_cases import generated
from bench.exam.task import Question
from bench.records import Exam
from models import ops
from models.builder import Builder
from models.graph import FLOATS, Type
from tests.asserts import assert_close

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
    ),  # Keras 3.15's variables
    # inductor's own
    pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning"),
    # PyTorch's word on the variance of one number
    pytest.mark.filterwarnings("ignore:.*degrees of freedom is <= 0"),
]
EVERYTHING = Part(config.DTYPES, generated=5)


def exam(backend: Backend, *names: str, **plan: Any) -> Exam:
    """What a backend answers; all ops where none is named."""
    job = Job(
        task="shape_ops",
        backend=backend.name,
        model="",
        config=Config(ops=names, exam=config.Exam(**plan)),
        folder=Path("nowhere"),
    )
    payload = shape_ops.run(job, backend, "cpu", lambda text, share: None).payload
    assert isinstance(payload, Exam)
    return payload


def wrong(found: Exam) -> list[str]:
    failed = [row for row in found.rows if row.result == "failed"]
    return [
        f"{row.mode} {row.op} {row.case} {row.question} {row.dtype}:"
        f" {row.note or row.error}"
        for row in failed
    ]


def test_every_op_is_answered_in_the_customary_mode(backend: Backend) -> None:
    found = exam(backend, dtypes=("float32", "bfloat16", "int32"), cases=1, variants="none")
    assert wrong(found) == []
    assert {row.op for row in found.rows} == set(ops.table())
    assert {row.mode for row in found.rows} == {next(iter(backend.modes))}
    assert {row.question for row in found.rows} == {
        "shape",
        "dtype",
        "value",
        "gradient",
        "kernel",
    }


def test_every_mode_and_layout_is_put_and_named(backend: Backend) -> None:
    found = exam(
        backend,
        "relu",
        "concat",
        modes=("customary", "eager", "compiled"),
        dtypes=("float32", "float16"),
        generated=2,
    )
    assert wrong(found) == []
    asked = {"customary": next(iter(backend.modes))} | {
        mode: mode for mode in ("eager", "compiled")
    }
    assert {row.mode for row in found.rows} == set(backend.modes)
    assert set(found.left_out) == {
        mode for mode, own in asked.items() if own not in backend.modes
    }
    for kind in (
        "dynamic",
        "transposed",
        "strided",
        "negative axes",
        "generated from seed 0",
    ):
        assert any(row.case.endswith(kind) for row in found.rows), kind


@given(
    name=st.sampled_from(sorted(ops.table())),
    seed=st.integers(0, 2**32),
    rank=st.integers(1, 5),
)
def test_random_cases_are_answered(
    backend: Backend, name: str, seed: int, rank: int
) -> None:
    case = random_cases.case(name, np.random.default_rng(seed), rank=rank)
    rows = shape_ops.examine(
        Question(
            backend,
            Settings(),
            Probe(name, draw(case, (seed,)), case.attributes),
            questions.describe(case),
        )
    )
    assert [row for row in rows if row.result == "failed"] == []


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_enters_is_cast_to_the_declared_type_and_what_leaves_has_it(
    dtype: str, backend: Backend
) -> None:
    g = Builder("halves")
    g.output("y", g.input("x", ("batch", 3), dtype=dtype).expand_dims(axis=1))
    x = np.array([[1.0, 1 / 3, 1e-3]])
    came = backend.program(g.finish(), Settings())({"x": x})["y"]
    assert_close(came, x.astype(dtype)[:, None], rtol=0, what=dtype, dtype=dtype)


def test_ordinary_graphs_stay_float32(backend: Backend) -> None:
    g = Builder("plain")
    g.output("y", g.input("x", ("batch", 3)) * 2.0)
    assert (
        backend.program(g.finish(), Settings())({"x": np.ones((2, 3), np.float64)})[
            "y"
        ].dtype
        == np.float32
    )


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("add", {"int64", "int32"}),
        ("matmul", {"int64", "int32"}),
        ("max", {"int64", "int32"}),
        ("where", {"int64", "int32"}),
        ("take", {"int64", "int32", "bool"}),
        ("permute_dims", {"int64", "int32", "bool"}),
        ("erf", set()),
        ("sigmoid", set()),
        ("divide", set()),
        ("mean", set()),
        ("leaky_relu", set()),
    ],
)
def test_an_op_is_put_in_the_types_it_means_something_in(name: str, due: set[str]) -> None:
    put = questions.questions(name, EVERYTHING)
    assert {
        Question(backends.load("numpy"), Settings(), probe, case).dtype
        for probe, case in put
    } == due | set(FLOATS)


@pytest.mark.parametrize("name", ops.table())
def test_random_cases_keep_the_rules_and_come_again_from_their_seed(name: str) -> None:
    cases = list(generated(name, count=10, seed=3))
    assert (
        cases
        == list(generated(name, count=10, seed=3))
        != list(generated(name, count=10, seed=4))
    )
    for case in cases:
        probe = Probe(name, draw(case, (3,)), case.attributes)
        due = ops.infer(
            name,
            [Type(array.shape, probe.declared(array)) for array in probe.arrays().values()],
            case.attributes,
        )
        assert tuple(result.shape for result in probe.reference(np.float64)) == tuple(
            type_.shape for type_ in due
        ), case


def test_random_cases_have_every_rank_and_axes_of_length_0_and_1() -> None:
    shapes = [
        case.shapes[0] for name in ops.table() for case in generated(name, count=5, seed=0)
    ]
    assert {1, 2, 3, 4, 5} <= {len(shape) for shape in shapes}
    assert (
        sum(0 in shape for shape in shapes) > 20
        and sum(1 in shape for shape in shapes) > 50
    )


def test_negative_axes_are_written_by_the_method_and_make_the_same_node() -> None:
    probes = [
        probe
        for name in ops.table()
        for probe, case in questions.questions(name, EVERYTHING)
        if case.endswith("negative axes")
    ]
    assert {"sum", "take", "concat", "stack", "expand_dims", "permute_dims", "softmax"} <= {
        probe.op for probe in probes
    }
    for probe in probes:
        (node,) = probe.graph().nodes
        assert dict(node.attributes) == dict(probe.attributes) != probe.written


def test_a_plan_says_what_a_backend_has_no_mode_for() -> None:
    parts, left_out = questions.plan(
        config.Exam(modes=("customary", "compiled")), {"eager": None}
    )
    assert set(parts) == {"eager"} and left_out == {
        "compiled": "programs run eager here, and in no other way"
    }


def test_a_compiler_that_is_not_customary_gets_one_case_of_each_type() -> None:
    parts, _ = questions.plan(
        config.Exam(modes=("customary", "compiled"), variants="all"),
        {"eager": None, "compiled": True},
    )
    put = list(questions.questions("softmax", parts["compiled"]))
    assert [probe.dtype for probe, _ in put] == list(FLOATS) and len(
        list(questions.questions("softmax", parts["eager"]))
    ) > 10
