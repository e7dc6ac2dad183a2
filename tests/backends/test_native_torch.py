"""What a PyTorch user takes away: a GraphModule that compiles, exports, copies, pickles;
official names, nothing of ours inside.
"""

from __future__ import annotations

import copy
import io
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import models
from backends.base import Settings, Unsupported
from models import dims, params
from models.builder import Builder
from models.graph import Graph
from models.optim import Optimizer
from tests.asserts import assert_close

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch import load  # noqa: E402  # after the skip
from backends.torch.module import module  # noqa: E402
from backends.torch.program import TorchProgram  # noqa: E402

ZOO = pytest.mark.parametrize("name", models.names())
FRAMES = {"motionbert": 9, "poseformer": 9, "videopose3d": 27, "simple_baseline": 1}


def small(name: str, **sizes: object) -> models.Spec:
    width = {"width": 64 if name == "simple_baseline" else 16}
    return models.build(name, preset="small", **{**width, **sizes})


def realised(graph: Graph, *, draw_noise: bool = False) -> TorchProgram:
    program = TorchProgram(graph, Settings(draw_noise=draw_noise))
    program.load(params.draw(graph.params, seed=1))
    return program


def arrays(graph: Graph, *, batch: int = 4, frames: int = 9) -> dict[str, np.ndarray]:
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
    return fed | {name: mask.astype(float) for name, mask in masks.items()}


def call(program: TorchProgram, native: object, **lengths: int) -> list[np.ndarray]:
    """Outputs of any form of the module, on the same inputs."""
    feeds = program.put(arrays(program.graph, **lengths))
    with torch.no_grad():
        # a module, or something compiled from one
        result = native(*[feeds[name] for name in program.feeds])  # type: ignore[operator]
    return [value.numpy() for value in program.named(result).values()]


def assert_same(
    came: list[np.ndarray], due: list[np.ndarray], *, what: str, rtol: float = 0
) -> None:
    assert len(came) == len(due)
    for one, other in zip(came, due, strict=True):
        assert_close(one, other, rtol=rtol, what=what, dtype="float32")


@ZOO
def test_the_state_dict_has_the_official_names(name: str) -> None:
    spec = small(name)
    for graph in (spec.train, spec.infer):
        native = realised(graph).native
        assert list(native.state_dict()) != [] and set(native.state_dict()) == set(
            spec.parameters
        )
        assert [key for key, _ in native.named_parameters()] and {
            key for key, _ in native.named_parameters()
        } == set(spec.train.trainable())


@ZOO
def test_the_code_is_native_calls_alone(name: str) -> None:
    spec = small(name)
    for graph in (spec.train, spec.infer):
        native = realised(graph, draw_noise=True).native
        assert not re.search(
            r"backends|models|poseport|kernels|eval\(|\bops\.", native.code
        )
        functions = {
            str(node.target.__module__)
            for node in native.graph.nodes
            if node.op == "call_function"
        }
        assert functions <= {
            "_operator",
            "torch",
            "torch.nn.functional",
            "torch._C._nn",
            "torch._C._linalg",
            "torch._tensor",
            "builtins",
            "None",
        }
        assert {node.op for node in native.graph.nodes} <= {
            "placeholder",
            "get_attr",
            "call_function",
            "call_method",
            "output",
        }


def test_the_code_reads_like_a_forward() -> None:
    g = Builder("layer")
    x = g.input("keypoints", ("batch", 3)).linear(4, name="up").gelu(approximate="none")
    g.output("pose", x.reshape(("batch", 2, 2)).layer_norm(eps=1e-6, name="norm"))
    code = module(g.finish(), draw_noise=False).code
    assert "def forward(self, keypoints):" in code
    for line in (
        "up_weight = self.up.weight",
        "torch._C._nn.linear(keypoints, up_weight, up_bias)",
        "approximate = 'none'",
        ".reshape((-1, 2, 2))",
        "torch.nn.functional.layer_norm(",
    ):
        assert line in code, code


def test_each_node_knows_the_line_of_the_model() -> None:
    native = realised(small("motionbert").infer).native
    calls = [
        node
        for node in native.graph.nodes
        if node.op == "call_function" and node.target.__module__ != "_operator"
    ]
    # operators may be arithmetic on lengths, which no line asked for
    traces = [node.meta.get("stack_trace", "") for node in calls]
    assert traces and all("models/zoo/motionbert.py" in trace for trace in traces)


@ZOO
def test_it_compiles_as_one_graph(name: str) -> None:
    spec = small(name)
    program = realised(spec.infer)
    torch._dynamo.reset()
    compiled = torch.compile(program.native, fullgraph=True, backend="eager", dynamic=True)
    for batch in (4, 3):
        assert_same(
            call(program, compiled, batch=batch, frames=FRAMES[name]),
            call(program, program.native, batch=batch, frames=FRAMES[name]),
            what=name,
        )


