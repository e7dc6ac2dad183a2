"""The source written for a graph: golden text, line numbers, registration, taps."""

from __future__ import annotations

import linecache
import re
import traceback

import numpy as np
import pytest

from backends import emit
from backends.numpy.ops import kernels
from models.builder import Builder
from models.graph import Graph
from tests.asserts import assert_close

# a name that is no identifier, a tuple of results, a tuple of one, numbers on either side, a
# length that is computed, running state
GOLDEN = """\
def run(params, feeds, constants):  # lifter.train
    batch = feeds['key-points'].shape[0]
    multiply_1 = ops.multiply(feeds['key-points'], constants['table'])  # HERE (batch, 4)
    linear_2 = ops.linear(multiply_1, params['fc.weight'], params['fc.bias'])  # HERE (batch, 6)
    split_3, split_3_1, = ops.split(linear_2, parts=2, axis=1)  # HERE (batch, 3) (batch, 3)
    split_4, = ops.split(split_3, parts=1, axis=0)  # HERE (batch, 3)
    subtract_5 = ops.subtract(1.0, split_3_1)  # HERE (batch, 3)
    dropout_6 = ops.dropout(subtract_5, feeds['drop.mask'], rate=0.5)  # HERE (batch, 3)
    add_7 = ops.add(split_4, dropout_6)  # HERE (batch, 3)
    reshape_8 = ops.reshape(add_7, shape=(3*batch,))  # HERE (3*batch)
    divide_9 = ops.divide(reshape_8, batch)  # HERE (3*batch)
    add_10 = ops.add(params['seen'], 1)  # HERE ()
    return {'pose': divide_9}, {'seen': add_10}
"""


def lifter() -> Graph:
    g = Builder("lifter.train")
    x = g.input("key-points", ("batch", 4))
    scaled = x * g.constant("table", np.arange(4.0))
    left, right = scaled.linear(6, name="fc").split(2, axis=1)
    (left,) = left.split(1, axis=0)  # a tuple of one
    y = (left + (1.0 - right).dropout(rate=0.5, name="drop")).reshape((-1,))
    g.output("pose", y / x.shape[0])  # a length as a number
    seen = g.param("seen", (), init=("zeros", 0.0), trainable=False, dtype="int64")
    g.update(seen, seen + 1)
    return g.finish()


def test_the_source_is_readable() -> None:
    # line numbers of this file are asked about below
    text = re.sub(r"tests/backends/test_emit\.py:\d+", "HERE", emit.source(lifter()))
    assert text == GOLDEN


def test_each_line_ends_in_the_line_that_asked_for_it() -> None:
    lines = emit.source(lifter()).splitlines()
    [line] = [line for line in lines if "ops.linear" in line]
    number = int(re.findall(r"tests/backends/test_emit\.py:(\d+)", line)[0])
    with open(__file__, encoding="utf-8") as file:
        asking = file.read().splitlines()[number - 1]
    assert '.linear(6, name="fc")' in asking


def test_the_source_runs() -> None:
    draw = np.random.default_rng(0)
    params = {
        "fc.weight": draw.normal(size=(6, 4)),
        "fc.bias": draw.normal(size=6),
        "seen": np.array(4),
    }
    feeds = {"key-points": draw.normal(size=(5, 4)), "drop.mask": np.ones((5, 3))}
    run = emit.function(lifter(), kernels(np.float64))
    outputs, state = run(params, feeds, {"table": np.arange(4.0)})
    scaled = feeds["key-points"] * np.arange(4)
    h = scaled @ params["fc.weight"].T + params["fc.bias"]
    # nothing is dropped, and what is kept is doubled; five samples
    due = (h[:, :3] + (1 - h[:, 3:]) * 2).ravel() / 5
    assert_close(outputs["pose"], due, rtol=1e-12, what="pose")
    assert state == {"seen": 5}


def test_a_traceback_shows_the_emitted_line() -> None:
    run = emit.function(lifter(), kernels(np.float64))
    params = {"fc.weight": np.zeros((6, 5)), "fc.bias": np.zeros(6)}  # 4 were due
    with pytest.raises(ValueError) as caught:
        run(params, {"key-points": np.zeros((2, 4))}, {"table": np.zeros(4)})
    shown = "".join(traceback.format_exception(caught.value))
    # the text is in no file: linecache has it
    call = "linear_2 = ops.linear(multiply_1, params['fc.weight'], params['fc.bias'])"
    assert f"{call}  # tests/backends/test_emit.py:" in shown


def test_two_functions_keep_their_own_text() -> None:
    first, second = (emit.function(lifter(), kernels(np.float64)) for _ in range(2))
    files = [first.__code__.co_filename, second.__code__.co_filename]
    # of one name, the second would show its lines in the first one's tracebacks
    assert files[0] != files[1]
    for file in files:
        assert "ops.linear" in "".join(linecache.getlines(file))


def test_numbers_that_are_not_finite_are_written() -> None:
    g = Builder("padded")
    x = g.input("x", ("batch", 1))
    g.output("y", x.pad(axis=1, before=1, after=0, value=float("-inf")))
    outputs, _ = emit.function(g.finish(), kernels(np.float64))(
        {}, {"x": np.ones((1, 1))}, {}
    )
    assert outputs["y"].tolist() == [[-np.inf, 1.0]]


def test_taps_return_every_value() -> None:
    graph = lifter()
    names = [name for node in graph.nodes for name in node.results()]
    last = emit.source(graph, taps=True).splitlines()[-1]
    assert "split_3:1" in names, "the second of two results"
    for name in names:
        assert f"{name!r}: {emit.identifier(name)}" in last


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("linear_3:1", "linear_3_1"),
        ("bn.running_mean", "bn_running_mean"),
        ("lambda", "lambda_"),
        ("3d", "_3d"),
    ],
)
def test_names_become_identifiers(name: str, due: str) -> None:
    assert emit.identifier(name) == due
    assert due.isidentifier()
