"""What a PyTorch user takes away: a GraphModule of native calls, under official names.

It copies and pickles like any module, with nothing of ours inside. How it compiles and
exports is asked in `test_native_torch_compile.py`, how it runs in `..._run.py`.
"""

from __future__ import annotations

import copy
import io
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from models import params
from models.builder import Builder
from models.graph import Graph
from tests.asserts import assert_close
from tests.backends.native import ZOO, arrays, assert_equal, python, small

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch.module import module  # noqa: E402  # after the skip
from backends.torch.program import TorchProgram  # noqa: E402

HALVES = pytest.mark.parametrize("half", ["train", "infer"])
# where PyTorch's own functions say that they live
NATIVE_MODULES = {
    "_operator",
    "torch",
    "torch.nn.functional",
    "torch._C._nn",
    "torch._C._linalg",
    "torch._tensor",
    "builtins",
    "None",
}
NODES = {"placeholder", "get_attr", "call_function", "call_method", "output"}


def realised(graph: Graph, *, draw_noise: bool = False) -> TorchProgram:
    program = TorchProgram(graph, Settings(draw_noise=draw_noise))
    program.load(params.draw(graph.params, seed=1))
    return program


def call(program: TorchProgram, native: Any, **lengths: int) -> list[np.ndarray]:
    """Outputs of any form of the module, on the same inputs."""
    feeds = program.put(arrays(program.graph, **lengths))
    with torch.no_grad():
        # a module, or something compiled from one
        result = native(*[feeds[name] for name in program.feeds])
    return [value.numpy() for value in program.named(result).values()]


def assert_same(
    came: list[np.ndarray],
    due: list[np.ndarray],
    *,
    what: str,
    rtol: float = 0,
) -> None:
    assert len(came) == len(due)
    for one, other in zip(came, due, strict=True):
        assert_close(one, other, rtol=rtol, what=what, dtype="float32")


@ZOO
def test_the_state_dict_has_the_official_names(name: str) -> None:
    spec = small(name)
    for graph in (spec.train, spec.infer):
        native = realised(graph).native
        assert list(native.state_dict()) != []
        # what only a loss reads, production does not carry
        assert set(native.state_dict()) == set(graph.params) <= set(spec.parameters)
        trained = {key for key, _ in native.named_parameters()}
        assert trained == set(graph.trainable()) != set()


@ZOO
def test_the_code_is_native_calls_alone(name: str) -> None:
    spec = small(name)
    ours = r"backends|models|poseport|kernels|eval\(|\bops\."
    for graph in (spec.train, spec.infer):
        native = realised(graph, draw_noise=True).native
        assert not re.search(ours, native.code)
        nodes = list(native.graph.nodes)
        called = [node.target for node in nodes if node.op == "call_function"]
        assert {str(target.__module__) for target in called} <= NATIVE_MODULES
        # a call of a submodule would be one of a class of ours
        assert {node.op for node in nodes} <= NODES


def test_the_code_reads_like_a_forward() -> None:
    g = Builder("layer")
    x = g.input("keypoints", ("batch", 3)).linear(4, name="up")
    x = x.gelu(approximate="none").reshape(("batch", 2, 2))
    g.output("pose", x.layer_norm(eps=1e-6, name="norm"))
    code = module(g.finish(), draw_noise=False).code
    assert "def forward(self, keypoints):" in code
    due = (
        "up_weight = self.up.weight",
        "torch._C._nn.linear(keypoints, up_weight, up_bias)",
        "approximate = 'none'",
        ".reshape((-1, 2, 2))",
        "torch.nn.functional.layer_norm(",
    )
    for line in due:
        assert line in code, code


def test_each_node_knows_the_line_of_the_model() -> None:
    traces = []
    for node in realised(small("motionbert").infer).native.graph.nodes:
        # operators may be arithmetic on lengths, which no line asked for
        if node.op == "call_function" and node.target.__module__ != "_operator":
            traces.append(node.meta.get("stack_trace", ""))
    assert traces
    assert all("models/zoo/motionbert.py" in trace for trace in traces)


