"""The op exam.

What it puts to a backend, what every backend answers, and random cases on top.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import backends
from backends.base import Backend, Gap, Settings
from backends.numpy.backend import NumpyBackend
from bench.config import Config
from bench.coordinator.job import Job
from bench.exam import questions, random_cases
from bench.exam import task as shape_ops
from bench.exam.draws import draw
from bench.exam.examining import examine_all
from bench.exam.probe import Probe
from bench.exam.question import Question, promised
from bench.exam.question import put as put_to
from bench.exam.questions import Part
from bench.exam.random_cases import generated
from bench.exam.settings import DTYPES
from bench.exam.settings import Exam as Size
from bench.records import Exam
from models import ops
from models.builder import Builder
from models.graph import FLOATS
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
EVERYTHING = Part(DTYPES, generated=5)
# Of twenty random cases each: they are the same on every machine and in every version, or
# two reports could not be compared.
CASES = {
    "add": 0x4E787F84,
    "sum": 0x05E17142,
    "reshape": 0x4B6671EF,
    "slice": 0xB1533FD9,
    "scatter_add": 0x79D7C844,
    "conv_transpose": 0x6308998C,
    "batch_norm": 0x731F9DB7,
}


def exam(
    backend: Backend,
    *names: str,
    **plan: Any,
) -> Exam:
    """What a backend answers; all ops where none is named."""
    job = Job(
        task="shape_ops",
        backend=backend.name,
        model="",
        config=Config(ops=names, exam=Size(**plan)),
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
    # one type of each kind: all of them are asked by the full profile
    dtypes = ("float32", "bfloat16", "int32")
    found = exam(backend, dtypes=dtypes, cases=1, variants="none")
    assert wrong(found) == []
    assert {row.op for row in found.rows} == set(ops.table())
    customary = next(iter(backend.modes))
    assert {row.mode for row in found.rows} == {customary}
    asked = {row.question for row in found.rows}
    assert asked == {"shape", "dtype", "value", "bias", "gradient", "kernel"}


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
    assert {row.mode for row in found.rows} == set(backend.modes)
    # what is customary always is a mode
    absent = {"eager", "compiled"} - set(backend.modes)
    assert set(found.left_out) == absent
    cases = [row.case for row in found.rows]
    for kind in ("dynamic", "transposed", "strided", "negative axes"):
        assert any(case.endswith(kind) for case in cases), kind
    assert any(case.endswith("generated from seed 0") for case in cases)


# an empty axis cut in two, which ONNX Runtime refuses where it is told only how many parts
@example(name="split", seed=0, rank=1)
@given(
    name=st.sampled_from(sorted(ops.table())),
    seed=st.integers(0, 2**32),
    rank=st.integers(1, 5),
)
def test_random_cases_are_answered(
    backend: Backend,
    name: str,
    seed: int,
    rank: int,
) -> None:
    case = random_cases.case(name, np.random.default_rng(seed), rank=rank)
    probe = Probe(name, draw(case, (seed,)), case.attributes)
    question = Question(backend, Settings(), probe, questions.describe(case))
    rows = examine_all([question])
    assert [row for row in rows if row.result == "failed"] == []


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_enters_is_cast_to_the_declared_type_and_what_leaves_has_it(
    dtype: str, backend: Backend
) -> None:
    g = Builder("halves")
    entered = g.input("x", ("batch", 3), dtype=dtype)
    g.output("y", entered.expand_dims(axis=1))
    # exact, rounded, and rounded by much: 1e-3 has 11 digits in float16, 8 in bfloat16
    x = np.array([[1.0, 1 / 3, 1e-3]])
    program = backend.program(g.finish(), Settings())
    came = program({"x": x})["y"]
    due = x.astype(dtype)[:, None]
    assert_close(came, due, rtol=0, what=dtype, dtype=dtype)


def test_ordinary_graphs_stay_float32(backend: Backend) -> None:
    g = Builder("plain")
    g.output("y", g.input("x", ("batch", 3)) * 2.0)
    program = backend.program(g.finish(), Settings())
    # NumPy's own type, which nobody asked for
    came = program({"x": np.ones((2, 3), np.float64)})
    assert came["y"].dtype == np.float32


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("add", {"int64", "int32"}),
        ("matmul", {"int64", "int32"}),
        ("max", {"int64", "int32"}),
        ("where", {"int64", "int32"}),
        # moved, not reckoned with: truth values too
        ("take", {"int64", "int32", "bool"}),
        ("permute_dims", {"int64", "int32", "bool"}),
        # NumPy would give floats for integers, other frameworks refuse
        ("erf", set()),
        ("sigmoid", set()),
        ("divide", set()),
        ("mean", set()),
        ("leaky_relu", set()),
    ],
)
def test_an_op_is_put_in_the_types_it_means_something_in(
    name: str, due: set[str]
) -> None:
    oracle = backends.load("numpy")
    put = questions.questions(name, EVERYTHING)
    types = {put_to(oracle, Settings(), asked).dtype for asked in put}
    assert types == due | set(FLOATS)


@pytest.mark.parametrize("name", ops.table())
def test_random_cases_keep_the_rules_and_come_again_from_their_seed(name: str) -> None:
    cases = list(generated(name, count=10, seed=3))
    assert cases == list(generated(name, count=10, seed=3))
    assert cases != list(generated(name, count=10, seed=4))
    for case in cases:
        probe = Probe(name, draw(case, (3,)), case.attributes)
        due = [type_.shape for type_ in promised(probe)]
        came = [result.shape for result in probe.reference(np.float64)]
        assert came == due, case


@pytest.mark.parametrize("name", CASES)
def test_random_cases_are_the_same_everywhere(name: str) -> None:
    cases = [
        (case.shapes, dict(case.attributes), case.draws, case.high)
        for case in generated(name, count=20, seed=3)
    ]
    text = "\n".join(map(repr, cases))
    assert zlib.crc32(text.encode()) == CASES[name], cases


def test_random_cases_have_every_rank_and_axes_of_length_0_and_1() -> None:
    shapes = [
        case.shapes[0]
        for name in ops.table()
        for case in generated(name, count=5, seed=0)
    ]
    ranks = {len(shape) for shape in shapes}
    assert ranks >= {1, 2, 3, 4, 5}
    # of some 340 shapes
    assert sum(0 in shape for shape in shapes) > 20
    assert sum(1 in shape for shape in shapes) > 50


def test_negative_axes_are_written_by_the_method_and_make_the_same_node() -> None:
    probes = [
        asked.probe
        for name in ops.table()
        for asked in questions.questions(name, EVERYTHING)
        if asked.case.endswith("negative axes")
    ]
    named = {name for name, op in ops.table().items() if op.axes or op.axes_of_result}
    assert {probe.op for probe in probes} == named
    for probe in probes:
        (node,) = probe.graph().nodes
        assert dict(node.attributes) == dict(probe.attributes)
        assert probe.written and not probe.written.items() <= probe.attributes.items()


def test_a_plan_says_what_a_backend_has_no_mode_for() -> None:
    asked = Size(modes=("customary", "compiled"))
    parts, left_out = questions.plan(asked, {"eager": None})
    assert set(parts) == {"eager"}
    reason = "programs run eager here, and in no other way"
    assert left_out == {"compiled": reason}


def test_a_compiler_that_is_not_customary_gets_one_case_of_each_type() -> None:
    asked = Size(modes=("customary", "compiled"), variants="all")
    parts, _ = questions.plan(asked, {"eager": None, "compiled": True})
    put = list(questions.questions("softmax", parts["compiled"]))
    in_ties = [
        one for one in put if f"{one.case} of ties" in [case for _, case in one.others]
    ]
    assert [one.probe.dtype for one in in_ties] == [*FLOATS]
    # the types of each case, and its arrangements
    assert len(list(questions.questions("softmax", parts["eager"]))) > 10


class Halfless(NumpyBackend):
    """Has kernels of primitives alone, and multiplies no bfloat16."""

    name = "halfless"
    kernels = {
        name: kernel
        for name, kernel in NumpyBackend.kernels.items()
        if ops.get(name).body is None
    }
    part_gaps = (Gap("multiply", "no such product", dtype="bfloat16"),)


def question(op: str, dtype: str) -> Question:
    """The first case of an op in a type."""
    part = Part((dtype,), cases=1, variants="none", typed="first")
    asked = next(questions.questions(op, part))
    return Question(Halfless(), Settings(), asked.probe, asked.case)


def test_a_composition_has_the_gaps_of_the_ops_it_is_made_of() -> None:
    assert question("leaky_relu", "bfloat16").inherited("value") == (
        "multiply, of which it is made: no such product"
    )


def test_nothing_else_is_excused() -> None:
    assert question("leaky_relu", "float16").inherited("value") == ""
    assert question("leaky_relu", "bfloat16").inherited("shape") == ""
    assert question("multiply", "bfloat16").inherited("value") == "", "it has its own"
    assert question("stack", "bfloat16").inherited("value") == "", (
        "nothing is multiplied"
    )
