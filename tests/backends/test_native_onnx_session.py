"""ONNX Runtime sessions: the provider asked for and no other, threads, copies of arrays."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backends.base import Settings, Unsupported
from models import params
from models.errors import BadInput
from tests.backends.native import arrays, small

pytest.importorskip("onnx", reason="onnx is not installed")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from backends.onnx import session as sessions  # noqa: E402  # after the skips
from backends.onnx.backend import OnnxBackend  # noqa: E402
from backends.onnx.program import OnnxProgram  # noqa: E402
from backends.onnx.session import Session  # noqa: E402
from backends.onnx.writer import LENGTH  # noqa: E402
from tests.backends.onnx_models import CPU, exported  # noqa: E402


def test_the_provider_that_runs_is_recorded_for_every_node() -> None:
    program = OnnxProgram(small("motionbert").infer, Settings(), threads=1)
    placed = program.session.placed
    assert set(placed) == {CPU}
    assert placed[CPU] > 100


def test_a_provider_that_is_not_here_is_answered_by_the_list() -> None:
    proto = exported(small("simple_baseline").infer)
    said = f"no provider TpuExecutionProvider here; choose one of .*{CPU}"
    with pytest.raises(BadInput, match=said):
        Session(proto, provider="TpuExecutionProvider", threads=1)


def test_a_silent_fall_back_is_an_error() -> None:
    # comes with the CPU build and takes no node of ours
    idle = "AzureExecutionProvider"
    if idle not in ort.get_available_providers():
        pytest.skip(f"this build of onnxruntime has no {idle} to fall back from")
    proto = exported(small("simple_baseline").infer)
    said = f"{idle} was asked for, but it runs .*Gemm.* elsewhere"
    with pytest.raises(Unsupported, match=said):
        Session(proto, provider=idle, threads=1)


def placed(*parts: tuple[str, str, str]) -> Any:
    """A session that has put nodes, each of a name and an op, on providers."""
    assigned = []
    for provider, name, op in parts:
        node = SimpleNamespace(name=name, op_type=op)
        # the argument binds the node of this turn
        part = SimpleNamespace(ep_name=provider, get_nodes=lambda node=node: [node])
        assigned.append(part)
    return SimpleNamespace(
        get_provider_graph_assignment_info=lambda: assigned,
        get_providers=lambda: ["Gpu", CPU],
    )


def test_axis_arithmetic_may_stay_on_the_cpu_and_nothing_else() -> None:
    on_gpu = ("Gpu", "linear_1/MatMul.3", "MatMul")
    length = (CPU, f"{LENGTH}/Shape.1", "Shape")
    sessions._refuse_fallback(placed(on_gpu, length), "Gpu")
    strayed = placed(on_gpu, length, (CPU, "erf_2/Erf.9", "Erf"))
    said = "Gpu was asked for, but it runs Erf elsewhere"
    with pytest.raises(Unsupported, match=said):
        sessions._refuse_fallback(strayed, "Gpu")
    # ONNX Runtime warns, and goes on without it
    with pytest.raises(Unsupported, match="it could not be started"):
        sessions._refuse_fallback(placed(), "Other")


REFUSED = "ONNX Runtime has no autocast|weights are float32|no such precision"


@pytest.mark.parametrize("precision", ["bf16", "fp16", "fp64", "fp8"])
def test_a_precision_that_is_not_here_is_refused_with_a_reason(precision: str) -> None:
    graph = small("simple_baseline").infer
    with pytest.raises(Unsupported, match=f"onnx on cpu: {precision}: ({REFUSED})"):
        OnnxBackend().program(graph, Settings(precision=precision))


def test_threads_are_those_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "3,2")
    backend = OnnxBackend()
    assert backend.threads == 3
    backend.pin(threads=2)
    program = backend.program(small("simple_baseline").infer, Settings())
    assert isinstance(program, OnnxProgram)
    options = program.session.native.get_session_options()
    assert options.intra_op_num_threads == 2


def test_loading_and_feeding_copy() -> None:
    program = OnnxProgram(small("simple_baseline").infer, Settings(), threads=1)
    weights, fed = program.params(), arrays(program.graph)
    program.load(weights)
    feeds = program.put(fed)
    due = program.numpy(program.run(feeds)["pose"])
    # an OrtValue on the CPU shares the memory of the array that it is made from
    program.params()["w1.weight"][:] = 9
    weights["w1.weight"][:] = 9
    fed["keypoints"][:] = 9
    assert np.array_equal(program.numpy(program.run(feeds)["pose"]), due)
    assert (program.params()["w1.weight"] != 9).all()


def test_running_statistics_pass_from_training_to_inference() -> None:
    spec = small("videopose3d")
    train = OnnxProgram(spec.train, Settings(), threads=1)
    infer = OnnxProgram(spec.infer, Settings(), threads=1)
    weights = params.draw(spec.parameters, seed=1)
    for program in (train, infer):
        program.load(weights)
    train(arrays(spec.train, frames=27))
    feeds = arrays(spec.infer, frames=30)
    before = infer(feeds)["pose"]
    infer.load(train.params())
    after = infer.params()
    moved = [key for key in weights if not np.array_equal(weights[key], after[key])]
    assert len(moved) == 3 * 5, "mean, variance and count of five batch norms"
    counts = [int(after[key]) for key in after if key.endswith("tracked")]
    assert set(counts) == {1}
    # the session is made anew with the new statistics
    assert not np.array_equal(infer(feeds)["pose"], before)
