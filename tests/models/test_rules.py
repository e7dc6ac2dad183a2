"""Every rule of a graph, broken once: one line that names the node and what was due."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models import ops, rules
from models.errors import SpecError
from models.graph import Type, check
from models.ops import Case
from tests.models.broken import GONE, complaint, sound, with_change

SIX = [["batch", 6], "float32"]
# place in the JSON, what is written there, what is said of it
NODES: dict[str, tuple[str, Any, str]] = {
    # what a node asks for
    "unknown op": ("op", "gleu", "unknown op 'gleu': did you mean gelu"),
    "unknown operand": (
        "inputs",
        ["ghost"],
        "reads ghost, which nothing before it makes",
    ),
    "operand made later": (
        "inputs",
        ["split_7"],
        "reads split_7, which nothing before",
    ),
    "too many operands": ("inputs", ["x", "x"], "gelu takes 1 operands, not 2"),
    "no operand": ("inputs", [], "at least one operand must be a tensor"),
    "a number alone": ("inputs", [1.0], "at least one operand must be a tensor"),
    "a list for an operand": ("inputs", [["x"]], "reads ('x',), which is no value"),
    "nothing for an operand": ("inputs", [None], "reads None, which is no value"),
    # what it makes
    "wrong shape": ("outputs", [[["batch", 5], "float32"]], "says (batch, 6) float32"),
    "wrong dtype": ("outputs", [[["batch", 6], "int64"]], "says (batch, 6) float32"),
    "no result": ("outputs", [], "the op table says (batch, 6) float32"),
    "a result too many": (
        "outputs",
        [SIX, SIX],
        "the op table says (batch, 6) float32",
    ),
    # names
    "a name twice": ("name", "split_7", "the name split_7 is that of split_7 = gelu("),
    "the second name of another": (
        "name",
        "split_7:1",
        "the name split_7:1 is that of",
    ),
    "the name of an input": ("name", "x", "the name x is that of input x; rename one"),
}
ATTRIBUTES: dict[str, tuple[str, Any, str]] = {
    "missing": ("split/parts", GONE, "attributes axis came, split takes parts, axis"),
    "too many": ("gelu/eps", 1e-5, "approximate, eps came, gelu takes approximate"),
    "text for an axis": ("split/axis", "1", "attribute axis must be int, not '1'"),
    "truth for an axis": ("split/axis", True, "attribute axis must be int, not True"),
    "a fraction of parts": ("split/parts", 2.5, "attribute parts must be int, not 2.5"),
    "one axis for several": ("mean/axis", 0, "must be tuple[int, ...], not 0"),
    "text among axes": ("mean/axis", [0, "1"], "must be tuple[int, ...], not (0, '1')"),
    "a number for a truth": ("mean/keepdims", 0, "keepdims must be bool, not 0"),
    "a number for a choice": ("gelu/approximate", 1, "approximate must be str, not 1"),
    "an unknown choice": ("gelu/approximate", "erf", 'must be "none" or "tanh"'),
    "nothing for a rate": ("dropout/rate", None, "rate must be float, not None"),
    "text for a length": (
        "slice/start",
        "0",
        "start must be int | axis length, not '0'",
    ),
    "an axis that is not there": ("split/axis", 7, "axis 7 does not exist in rank 2"),
    "a step of zero": ("slice/step", 0, "slice 0:2:0 must lie within 0:3"),
    "no length at all": ("slice/stop", {"dim": 3}, "stop: 3 came, text was due"),
    "a length by another key": ("slice/stop", {"dom": "b"}, "dom came, dim were due"),
}
# names in the whole graph that stand for nothing, or for something else
ENDS: dict[str, tuple[str, Any, str]] = {
    "output": ("outputs/y", "ghost", "outputs ghost are made by no node"),
    "state": ("state/bn.running_mean", "ghost", "state ghost are made by no node"),
    "label": ("labels/hidden", "ghost", "labels ghost are made by no node"),
    "no parameter": ("state/ghost", "x", "state ghost is no parameter; declare it"),
    "another type": (
        "state/bn.running_mean",
        "x",
        "is (6) float32 and cannot become x",
    ),
    "parameter": (
        "inputs/fc.bias",
        SIX,
        "parameter fc.bias: the name fc.bias is that of",
    ),
}
LINE = r"tests/models/broken\.py:\d+"


@pytest.mark.parametrize("name", NODES)
def test_a_broken_node_is_named_with_its_op_and_its_model_line(name: str) -> None:
    field, value, due = NODES[name]
    said = complaint(with_change(f"nodes/gelu/{field}", value))
    assert due in said
    assert re.match(rf"sound: \S+ = \w+\(.*{LINE}: ", said), said


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_wrong_attribute_is_named_with_its_node(name: str) -> None:
    path, value, due = ATTRIBUTES[name]
    op, attribute = path.split("/")
    said = complaint(with_change(f"nodes/{op}/attributes/{attribute}", value))
    assert due in said
    assert re.search(rf"{op}_\d+ = {op}.*{LINE}: ", said), said


@pytest.mark.parametrize("name", ENDS)
def test_a_name_that_stands_for_nothing_is_refused(name: str) -> None:
    path, value, due = ENDS[name]
    assert due in complaint(with_change(path, value))


@pytest.mark.parametrize(
    ("inputs", "due"),
    [
        (["x"], "linear takes 2 or 3 operands, not 1"),
        (
            ["x", "fc.weight", "fc.bias", "fc.bias"],
            "linear takes 2 or 3 operands, not 4",
        ),
        (["x", 2.0], "the weight must be (out, in)"),
        (["table", "fc.bias"], "the weight must be (out, in)"),
    ],
)
def test_operands_of_an_op_with_an_optional_one(inputs: list[Any], due: str) -> None:
    assert due in complaint(with_change("nodes/linear/inputs", inputs))


def test_an_op_that_takes_any_number_of_operands_takes_more_than_its_exam() -> None:
    counts = [len(case.shapes) for case in ops.get("concat").cases]
    more = max(counts) + 2
    pieces = [Type((2, 3))] * more
    (joined,) = rules.results("concat", pieces, {"axis": 0})
    assert joined == Type((2 * more, 3))


def test_what_a_rule_takes_for_granted_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(op: str, operands: list[Type], attributes: dict[str, Any]) -> None:
        raise IndexError("list index out of range")

    monkeypatch.setattr(ops, "infer", careless)
    with pytest.raises(ValueError, match=r"do not fit \(list index out of range\)"):
        # of a shape that nothing else has asked about: answers are remembered
        rules.results("relu", [Type((1237,))], {})


def test_a_stride_of_nought_is_refused_in_words() -> None:
    """The shape rule of conv divides by it."""
    x, weight = Type((1, 1, 8)), Type((1, 1, 2))
    still = {
        "stride": (0,),
        "dilation": (1,),
        "padding": (0,),
    }
    with pytest.raises(ValueError, match=r"stride \(0,\) must be 1 or more"):
        rules.results("conv", [x, weight], still)


def test_a_graph_made_by_hand_is_held_to_the_same_rules() -> None:
    graph = sound()
    bytes_ = {"table": np.arange(4, dtype=np.uint8)}
    with pytest.raises(
        SpecError, match="constant table has dtype 'uint8', which is none of"
    ):
        check(replace(graph, constants=bytes_))
    # an array where a number may stand
    first = replace(graph.nodes[0], inputs=("x", np.zeros(4)))  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="which is no value, number or length"):
        check(replace(graph, nodes=(first, *graph.nodes[1:])))


@pytest.mark.parametrize("op", ops.table())
def test_the_exam_of_an_op_keeps_to_the_rules(op: str) -> None:
    """Attributes and their types are read off the shape rule: one that lies is found here."""
    record = ops.get(op)
    for case in record.cases:
        assert rules.results(op, operands(case), case.attributes)


def operands(case: Case) -> list[Type]:
    """Types of what the exam draws."""
    kinds = {"bool": "bool", "index": "int64"}
    # draws are left out where all are normal
    draws = case.draws or ("normal",) * len(case.shapes)
    drawn = zip(case.shapes, draws, strict=True)
    return [Type(shape, kinds.get(draw, "float32")) for shape, draw in drawn]