@ZOO
def test_a_train_graph_compiles_with_its_gradient(name: str) -> None:
    graph = (
        small(name, depth=1).train
        if name in ("motionbert", "poseformer")
        else small(name).train
    )
    program, twin = realised(graph), realised(graph)
    torch._dynamo.reset()
    compiled = torch.compile(program.native, fullgraph=True, backend="eager")
    feeds = [program.put(arrays(graph, frames=FRAMES[name]))[key] for key in program.feeds]
    compiled(*feeds)["loss"].backward()
    twin.native(*feeds)["loss"].backward()
    due = dict(twin.native.named_parameters())
    for key, param in program.native.named_parameters():
        if due[key].grad is not None:
            assert_close(
                param.grad.numpy(), due[key].grad.numpy(), rtol=1e-5, what=f"{name} {key}"
            )
    assert_same(
        [v for v in program.params().values() if v.dtype == np.float32],
        [v for v in twin.params().values() if v.dtype == np.float32],
        what=name,
    )


@ZOO
def test_it_exports_with_a_batch_of_any_size(name: str) -> None:
    program = realised(small(name).infer)
    feeds = program.put(arrays(program.graph, batch=4, frames=FRAMES[name]))
    batch = torch.export.Dim("batch", min=2, max=64)
    exported = torch.export.export(
        program.native,
        tuple(feeds[key] for key in program.feeds),
        dynamic_shapes=({0: batch},),
    )
    for size in (2, 7):
        due = call(program, program.native, batch=size, frames=FRAMES[name])
        assert_same(
            call(program, exported.module(), batch=size, frames=FRAMES[name]),
            due,
            what=name,
            rtol=1e-6,
        )


@ZOO
@pytest.mark.parametrize("half", ["train", "infer"])
def test_a_deep_copy_is_complete_and_its_own(name: str, half: str) -> None:
    program = realised(getattr(small(name), half))
    twin = copy.deepcopy(program.native)
    assert set(twin.state_dict()) == set(program.native.state_dict())
    assert_same(
        call(program, twin, frames=FRAMES[name]),
        call(program, program.native, frames=FRAMES[name]),
        what=name,
    )
    before = program.params()
    with torch.no_grad():
        for param in twin.parameters():
            param.add_(1)
    assert all(
        np.array_equal(program.params()[key], array) for key, array in before.items()
    )


@ZOO
def test_it_pickles(name: str) -> None:
    """Unread buffers (num_batches_tracked of an inference graph) stay behind: PyTorch
    traces a pickled module anew.
    """
    spec = small(name)
    for graph in (spec.train, spec.infer):
        program = realised(graph)
        twin = pickle.loads(pickle.dumps(program.native))
        lost = set(program.native.state_dict()) - set(twin.state_dict())
        assert all(key.endswith("num_batches_tracked") for key in lost) and not (
            lost and graph is spec.train
        )
        assert_same(
            call(program, twin, frames=FRAMES[name]),
            call(program, program.native, frames=FRAMES[name]),
            what=name,
        )


