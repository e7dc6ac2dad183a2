"""What an ONNX user takes away: checked models of native nodes, right at any length.

Files are asked about in `test_native_onnx_files.py`, sessions in `..._session.py`, training
steps in `..._training.py`, noise in `..._noise.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from bench.exam import questions
from bench.exam.examining import examine_all
from bench.exam.question import Question
from bench.exam.questions import Part
from models.builder import Builder
from models.errors import BadInput
from models.graph import Graph
from models.value import emit
from tests.asserts import assert_close
from tests.backends.native import ZOO, arrays, assert_all_close, python, small
from tests.zoo import lengths

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from backends.onnx import model as files  # noqa: E402  # after the skips
from backends.onnx.backend import OnnxBackend  # noqa: E402
from backends.onnx.model import opsets  # noqa: E402
from backends.onnx.program import OnnxProgram  # noqa: E402
from backends.onnx.writer import LENGTH  # noqa: E402
from tests.backends.onnx_models import (  # noqa: E402
    census,
    exported,
    in_plain_runtime,
    oracle,
)

# nodes that draw: what they draw is another thing in every runtime
RANDOM = {
    "Dropout",
    "Bernoulli",
    "RandomUniform",
    "RandomUniformLike",
    "RandomNormal",
    "RandomNormalLike",
}
# of ops whose nodes have changed between opsets
CHANGED = (
    "attention",
    "gelu",
    "layer_norm",
    "softmax",
    "pad",
    "max",
    "astype",
    "conv_transpose",
    "scatter_add",
    "split",
    "reshape",
)


@ZOO
def test_an_export_is_a_checked_model_of_plain_onnx(name: str) -> None:
    graph = small(name).infer
    for opset in (opsets()[0], files.DEFAULT, opsets()[-1]):
        proto = exported(graph, opset=opset)
        onnx.checker.check_model(proto, full_check=True)
        imported = [(one.domain, one.version) for one in proto.opset_import]
        assert imported == [("", opset)]
        # the empty domain is ONNX's own
        assert {node.domain for node in proto.graph.node} == {""}
        assert not RANDOM & set(census(proto))
        assert not trains(proto)
        # weights and state are stored, not fed; noise is
        fed = [*graph.inputs, *graph.noise]
        assert [one.name for one in proto.graph.input] == fed


def trains(proto: Any) -> bool:
    """Whether a node is told to behave as in training."""
    attributes = [a for node in proto.graph.node for a in node.attribute]
    return any(a.name == "training_mode" and a.i for a in attributes)


@ZOO
def test_weights_keep_their_names(name: str) -> None:
    graph = small(name).infer
    stored = {tensor.name for tensor in exported(graph).graph.initializer}
    read = {operand for node in graph.nodes for operand in node.values()}
    assert {key for key in graph.params if key in read} <= stored
    # nothing reads it
    assert not [key for key in stored if key.endswith("num_batches_tracked")]


@ZOO
def test_axes_keep_their_names(name: str) -> None:
    graph = small(name).infer
    outputs = {key: graph.types[value] for key, value in graph.outputs.items()}
    noise = {name: drawn.type for name, drawn in graph.noise.items()}
    types = {**graph.inputs, **noise, **outputs}
    proto = exported(graph)
    for one in (*proto.graph.input, *proto.graph.output):
        axes = one.type.tensor_type.shape.dim
        shown = tuple(axis.dim_param or axis.dim_value for axis in axes)
        due = types[one.name].shape
        assert shown == tuple(n if isinstance(n, int) else str(n) for n in due)
    first = proto.graph.input[0].type.tensor_type.shape.dim[0]
    assert first.dim_param == "batch"


def test_each_node_names_the_line_of_the_model() -> None:
    written = []
    for node in exported(small("motionbert").infer).graph.node:
        # axis arithmetic, and outputs under their names, are nobody's line
        if not node.name.startswith((f"{LENGTH}/", "output ")):
            written.append(node)
    assert len(written) > 100
    assert all("models/zoo/motionbert.py:" in node.doc_string for node in written)


@ZOO
@pytest.mark.parametrize("opset", [18, files.DEFAULT, opsets()[-1]])
def test_it_runs_at_any_batch_and_length(name: str, opset: int) -> None:
    graph = small(name).infer
    proto = exported(graph, opset=opset)
    taken = lengths(name)
    # an odd length beside the even ones, where the model is open
    more = (taken[-1] - 1,) if len(taken) > 1 else ()
    sizes = [(1, taken[0]), (3, taken[0]), *((17, frames) for frames in taken + more)]
    for batch, frames in sizes:
        feeds = arrays(graph, batch=batch, frames=frames)
        came = in_plain_runtime(proto, feeds)["pose"]
        due = oracle(graph, feeds)["pose"]
        assert_close(came, due, rtol=1e-5, what=f"{name} {batch} x {frames}")


def test_a_file_needs_nothing_of_ours(tmp_path: Path) -> None:
    proto = exported(small("videopose3d").infer)
    files.save(proto, tmp_path / "lifter.onnx", external=True)
    script = """
