"""What an ONNX user takes away: checked models of native nodes that run in plain ONNX
Runtime at any length, and training steps.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings, Unsupported
from backends.numpy.backend import NumpyBackend
from bench.exam import task as shape_ops
from models import dims, params
from models.builder import Builder
from models.errors import BadInput
from models.graph import Graph
from models.optim import Optimizer
from tests.asserts import assert_close

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from backends.onnx import model as files  # noqa: E402  # after the skip
from backends.onnx.backend import OnnxBackend  # noqa: E402
from backends.onnx.model import model, opsets  # noqa: E402
from backends.onnx.noise import Noise  # noqa: E402
from backends.onnx.program import OnnxProgram  # noqa: E402
from backends.onnx.session import Session  # noqa: E402
from backends.onnx.train import LR, STEP, OnnxTrainer  # noqa: E402
from backends.onnx.writer import LENGTH, NEXT  # noqa: E402

ZOO = pytest.mark.parametrize("name", models.names())
FRAMES = {
    "motionbert": (9, 5, 27),
    "poseformer": (9,),
    "videopose3d": (30, 27, 41),
    "simple_baseline": (1,),
}
CPU = "CPUExecutionProvider"
Arrays = dict[str, np.ndarray]


def small(name: str, **sizes: object) -> models.Spec:
    width = {"width": 64 if name == "simple_baseline" else 16}
    return models.build(name, preset="small", **{**width, **sizes})


def arrays(graph: Graph, *, batch: int = 4, frames: int = 9) -> Arrays:
    draw = np.random.default_rng(0)
    lengths = {"batch": batch, "frames": frames}
    fed = {
        name: draw.normal(size=dims.bind(type_.shape, lengths))
        for name, type_ in graph.inputs.items()
    }
    masks = {
        name: draw.random(dims.bind(noise.type.shape, lengths)) < noise.number
        for name, noise in graph.noise.items()
    }
    return {name: array.astype(np.float32) for name, array in (fed | masks).items()}


def exported(graph: Graph, *, opset: int = files.DEFAULT) -> Any:
    return model(graph, params.draw(graph.params, seed=1), opset=opset)


def in_plain_runtime(proto: Any, feeds: Arrays) -> Arrays:
    session = ort.InferenceSession(proto.SerializeToString(), providers=[CPU])
    return dict(
        zip(
            [output.name for output in session.get_outputs()],
            session.run(None, feeds),
            strict=True,
        )
    )


def oracle(graph: Graph, feeds: Arrays) -> Arrays:
    program = NumpyBackend().program(graph, Settings(precision="fp64"))
    program.load(params.draw(graph.params, seed=1))
    return program(feeds)


def census(proto: Any) -> Counter[str]:
    return Counter(node.op_type for node in proto.graph.node)


def trainer(
    graph: Graph, *, rule: str = "adamw", lr: float = 1e-3, draw_noise: bool = True
) -> OnnxTrainer:
    made = OnnxTrainer(
        OnnxProgram(graph, Settings(draw_noise=draw_noise, seed=3), threads=1),
        Optimizer(rule, lr, 0.01),
    )
    made.program.load(params.draw(graph.params, seed=1))
    return made


@ZOO
def test_an_export_is_a_checked_model_of_plain_onnx(name: str) -> None:
    spec = small(name)
    for opset in (opsets()[0], files.DEFAULT, opsets()[-1]):
        proto = exported(spec.infer, opset=opset)
        onnx.checker.check_model(proto, full_check=True)
        assert [(one.domain, one.version) for one in proto.opset_import] == [("", opset)]
        assert {node.domain for node in proto.graph.node} == {""}
        assert not {
            "Dropout",
            "Bernoulli",
            "RandomUniform",
            "RandomUniformLike",
            "RandomNormal",
            "RandomNormalLike",
        } & set(census(proto))
        assert not [
            a
            for node in proto.graph.node
            for a in node.attribute
            if a.name == "training_mode" and a.i
        ]
        assert [one.name for one in proto.graph.input] == list(spec.infer.inputs), (
            "weights and state are stored, not fed"
        )


@ZOO
def test_axes_and_weights_keep_their_names(name: str) -> None:
    graph = small(name).infer
    proto = exported(graph)
    stored = {tensor.name for tensor in proto.graph.initializer}
    read = {operand for node in graph.nodes for operand in node.values()}
    assert {key for key in graph.params if key in read} <= stored
    assert not [
        key for key in graph.params if key.endswith("num_batches_tracked") and key in stored
    ], "nothing reads it"
    for one in (*proto.graph.input, *proto.graph.output):
        type_ = {
            **graph.inputs,
            **{key: graph.types[value] for key, value in graph.outputs.items()},
        }[one.name]
        shown = tuple(
            axis.dim_param or axis.dim_value for axis in one.type.tensor_type.shape.dim
        )
        assert shown == tuple(
            length if isinstance(length, int) else str(length) for length in type_.shape
        )
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_each_node_names_the_line_of_the_model() -> None:
    nodes = exported(small("motionbert").infer).graph.node
    written = [
        node for node in nodes if not node.name.startswith((f"{LENGTH}/", "output "))
    ]
    assert len(written) > 100 and all(
        "models/zoo/motionbert.py:" in node.doc_string for node in written
    )


@ZOO
@pytest.mark.parametrize("opset", [18, files.DEFAULT, opsets()[-1]])
def test_it_runs_at_any_batch_and_length(name: str, opset: int) -> None:
    graph = small(name).infer
    proto = exported(graph, opset=opset)
    for batch, frames in [
        (1, FRAMES[name][0]),
        (3, FRAMES[name][0]),
        *[(17, frames) for frames in FRAMES[name]],
    ]:
        feeds = arrays(graph, batch=batch, frames=frames)
        assert_close(
            in_plain_runtime(proto, feeds)["pose"],
            oracle(graph, feeds)["pose"],
            rtol=1e-5,
            what=f"{name} {batch} x {frames}",
        )


def test_a_file_needs_nothing_of_ours(tmp_path: Path) -> None:
    files.save(
        exported(small("videopose3d").infer), tmp_path / "lifter.onnx", external=True
    )
    script = (
        "import sys, numpy, onnxruntime\nsession ="
        " onnxruntime.InferenceSession('lifter.onnx',"
        " providers=['CPUExecutionProvider'])\npose = session.run(['pose'], {'keypoints':"
        " numpy.zeros((2, 30, 17, 2), 'float32')})[0]\nprint(pose.shape, sorted({'models',"
        " 'backends', 'torch'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == "(2, 4, 17, 3) []", done.stderr


@pytest.mark.parametrize(("node", "since"), [("Gelu", 20), ("Attention", 23)])
def test_native_nodes_where_the_opset_has_them_and_bodies_where_not(
    node: str, since: int
) -> None:
    graph = small("motionbert").infer
    assert census(exported(graph, opset=18))["LayerNormalization"] == 17
    assert census(exported(graph, opset=since))[node] == 8
    assert node not in census(exported(graph, opset=since - 1))


def test_an_opset_that_does_not_exist_is_answered_by_the_list() -> None:
    assert {18, 20, 23} <= set(opsets()) and 17 not in opsets()
    beyond = opsets()[-1] + 1
    for wrong in (17, beyond, 99):
        with pytest.raises(
            BadInput,
            match=(
                f"opset {wrong} does not exist here; choose one of 18, 19,"
                f" .*{opsets()[-1]}$"
            ),
        ):
            exported(small("simple_baseline").infer, opset=wrong)


@pytest.mark.parametrize("opset", [opset for opset in opsets() if opset != files.DEFAULT])
def test_ops_are_right_in_the_other_opsets(opset: int) -> None:
    backend = OnnxBackend(opset=opset)
    rows = []
    for name in (
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
    ):
        for probe, case in shape_ops.probes(name):
            rows += shape_ops.examine(shape_ops.Question(backend, Settings(), probe, case))
    assert len(rows) > 400 and [row for row in rows if row.result == "failed"] == []


def test_computed_lengths_and_the_product_of_two_axes() -> None:
    g = Builder("lengths")
    x = g.input("x", ("batch", "frames", 4))
    rows = (
        x.permute_dims((1, 0, 2))
        .reshape(("frames*batch", 2, 2))
        .mean(axis=0, keepdims=False)
    )
    g.output("mean", rows)
    g.output(
        "ends",
        x.pad(axis=1, before=x.shape[0], after=1, value=2.0).slice(
            axis=1, start=1, stop=x.shape[1] + 1, step=1
        ),
    )
    graph = g.finish()
    proto = exported(graph)
    for batch, frames in ((1, 1), (3, 5)):
        feeds = arrays(graph, batch=batch, frames=frames)
        came, due = in_plain_runtime(proto, feeds), oracle(graph, feeds)
        for key, array in due.items():
            assert_close(came[key], array, rtol=1e-6, what=key)


def test_an_output_may_be_an_input_a_weight_or_another_output() -> None:
    g = Builder("plain")
    x, w = g.input("x", ("batch", 3)), g.param("w", (3,), init=("ones", 0.0))
    for key, value in (("copy", x), ("w", w), ("y", x * w), ("x", x)):
        g.output(key, value)
    program = OnnxProgram(g.finish(), Settings())
    came = program({"x": np.full((2, 3), 2.0)})
    assert [came[key].tolist() for key in ("copy", "w", "y", "x")] == [
        [[2.0] * 3] * 2,
        [1.0] * 3,
        [[2.0] * 3] * 2,
        [[2.0] * 3] * 2,
    ]


def test_large_arrays_go_beside_the_model_and_come_back(tmp_path: Path) -> None:
    proto = exported(small("simple_baseline").infer)
    path = tmp_path / "net.onnx"
    for _ in range(2):  # the second time over the first
        files.save(proto, path, external=True)
    assert (
        path.stat().st_size
        < 20_000
        < (tmp_path / "net.onnx.data").stat().st_size
        < proto.ByteSize()
    )
    back = files.load(path)
    assert back.graph.node == proto.graph.node and len(back.graph.initializer) == len(
        proto.graph.initializer
    )
    for one, other in zip(back.graph.initializer, proto.graph.initializer, strict=True):
        assert one.name == other.name and np.array_equal(
            onnx.numpy_helper.to_array(one), onnx.numpy_helper.to_array(other)
        )
    files.save(proto, tmp_path / "whole.onnx")
    assert (
        files.load(tmp_path / "whole.onnx") == proto
        and not (tmp_path / "whole.onnx.data").exists()
    )


def moved(tmp_path: Path, place: Callable[[Path], str]) -> Path:
    """A model whose data lie where `place` puts them."""
    home = tmp_path / "home"
    home.mkdir()
    files.save(exported(small("simple_baseline").infer), home / "net.onnx", external=True)
    location = place(home / "net.onnx.data")
    proto = onnx.load_model(home / "net.onnx", load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    onnx.save_model(proto, home / "net.onnx")
    return home / "net.onnx"


def up(data: Path) -> str:
    data.rename(data.parent.parent / "net.data")
    return "../net.data"


def absolute(data: Path) -> str:
    return str(data.rename(data.parent.parent / "net.data"))


def linked(data: Path) -> str:
    data.rename(data.parent.parent / "net.data")
    data.symlink_to("../net.data")
    return data.name


@pytest.mark.parametrize("place", [up, absolute, linked])
def test_data_outside_the_folder_are_refused(
    place: Callable[[Path], str], tmp_path: Path
) -> None:
    with pytest.raises(
        BadInput,
        match=(
            r"net.onnx: the data of .* lie outside the model's folder, at .*net.*data; move"
            r" them beside the model"
        ),
    ):
        files.load(moved(tmp_path, place))


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match="the data of .* are missing: no file 'lost.data' beside the model"
    ):
        files.load(moved(tmp_path, lambda data: "lost.data"))
    (tmp_path / "text.onnx").write_text("not a model")
    for name in ("text.onnx", "absent.onnx"):
        with pytest.raises(BadInput, match=f"{name}: not an ONNX model"):
            files.load(tmp_path / name)
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(BadInput, match=r"empty.onnx: a broken ONNX model"):
        files.load(tmp_path / "empty.onnx")


def test_the_provider_that_runs_is_recorded_for_every_node() -> None:
    program = OnnxProgram(small("motionbert").infer, Settings(), threads=1)
    assert set(program.session.placed) == {CPU} and program.session.placed[CPU] > 100


def test_a_silent_fall_back_is_an_error() -> None:
    proto = exported(small("simple_baseline").infer)
    with pytest.raises(
        BadInput, match=f"no provider TpuExecutionProvider here; choose one of .*{CPU}"
    ):
        Session(proto, provider="TpuExecutionProvider", threads=1)
    idle = "AzureExecutionProvider"  # comes with the CPU build and takes no node of ours
    if idle not in ort.get_available_providers():
        pytest.skip(f"this build of onnxruntime has no {idle} to fall back from")
    with pytest.raises(
        Unsupported, match=f"{idle} was asked for, but it runs .*Gemm.* elsewhere"
    ):
        Session(proto, provider=idle, threads=1)


def test_axis_arithmetic_may_stay_on_the_cpu_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from backends.onnx import session as sessions

    def session(*parts: tuple[str, str, str]) -> Any:
        made = [
            SimpleNamespace(
                ep_name=ep, get_nodes=lambda n=n, o=o: [SimpleNamespace(name=n, op_type=o)]
            )
            for ep, n, o in parts
        ]
        return SimpleNamespace(
            get_provider_graph_assignment_info=lambda: made,
            get_providers=lambda: ["Gpu", CPU],
        )

    on_gpu, length = (
        ("Gpu", "linear_1/MatMul.3", "MatMul"),
        (
            CPU,
            f"{LENGTH}/Shape.1",
            "Shape",
        ),
    )
    sessions._refuse_fallback(session(on_gpu, length), "Gpu")
    with pytest.raises(Unsupported, match="Gpu was asked for, but it runs Erf elsewhere"):
        sessions._refuse_fallback(
            session(on_gpu, length, (CPU, "erf_2/Erf.9", "Erf")), "Gpu"
        )
    with pytest.raises(Unsupported, match="it could not be started"):
        sessions._refuse_fallback(session(), "Other")


@pytest.mark.parametrize("precision", ["bf16", "fp16", "fp64", "fp8"])
def test_a_precision_that_is_not_here_is_refused_with_a_reason(precision: str) -> None:
    with pytest.raises(
        Unsupported,
        match=(
            f"onnx on cpu: {precision}: (ONNX Runtime has no autocast|weights are"
            " float32|no such precision)"
        ),
    ):
        OnnxBackend().program(small("simple_baseline").infer, Settings(precision=precision))


def test_threads_are_those_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "3,2")
    backend = OnnxBackend()
    assert backend.threads == 3
    backend.pin(threads=2)
    program = backend.program(small("simple_baseline").infer, Settings())
    assert (
        isinstance(program, OnnxProgram)
        and program.session.native.get_session_options().intra_op_num_threads == 2
    )


@pytest.mark.parametrize("rule", ["sgd", "adam", "adamw", "rmsprop"])
def test_the_exported_step_trains_in_plain_onnx_runtime(rule: str) -> None:
    """State out goes in again; nothing of PosePort runs."""
    ours = trainer(small("simple_baseline").train, rule=rule, draw_noise=False)
    graph = ours.program.graph
    session = ort.InferenceSession(ours.native.SerializeToString(), providers=[CPU])
    names = [output.name for output in session.get_outputs()]
    held = {
        **ours.program.params(),
        **{key: value for key, value in ours.state().items() if not key.startswith("#")},
    }
    assert {one.name for one in session.get_inputs()} == {
        *held,
        *graph.inputs,
        *graph.noise,
        LR,
        STEP,
    }
    for step in (1, 2, 3):
        feeds = arrays(graph, batch=5 + step)
        clock = {LR: np.array(1e-3, np.float32), STEP: np.array(step)}
        results = dict(
            zip(names, session.run(None, {**held, **feeds, **clock}), strict=True)
        )
        held = {key: results[NEXT + key] for key in held}
        assert_close(
            ours.step(ours.program.put(feeds)), results["loss"], rtol=0, what=f"loss {step}"
        )
    after = {**ours.program.params(), **ours.state()}
    assert all(np.array_equal(after[key], array) for key, array in held.items())


@pytest.mark.parametrize("rule", ["sgd", "adam", "adamw", "rmsprop"])
def test_the_step_graph_follows_the_written_rule(rule: str) -> None:
    graph = small("simple_baseline").train
    ours = trainer(graph, rule=rule, draw_noise=False)
    due = NumpyBackend().trainer(
        graph, Optimizer(rule, 1e-3, 0.01), Settings(precision="fp64")
    )
    due.program.load(params.draw(graph.params, seed=1))
    start = ours.program.params()
    for _ in range(3):
        feeds = arrays(graph)
        assert_close(
            ours.step(ours.program.put(feeds)),
            due.step(due.program.put(feeds)),
            rtol=2e-5,
            what="loss",
        )
    changes = {
        name: np.linalg.norm(array - start[name])
        for name, array in due.program.params().items()
    }
    # not biases before a batch norm: their gradient is 0, and rounding
    real = [name for name, change in changes.items() if change > 1e-4]
    assert len(real) > 10
    for name in real:
        assert (
            np.linalg.norm(ours.program.params()[name] - due.program.params()[name])
            <= 1e-2 * changes[name]
        ), name


@ZOO
def test_training_resumes_exactly(name: str) -> None:
    graph = (
        small(name, depth=1).train
        if name in ("motionbert", "poseformer")
        else small(name).train
    )
    feeds = [
        arrays(graph, batch=batch, frames=FRAMES[name][0] if name != "videopose3d" else 27)
        for batch in (3, 4, 2, 3)
    ]
    one, other = trainer(graph), trainer(graph)
    losses = [float(one.step(one.program.put(fed))) for fed in feeds[:2]]
    other.program.load(one.program.params())
    other.load_state(one.state())
    for made in (one, other):
        made.set_lr(5e-4)
    for fed in feeds[2:]:
        losses.append(float(one.step(one.program.put(fed))))
        assert float(other.step(other.program.put(fed))) == losses[-1]
    assert np.isfinite(losses).all() and len(set(losses)) == len(losses)
    for key, array in {**one.program.params(), **one.state()}.items():
        assert np.array_equal(array, {**other.program.params(), **other.state()}[key]), key


def test_gradients_leave_the_weights_and_move_the_statistics() -> None:
    ours = trainer(small("simple_baseline").train)
    before = ours.program.params()
    loss, grads = ours.gradients(ours.program.put(arrays(ours.program.graph)))
    after = ours.program.params()
    assert np.isfinite(loss) and set(grads) == set(ours.program.graph.trainable())
    changed = {
        name for name, array in before.items() if not np.array_equal(array, after[name])
    }
    assert changed == set(ours.program.graph.state)


def test_running_statistics_pass_from_training_to_inference() -> None:
    spec = small("videopose3d")
    train, infer = (
        OnnxProgram(graph, Settings(), threads=1) for graph in (spec.train, spec.infer)
    )
    weights = params.draw(spec.parameters, seed=1)
    for program in (train, infer):
        program.load(weights)
    train(arrays(spec.train, frames=27))
    feeds = arrays(spec.infer, frames=30)
    before = infer(feeds)["pose"]
    infer.load(train.params())
    moved = [
        key
        for key, array in weights.items()
        if not np.array_equal(array, infer.params()[key])
    ]
    assert len(moved) == 3 * 5 and all(
        int(array) == 1 for key, array in infer.params().items() if key.endswith("tracked")
    )
    assert not np.array_equal(infer(feeds)["pose"], before), (
        "the session is made anew with the new statistics"
    )


def test_loading_and_feeding_copy() -> None:
    program = OnnxProgram(small("simple_baseline").infer, Settings(), threads=1)
    weights, fed = program.params(), arrays(program.graph)
    program.load(weights)
    feeds = program.put(fed)
    due = program.numpy(program.run(feeds)["pose"])
    program.params()["w1.weight"][:] = 9
    weights["w1.weight"][:] = 9
    fed["keypoints"][:] = 9
    assert (
        np.array_equal(program.numpy(program.run(feeds)["pose"]), due)
        and (program.params()["w1.weight"] != 9).all()
    )


def noisy(kind: str, *, rate: float = 0.3, seed: int = 0) -> OnnxProgram:
    g = Builder("noisy")
    x = g.input("x", ("batch", 50, 4))
    if kind == "dropout":
        y = x.dropout(rate=rate, name="d")
    elif kind == "drop_path":
        y = x.drop_path(rate=rate, name="d")
    else:
        y = x * 0.0 + g.noise("n", x.shape, kind=kind, number=rate)
    g.output("y", y)
    return OnnxProgram(g.finish(), Settings(draw_noise=True, seed=seed), threads=1)


@pytest.mark.parametrize("kind", ["dropout", "drop_path"])
def test_drawn_masks_differ_between_calls_and_have_the_right_rate(kind: str) -> None:
    program, ones = noisy(kind), {"x": np.ones((4000, 50, 4))}
    first, second = program(ones)["y"], program(ones)["y"]
    assert not np.array_equal(first, second)
    assert_close(np.unique(first), [0.0, 1 / 0.7], rtol=1e-6, what=kind)
    kept = first[:, 0, 0] if kind == "drop_path" else first
    assert abs((kept > 0).mean() - 0.7) < (0.03 if kind == "drop_path" else 0.002)
    if kind == "drop_path":
        assert (first == first[:, :1, :1]).all(), "a sample is dropped whole"
    else:
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.005
    assert np.array_equal(noisy(kind)(ones)["y"], first), "the seed decides"
    assert not np.array_equal(noisy(kind, seed=1)(ones)["y"], first)


def test_drawn_numbers_are_distributed_as_declared() -> None:
    normal, uniform = (
        noisy(kind, rate=2.0)({"x": np.ones((500, 50, 4))})["y"]
        for kind in ("normal", "uniform")
    )
    assert abs(normal.mean()) < 0.03 and abs(normal.std() - 2) < 0.03
    assert (
        uniform.min() >= 0 and 1.99 < uniform.max() <= 2 and abs(uniform.mean() - 1) < 0.02
    )


def test_masks_of_one_step_are_independent_of_each_other() -> None:
    noise = Noise(small("simple_baseline").train, seed=0)
    drawn = list(noise.draw({"keypoints": (2000, 34), "target": (2000, 51)}).values())
    assert len(drawn) > 2 and all(mask.dtype == np.float32 for mask in drawn)
    assert abs(np.corrcoef(drawn[0].ravel(), drawn[1].ravel())[0, 1]) < 0.02


def test_learning_rate_reaches_the_step() -> None:
    ours = trainer(small("simple_baseline").train, draw_noise=False)
    before = ours.program.params()
    ours.set_lr(0.0)
    ours.step(ours.program.put(arrays(ours.program.graph)))
    still = ours.program.params()
    assert all(
        np.array_equal(before[name], still[name]) for name in ours.program.graph.trainable()
    )
    assert (
        ours.optimizer == replace(Optimizer("adamw", 1e-3, 0.01), lr=0.0)
        and ours.steps == 1
    )