def test_a_pickle_needs_nothing_of_ours(tmp_path: Path) -> None:
    program = realised(small("videopose3d").infer)
    torch.save(program.native, tmp_path / "lifter.pt")
    script = (
        f"import sys, torch\nnative = torch.load({str(tmp_path / 'lifter.pt')!r},"
        " weights_only=False)\nprint(tuple(native(torch.zeros(2, 30, 17, 2)).shape),"
        " sorted({'models', 'backends'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == "(2, 4, 17, 3) []", done.stderr


def test_constants_move_with_the_module_but_are_no_weights() -> None:
    g = Builder("table")
    w = g.param("w", (3,), init=("ones", 0.0))
    g.output("y", g.input("x", ("batch", 3)) * g.constant("table", np.arange(3.0)) * w)
    native = realised(g.finish()).native
    for one in (native, copy.deepcopy(native)):
        assert set(one.state_dict()) == {"w"}
        assert {key for key, _ in one.named_buffers()} == {"constant_table"}
    assert native.to(torch.float64).constant_table.dtype == torch.float64


def test_an_official_checkpoint_round_trips_strictly() -> None:
    spec = small("simple_baseline")
    first, second = realised(spec.train).native, module(spec.infer, draw_noise=False)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    assert second.load_state_dict(torch.load(file), strict=True).missing_keys == []
    assert all(
        torch.equal(tensor, second.state_dict()[key])
        for key, tensor in first.state_dict().items()
    )


def test_running_statistics_pass_from_the_train_to_the_inference_module() -> None:
    spec = small("videopose3d")
    train, infer = realised(spec.train), realised(spec.infer)
    before = infer.params()
    train(arrays(spec.train))
    infer.load(train.params())
    moved = [
        key
        for key in before
        if "running" in key and not np.array_equal(before[key], infer.params()[key])
    ]
    assert len(moved) == 2 * 5
    assert all(int(infer.params()[key]) == 1 for key in before if key.endswith("tracked"))
    train.native.eval()
    again = train.params()["expand_bn.running_mean"]
    train(arrays(spec.train))
    assert not np.array_equal(again, train.params()["expand_bn.running_mean"]), (
        "mode belongs to the graph, not to a flag"
    )


def noisy(kind: str, *, rate: float = 0.3) -> TorchProgram:
    g = Builder("noisy")
    x = g.input("x", ("batch", 50, 4))
    if kind == "dropout":
        y = x.dropout(rate=rate, name="d")
    elif kind == "drop_path":
        y = x.drop_path(rate=rate, name="d")
    else:
        y = x * 0.0 + g.noise("n", x.shape, kind=kind, number=rate)
    g.output("y", y)
    return TorchProgram(g.finish(), Settings(draw_noise=True))


@pytest.mark.parametrize("kind", ["dropout", "drop_path"])
def test_drawn_masks_differ_between_calls_and_have_the_right_rate(kind: str) -> None:
    program = noisy(kind)
    assert program.feeds == ("x",)
    torch.manual_seed(0)
    first, second = (program({"x": np.ones((4000, 50, 4))})["y"] for _ in range(2))
    assert not np.array_equal(first, second)
    assert_close(np.unique(first), [0.0, 1 / 0.7], rtol=1e-6, what=kind)
    kept = first[:, 0, 0] if kind == "drop_path" else first
    assert abs((kept > 0).mean() - 0.7) < (0.03 if kind == "drop_path" else 0.002)
    if kind == "drop_path":
        assert (first == first[:, :1, :1]).all(), "a sample is dropped whole"
    torch.manual_seed(0)
    assert np.array_equal(program({"x": np.ones((4000, 50, 4))})["y"], first), (
        "the seed decides"
    )


def test_drawn_numbers_are_distributed_as_declared() -> None:
    torch.manual_seed(0)
    normal, uniform = (
        noisy(kind, rate=2.0)({"x": np.ones((500, 50, 4))})["y"]
        for kind in ("normal", "uniform")
    )
    assert abs(normal.mean()) < 0.03 and abs(normal.std() - 2) < 0.03
    assert (
        uniform.min() >= 0 and 1.99 < uniform.max() <= 2 and abs(uniform.mean() - 1) < 0.02
    )


def test_fed_masks_are_used_as_they_are() -> None:
    graph = small("simple_baseline").train
    program = realised(graph)
    fed = arrays(graph)
    assert np.array_equal(program(fed)["pose"], realised(graph)(fed)["pose"])
    moved = {
        key: 1 - array if key.endswith("mask") else array for key, array in fed.items()
    }
    assert not np.array_equal(realised(graph)(moved)["pose"], realised(graph)(fed)["pose"])


def test_bf16_is_autocast_over_float32_weights() -> None:
    spec = small("motionbert")
    half = load().program(spec.infer, Settings(precision="bf16"))
    half.load(params.draw(spec.parameters, seed=1))
    came, due = (
        half(arrays(spec.infer))["pose"],
        realised(spec.infer)(arrays(spec.infer))["pose"],
    )
    assert half.native.head.weight.dtype == torch.float32 and came.dtype == np.float32
    assert_close(came, due, rtol=0.05, what="bf16")
    assert not np.array_equal(came, due), "something was computed in less"


@pytest.mark.parametrize(
    ("precision", "said"),
    [("fp16", "use bf16"), ("fp64", "weights are float32"), ("fp8", "no such precision")],
)
def test_a_precision_that_is_not_here_is_refused_with_a_note(
    precision: str, said: str
) -> None:
    with pytest.raises(Unsupported, match=f"torch on cpu: {precision}: .*{said}"):
        load().program(small("simple_baseline").infer, Settings(precision=precision))
    assert (
        load().precisions("cuda")["fp16"] == "" and load().precisions("mps")["bf16"] == ""
    )


def test_a_resumed_training_draws_the_dropout_that_was_due() -> None:
    spec = models.build("simple_baseline", preset="small", width=16, stages=1, dropout=0.5)
    arrays = {
        name: np.full(dims.bind(type_.shape, {"batch": 4}), 0.3, np.float32)
        for name, type_ in spec.train.inputs.items()
    }

    def trained(steps: int, *, stop: int | None = None) -> list[float]:
        trainer = load().trainer(
            spec.train, Optimizer("adam", 1e-2, 0.0), Settings(draw_noise=True)
        )
        trainer.program.load(params.draw(spec.train.params, seed=0))
        losses = []
        for step in range(steps):
            if step == stop:
                kept, weights = trainer.state(), trainer.program.params()
                trainer = load().trainer(
                    spec.train,
                    Optimizer("adam", 1e-2, 0.0),
                    Settings(draw_noise=True, seed=9),
                )
                trainer.program.load(weights)
                trainer.load_state(kept)
            losses.append(float(trainer.step(trainer.program.put(arrays))))
        return losses

    assert trained(6, stop=3) == trained(6)