import sys, numpy, onnxruntime
providers = ["CPUExecutionProvider"]
session = onnxruntime.InferenceSession("lifter.onnx", providers=providers)
keypoints = numpy.zeros((2, 30, 17, 2), "float32")
[pose] = session.run(["pose"], {"keypoints": keypoints})
print(pose.shape, sorted({"models", "backends", "torch"} & sys.modules.keys()))
"""
    # 30 frames in, 27 behind each that comes out
    assert python(script, tmp_path) == "(2, 4, 17, 3) []"


@pytest.mark.parametrize(("node", "since"), [("Gelu", 20), ("Attention", 23)])
def test_native_nodes_where_the_opset_has_them_and_bodies_where_not(
    node: str,
    since: int,
) -> None:
    graph = small("motionbert", depth=2).infer
    # two blocks in two streams: four norms in each stream of each block, and the last
    assert census(exported(graph, opset=18))["LayerNormalization"] == 17
    assert census(exported(graph, opset=since))[node] == 8
    assert node not in census(exported(graph, opset=since - 1))


def test_an_opset_that_does_not_exist_is_answered_by_the_list() -> None:
    assert {18, 20, 23} <= set(opsets())
    assert 17 not in opsets()
    graph = small("simple_baseline").infer
    last = opsets()[-1]
    for wrong in (17, last + 1, 99):
        said = f"opset {wrong} does not exist here; choose one of 18, 19, .*{last}$"
        with pytest.raises(BadInput, match=said):
            exported(graph, opset=wrong)


@pytest.mark.parametrize(
    "opset",
    [opset for opset in opsets() if opset != files.DEFAULT],
)
def test_ops_are_right_in_the_other_opsets(opset: int) -> None:
    backend = OnnxBackend(opset=opset)
    part = Part(("float32", "int64", "bool"))
    rows = []
    for name in CHANGED:
        for asked in questions.questions(name, part):
            question = Question(backend, Settings(), asked.probe, asked.case)
            rows += examine_all([question])
    assert len(rows) > 400
    assert [row for row in rows if row.result == "failed"] == []


def lengths_of_axes() -> Graph:
    """The product of two axes, and bounds that are computed."""
    g = Builder("lengths")
    x = g.input("x", ("batch", "frames", 4))
    rows = x.permute_dims((1, 0, 2)).reshape(("frames*batch", 2, 2))
    g.output("mean", rows.mean(axis=0, keepdims=False))
    padded = x.pad(axis=1, before=x.shape[0], after=1, value=2.0)
    g.output("ends", padded.slice(axis=1, start=1, stop=x.shape[1] + 1, step=1))
    return g.finish()


def test_computed_lengths_and_the_product_of_two_axes() -> None:
    graph = lengths_of_axes()
    proto = exported(graph)
    for batch, frames in ((1, 1), (3, 5)):
        feeds = arrays(graph, batch=batch, frames=frames)
        came, due = in_plain_runtime(proto, feeds), oracle(graph, feeds)
        assert_all_close(came, due, rtol=1e-6)


def test_an_output_may_be_an_input_a_weight_or_another_output() -> None:
    g = Builder("plain")
    x = g.input("x", ("batch", 3))
    w = g.param("w", (3,), init=("ones", 0.0))
    for key, value in (("copy", x), ("w", w), ("y", x * w), ("x", x)):
        g.output(key, value)
    program = OnnxProgram(g.finish(), Settings())
    came = program({"x": np.full((2, 3), 2.0)})
    assert came["w"].tolist() == [1.0] * 3
    for key in ("copy", "y", "x"):
        assert came[key].tolist() == [[2.0] * 3] * 2, key


PLAIN: dict[str, Any] = {"dilation": 1, "padding": 0, "bias": True}


@pytest.mark.parametrize(
    ("frames", "stride", "due"),
    [(9, 3, {"Gemm": 3}), (27, 1, {"Conv": 1}), (27, 3, {"Gemm": 9})],
)
def test_a_convolution_of_few_steps_is_a_product_for_each(
    frames: int, stride: int, due: dict[str, int]
) -> None:
    g = Builder("few")
    x = g.input("x", ("batch", 4, frames))
    g.output("y", x.conv1d(5, kernel=3, stride=stride, name="conv", **PLAIN))
    graph = g.finish()
    found = census(OnnxProgram(graph, Settings()).native)
    assert {op: found.get(op, 0) for op in due} == due
    assert sum(found.get(op, 0) for op in ("Gemm", "Conv")) == sum(due.values())
    rng = np.random.default_rng(0)
    feeds = {"x": rng.normal(size=(2, 4, frames)).astype(np.float32)}
    found_y = in_plain_runtime(exported(graph), feeds)["y"]
    assert_close(found_y, oracle(graph, feeds)["y"], rtol=1e-5, what="y")


@pytest.mark.parametrize("frames", [4, 30])
def test_of_no_samples_a_convolution_makes_none(frames: int) -> None:
    g = Builder("none")
    x = g.input("x", ("batch", 4, frames))
    g.output("y", x.conv1d(5, kernel=3, stride=3, name="conv", **PLAIN))
    graph = g.finish()
    feeds = {"x": np.zeros((0, 4, frames), np.float32)}
    found = in_plain_runtime(exported(graph), feeds)["y"]
    assert found.shape == oracle(graph, feeds)["y"].shape


def test_a_window_that_lies_outside_altogether_has_seen_nothing() -> None:
    g = Builder("outside")
    x = g.input("x", (2, 3, 2))
    g.output("y", x.max_pool1d(kernel=2, stride=1, padding=1, dilation=3))
    graph = g.finish()
    came = OnnxProgram(graph, Settings())({"x": np.ones((2, 3, 2), np.float32)})
    assert came["y"].shape == (2, 3, 1) and (came["y"] == -np.inf).all()


def test_of_no_channels_a_transposed_convolution_makes_none() -> None:
    g = Builder("none")
    x, weight = g.input("x", (2, 3, 2)), g.input("w", (3, 0, 2))
    steps = {"stride": (2,), "dilation": (1,), "padding": (0,)}
    g.output("y", emit("conv_transpose", x, weight, **steps, length=(4,)))
    fed = {"x": np.ones((2, 3, 2), np.float32), "w": np.ones((3, 0, 2), np.float32)}
    assert OnnxProgram(g.finish(), Settings())(fed)["y"].shape == (2, 0, 4)


def test_what_goes_out_is_not_copied() -> None:
    g = Builder("plain")
    x = g.input("x", ("batch", 4))
    g.output("y", x.relu())
    g.output("again", x.relu())
    assert "Identity" not in census(OnnxProgram(g.finish(), Settings()).native)