@ZOO
@HALVES
def test_a_deep_copy_is_complete_and_its_own(name: str, half: str) -> None:
    spec = small(name)
    program = realised(getattr(spec, half))
    twin = copy.deepcopy(program.native)
    # fx itself would leave out what no code reads
    assert set(twin.state_dict()) == set(program.native.state_dict())
    due = call(program, program.native, frames=spec.frames)
    assert_same(call(program, twin, frames=spec.frames), due, what=name)
    before = program.params()
    with torch.no_grad():
        for param in twin.parameters():
            param.add_(1)
    assert_equal(program.params(), before)


@ZOO
def test_it_pickles(name: str) -> None:
    """Unread buffers (num_batches_tracked of an inference graph) stay behind.

    PyTorch traces a pickled module anew.
    """
    spec = small(name)
    for graph in (spec.train, spec.infer):
        program = realised(graph)
        twin = pickle.loads(pickle.dumps(program.native))
        lost = set(program.native.state_dict()) - set(twin.state_dict())
        assert all(key.endswith("num_batches_tracked") for key in lost)
        # a train graph counts its batches, so nothing of it is unread
        assert not lost or graph is spec.infer
        due = call(program, program.native, frames=spec.frames)
        assert_same(call(program, twin, frames=spec.frames), due, what=name)


def test_a_pickle_needs_nothing_of_ours(tmp_path: Path) -> None:
    program = realised(small("videopose3d").infer)
    torch.save(program.native, tmp_path / "lifter.pt")
    script = """
import sys, torch
native = torch.load("lifter.pt", weights_only=False)
shape = tuple(native(torch.zeros(2, 30, 17, 2)).shape)
print(shape, sorted({"models", "backends"} & sys.modules.keys()))
"""
    # 30 frames in, 27 behind each that comes out
    assert python(script, tmp_path) == "(2, 4, 17, 3) []"


def test_constants_move_with_the_module_but_are_no_weights() -> None:
    g = Builder("table")
    w = g.param("w", (3,), init=("ones", 0.0))
    x = g.input("x", ("batch", 3))
    g.output("y", x * g.constant("table", np.arange(3.0)) * w)
    native = realised(g.finish()).native
    # a copy is made anew from the code, and must be told which buffers are constants
    for one in (native, copy.deepcopy(native)):
        assert set(one.state_dict()) == {"w"}
        assert {key for key, _ in one.named_buffers()} == {"constant_table"}
    assert native.to(torch.float64).constant_table.dtype == torch.float64


def test_an_official_checkpoint_round_trips_strictly() -> None:
    spec = small("simple_baseline")
    first = realised(spec.train).native
    second = module(spec.infer, draw_noise=False)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    loaded = second.load_state_dict(torch.load(file), strict=True)
    assert loaded.missing_keys == []
    held = second.state_dict()
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, held[key]), key


def test_running_statistics_pass_from_the_train_to_the_inference_module() -> None:
    spec = small("videopose3d")
    train, infer = realised(spec.train), realised(spec.infer)
    before = infer.params()
    train(arrays(spec.train))
    infer.load(train.params())
    after = infer.params()
    running = [key for key in before if "running" in key]
    moved = [key for key in running if not np.array_equal(before[key], after[key])]
    assert len(moved) == 2 * 5, "mean and variance of five batch norms"
    assert all(int(after[key]) == 1 for key in before if key.endswith("tracked"))


def test_mode_belongs_to_the_graph_and_not_to_a_flag() -> None:
    spec = small("videopose3d")
    train = realised(spec.train)
    train.native.eval()
    before = train.params()["expand_bn.running_mean"]
    train(arrays(spec.train))
    assert not np.array_equal(before, train.params()["expand_bn.running_mean"])
