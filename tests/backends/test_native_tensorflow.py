"""What a TensorFlow user takes away: a Keras model that fits, saves and exports; training
that follows the rules and resumes exactly.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
import models
from backends.base import Settings, Unsupported
from backends.numpy.program import NumpyProgram
from models import dims, params
from models.builder import Builder
from models.errors import BadInput
from models.graph import Graph
from models.optim import RULES, Optimizer
from tests.asserts import assert_close
from tests.paths import ROOT

if "tensorflow" not in backends.installed():
    pytest.skip("TensorFlow is not installed", allow_module_level=True)
# sets the variables that TensorFlow reads when it is imported
BACKEND = backends.load("tensorflow")

import keras  # noqa: E402  # after the skip
import tensorflow as tf  # noqa: E402

from backends.tensorflow import train  # noqa: E402
from backends.tensorflow.program import TensorFlowProgram  # noqa: E402
from backends.tensorflow.train import TensorFlowTrainer  # noqa: E402

# Keras 3.15 hands its variables to np.array, which NumPy 2.4 asks for a keyword that they
# do not take
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

ZOO = pytest.mark.parametrize("name", models.names())
FRAMES = {"motionbert": 9, "poseformer": 9, "videopose3d": 27, "simple_baseline": 1}
Arrays = dict[str, np.ndarray]


def small(name: str) -> models.Spec:
    depth = {"depth": 1} if name in ("motionbert", "poseformer") else {}
    return models.build(
        name, preset="small", width=64 if name == "simple_baseline" else 16, **depth
    )


def realised(graph: Graph, **settings: Any) -> TensorFlowProgram:
    program = TensorFlowProgram(graph, Settings(**settings))
    program.load(params.draw(graph.params, seed=1))
    return program


def trainer(graph: Graph, rule: str = "adamw", **settings: Any) -> TensorFlowTrainer:
    made = TensorFlowTrainer(graph, Optimizer(rule, 1e-2, 1e-2), Settings(**settings))
    made.program.load(params.draw(graph.params, seed=1))
    return made


def arrays(graph: Graph, *, batch: int = 4, frames: int = 9) -> Arrays:
    """Inputs and masks, float32."""
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


def assert_all_close(came: Any, due: Arrays, *, rtol: float) -> None:
    for name, array in due.items():
        assert_close(came[name], array, rtol=rtol, what=name)


def layer(*, drop: float = 0.0) -> Graph:
    """A dense train graph with batch statistics, noise where asked for, and a loss."""
    g = Builder("layer.train")
    h = (
        g.input("keypoints", ("batch", 6))
        .linear(8, name="fc")
        .batch_norm(eps=1e-5, momentum=0.1, train=True, name="bn")
    )
    pose = h.gelu(approximate="none").dropout(rate=drop, name="drop").linear(3, name="head")
    error = pose - g.input("target", ("batch", 3))
    g.output("pose", pose)
    g.output("loss", (error * error).mean(axis=(0, 1), keepdims=False))
    return g.finish()


def alone(script: str, folder: Path) -> tuple[str, str]:
    """stdout and stderr of a fresh interpreter, with nothing of the project on its path."""
    outside = {
        key: value
        for key, value in os.environ.items()
        if key not in ("PYTHONPATH", "TF_CPP_MIN_LOG_LEVEL")
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=outside,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.strip()


@ZOO
def test_weights_have_the_official_names(name: str) -> None:
    spec = small(name)
    for graph in (spec.train, spec.infer):
        native = realised(graph).native
        assert {weight.name for weight in native.weights} == set(spec.parameters) and len(
            native.weights
        ) == len(spec.parameters)
        assert {weight.name for weight in native.trainable_weights} == set(
            spec.train.trainable()
        )
        assert native.count_params() == sum(
            array.size for array in params.draw(spec.parameters, seed=0).values()
        )


@ZOO
def test_any_batch_and_length_agrees_with_the_oracle(name: str) -> None:
    graph = small(name).infer
    program, oracle = realised(graph), NumpyProgram(graph, Settings(precision="fp64"))
    oracle.load(program.params())
    lengths = {"motionbert": (9, 5, 27), "videopose3d": (27, 31, 40)}.get(
        name, (FRAMES[name],) * 3
    )
    for batch, frames in zip((1, 3, 17), lengths, strict=True):
        fed = arrays(graph, batch=batch, frames=frames)
        assert_close(
            program(fed)["pose"],
            oracle(fed)["pose"],
            rtol=1e-5,
            what=f"{name} {batch} x {frames}",
            dtype="float32",
        )
    assert program._callable.experimental_get_tracing_count() <= 3, (
        "an axis that has changed once stays open"
    )


def test_the_summary_lists_every_module_and_layers_can_be_frozen() -> None:
    native = realised(small("motionbert").infer).native
    lines: list[str] = []
    native.summary(print_fn=lines.append, line_length=120)
    assert "blocks_st.0.attn_s.qkv (Weights)" in "\n".join(
        lines
    ) and "Total params" in "\n".join(lines)
    assert [weight.name for weight in native.get_layer("head").weights] == [
        "head.weight",
        "head.bias",
    ]
    native.get_layer("head").trainable = False
    assert not any(weight.name.startswith("head.") for weight in native.trainable_weights)


def test_the_model_takes_what_keras_users_give_it() -> None:
    graph = layer()
    program, fed = realised(graph), arrays(graph)
    due = program(fed)["pose"]
    listed = realised(graph).native([fed["keypoints"], fed["target"]])["pose"]
    assert np.array_equal(listed, due) and np.array_equal(
        realised(graph).native(fed)["pose"], due
    )
    bare, x = (
        realised(small("simple_baseline").infer).native,
        arrays(small("simple_baseline").infer)["keypoints"],
    )
    assert_close(
        bare.predict(x, verbose=0), bare(x), rtol=1e-6, what="one input, one output"
    )


def test_a_train_graph_fits_by_its_own_loss() -> None:
    graph = layer(drop=0.2)
    native = realised(graph, draw_noise=True).native
    native.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    history = native.fit(
        {
            name: array
            for name, array in arrays(graph, batch=64).items()
            if name in graph.inputs
        },
        epochs=20,
        verbose=0,
    )
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0]
    assert not np.array_equal(native.get_layer("bn").weights[2], np.zeros(8)), (
        "running statistics move in fit"
    )


def test_an_inference_graph_fits_by_a_loss_of_keras() -> None:
    native = realised(small("simple_baseline").infer).native
    x = arrays(native.spec, batch=32)["keypoints"]
    native.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    losses = native.fit(x, np.ones((32, 48), np.float32), epochs=8, verbose=0).history[
        "loss"
    ]
    assert losses[-1] < 0.8 * losses[0]


@ZOO
@pytest.mark.parametrize("half", ["train", "infer"])
def test_it_saves_and_loads_as_keras_file(name: str, half: str, tmp_path: Path) -> None:
    program = realised(getattr(small(name), half))
    program.native.save(tmp_path / "lifter.keras")
    twin = keras.saving.load_model(tmp_path / "lifter.keras")
    assert (
        twin.spec.to_json() == program.graph.to_json() and twin.name == program.graph.name
    )
    fed = arrays(program.graph, frames=FRAMES[name])
    came, due = (twin(fed) if half == "train" else {"pose": twin(fed)}), program(fed)
    assert_all_close(came, due, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("motionbert", ((1, 9), (3, 5), (17, 27))), ("videopose3d", ((1, 27), (3, 31)))],
)
def test_the_saved_model_needs_tensorflow_alone(
    name: str, sizes: tuple[tuple[int, int], ...], tmp_path: Path
) -> None:
    program = realised(small(name).infer)
    program.native.export(tmp_path / "lifter", verbose=False)
    for i, (batch, frames) in enumerate(sizes):
        np.save(
            tmp_path / f"x{i}.npy",
            arrays(program.graph, batch=batch, frames=frames)["keypoints"],
        )
    script = (
        "import sys, numpy as np, tensorflow as tf\nnative ="
        " tf.saved_model.load('lifter')\n[np.save(f'y{i}.npy',"
        " native.serve(np.load(f'x{i}.npy'))) for i in"
        f" range({len(sizes)})]\nprint(sorted({{'models', 'backends'}} &"
        " sys.modules.keys()), len(native.variables))"
    )
    assert alone(script, tmp_path)[0] == f"[] {len(program.native.weights)}"
    for i in range(len(sizes)):
        due = program({"keypoints": np.load(tmp_path / f"x{i}.npy")})["pose"]
        assert_close(
            np.load(tmp_path / f"y{i}.npy"), due, rtol=1e-6, what=f"{name} {sizes[i]}"
        )


def test_the_framework_keeps_the_threads_it_is_given(tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import backends\nb ="
        " backends.load('tensorflow'); import tensorflow as tf\nfirst ="
        " b.pin(threads=2)['threads']; tf.constant(1.0) + 1\nprint(first,"
        " b.pin(threads=3)['threads'],"
        " tf.config.experimental.tensor_float_32_execution_enabled())"
    )
    assert alone(script, tmp_path)[0] == "2 2 False", (
        "pools cannot change once TensorFlow runs, and the record says what they are"
    )


@ZOO
def test_linear_layers_multiply_at_rank_two(name: str) -> None:
    """A rank-4 product with a rank-2 weight has a gradient that is slow in TensorFlow."""
    program = trainer(small(name).train).program
    traced = program._callable.get_concrete_function(
        program.put(arrays(program.graph, frames=FRAMES[name]))
    ).graph.get_operations()
    ranks = [
        [x.shape.rank for x in op.inputs] for op in traced if op.type == "BatchMatMulV2"
    ]
    assert all(pair == [4, 4] for pair in ranks) and len(
        ranks
    ) == 2 * program.graph.census().get("attention", 0)
    assert sum(op.type == "MatMul" for op in traced) == program.graph.census().get(
        "linear", 0
    )


def test_xla_computes_the_same() -> None:
    graph = layer(drop=0.3)
    fed = arrays(graph)
    plain, compiled = (
        trainer(graph, "sgd", compiled=compiled) for compiled in (False, True)
    )
    for _ in range(3):
        assert_close(
            *(np.array(one.step(one.program.put(fed))) for one in (compiled, plain)),
            rtol=1e-5,
            what="loss",
        )
    assert_all_close(compiled.program.params(), plain.program.params(), rtol=1e-4)


def noisy(kind: str, *, rate: float = 0.3) -> TensorFlowProgram:
    g = Builder("noisy")
    x = g.input("x", ("batch", 50, 4))
    y = (
        x.dropout(rate=rate, name="d")
        if kind == "dropout"
        else x.drop_path(rate=rate, name="d")
        if kind == "drop_path"
        else None
    )
    g.output(
        "y", x * 0.0 + g.noise("n", x.shape, kind=kind, number=rate) if y is None else y
    )
    return TensorFlowProgram(g.finish(), Settings(draw_noise=True, seed=3))


@pytest.mark.parametrize("kind", ["dropout", "drop_path"])
def test_drawn_masks_differ_between_calls_and_have_the_right_rate(kind: str) -> None:
    program, ones = noisy(kind), {"x": np.ones((4000, 50, 4))}
    assert program.native.feeds == ("x",)
    first, second = (program(ones)["y"] for _ in range(2))
    assert not np.array_equal(first, second)
    assert_close(np.unique(first), [0.0, 1 / 0.7], rtol=1e-6, what=kind)
    kept = first[:, 0, 0] if kind == "drop_path" else first
    assert abs((kept > 0).mean() - 0.7) < (0.03 if kind == "drop_path" else 0.002)
    if kind == "drop_path":
        assert (first == first[:, :1, :1]).all(), "a sample is dropped whole"
    assert np.array_equal(noisy(kind)(ones)["y"], first), "the seed decides"


def test_drawn_numbers_are_distributed_as_declared_and_masks_of_one_call_apart() -> None:
    normal, uniform = (
        noisy(kind, rate=2.0)({"x": np.ones((500, 50, 4))})["y"]
        for kind in ("normal", "uniform")
    )
    assert abs(normal.mean()) < 0.03 and abs(normal.std() - 2) < 0.03
    assert (
        uniform.min() >= 0 and 1.99 < uniform.max() <= 2 and abs(uniform.mean() - 1) < 0.02
    )
    g = Builder("twice")
    x = g.input("x", ("batch", 100))
    g.output("a", x.dropout(rate=0.5, name="a"))
    g.output("b", x.dropout(rate=0.5, name="b"))
    drawn = TensorFlowProgram(g.finish(), Settings(draw_noise=True))(
        {"x": np.ones((50, 100))}
    )
    assert abs(((drawn["a"] > 0) == (drawn["b"] > 0)).mean() - 0.5) < 0.05


def test_running_statistics_are_unbiased_and_pass_to_the_inference_model() -> None:
    spec = small("videopose3d")
    once, infer = realised(spec.train), realised(spec.infer)
    once(arrays(spec.train, frames=27))
    infer.load(once.params())
    assert {
        int(array) for key, array in infer.params().items() if key.endswith("tracked")
    } == {1}
    graph = layer()
    program, fed = realised(graph), arrays(graph, batch=5)
    program(fed)
    weights = params.draw(graph.params, seed=1)
    h = fed["keypoints"].astype(np.float64) @ weights["fc.weight"].T + weights["fc.bias"]
    assert_close(
        program.params()["bn.running_var"],
        0.9 + 0.1 * h.var(0, ddof=1),
        rtol=1e-6,
        what="unbiased, not Keras' biased one",
    )


@pytest.mark.parametrize("rule", list(RULES))
def test_native_optimizers_follow_the_rule_also_when_the_rate_changes(rule: str) -> None:
    graph = layer()
    made = trainer(graph, rule)
    due = {name: array.astype(np.float64) for name, array in made.program.params().items()}
    state: dict[str, tuple[np.ndarray, ...]] = {}
    draw = np.random.default_rng(0)
    for step, lr in enumerate((1e-2, 3e-3, 1e-3, 5e-2), start=1):
        optimizer = Optimizer(rule, lr, 1e-2)
        made.set_lr(lr)
        grads = {
            name: draw.normal(0, 10.0 ** -(3 * step), due[name].shape).astype(np.float32)
            for name in graph.trainable()
        }
        made.apply(grads)
        for name, grad in grads.items():
            empty = tuple(np.zeros_like(due[name]) for _ in range(optimizer.slots()))
            due[name], state[name] = optimizer.update(
                due[name], grad.astype(np.float64), state.get(name, empty), step
            )
    assert_all_close(made.program.params(), due, rtol=2e-6)


def first_step(optimizer: Any, gradient: float) -> float:
    variable = keras.Variable(np.zeros(1, np.float32))
    optimizer.apply([tf.constant([gradient])], [variable])
    return -float(variable.numpy()[0])


@pytest.mark.parametrize(
    ("rule", "stock", "gradient", "shorter"),
    [
        ("adam", lambda: keras.optimizers.Adam(1.0, epsilon=1e-8), 1e-6, 0.23),
        ("adam", lambda: keras.optimizers.Adam(1.0), 1e-6, 0.76),
        (
            "rmsprop",
            lambda: keras.optimizers.RMSprop(1.0, rho=0.99, epsilon=1e-8),
            1e-3,
            0.29,
        ),
    ],
)
def test_what_the_stock_optimizers_do_differently(
    rule: str, stock: Callable[[], Any], gradient: float, shorter: float
) -> None:
    ours = first_step(train.native_optimizer(Optimizer(rule, 1.0, 0.0)), gradient)
    assert 1 - first_step(stock(), gradient) / ours == pytest.approx(shorter, abs=0.01), (
        "as the module says"
    )


@pytest.mark.parametrize("rule", list(RULES))
def test_a_resumed_training_draws_and_steps_as_if_never_stopped(rule: str) -> None:
    graph = layer(drop=0.4)
    fed = arrays(graph)
    whole, part = (
        trainer(graph, rule, draw_noise=True),
        trainer(graph, rule, draw_noise=True),
    )
    for one in (whole, part):
        for _ in range(3):
            one.step(one.program.put(fed))
    fresh = trainer(graph, rule, draw_noise=True, seed=99)
    fresh.program.load(part.program.params())
    fresh.load_state(part.state())
    for _ in range(2):
        assert float(fresh.step(fresh.program.put(fed))) == float(
            whole.step(whole.program.put(fed))
        )
    assert all(
        np.array_equal(array, whole.program.params()[name])
        for name, array in fresh.program.params().items()
    )
    with pytest.raises(
        BadInput, match="the optimizer state does not fit: bn_bn.bias_.* on one side only"
    ):
        trainer(
            graph, "rmsprop" if rule != "rmsprop" else "adam", draw_noise=True
        ).load_state(part.state())


def test_gradients_of_gathered_rows_are_whole_arrays_and_ties_are_shared() -> None:
    g = Builder("gathered")
    w, v, unused = (
        g.param(name, (4, 2), init=("ones", 0.0)) for name in ("w", "v", "unused")
    )
    parts = (
        w.take(g.constant("index", np.array([1, 1, 3])), axis=0),
        w.maximum(v),
        unused.stop_gradient(),
    )
    first, second, third = (part.sum(axis=(0, 1), keepdims=False) for part in parts)
    g.output("loss", first + second + third)
    grads = trainer(g.finish()).gradients({})[1]
    assert_close(
        grads["w"],
        np.array([[0.5], [2.5], [0.5], [1.5]]) * np.ones((1, 2)),
        rtol=0,
        what="w",
    )
    assert_all_close(grads, {"v": np.full((4, 2), 0.5), "unused": np.zeros((4, 2))}, rtol=0)


def test_bf16_products_over_float32_weights() -> None:
    spec = small("motionbert")
    half, fed = realised(spec.infer, precision="bf16"), arrays(spec.infer)
    came, due = half(fed)["pose"], realised(spec.infer)(fed)["pose"]
    assert (
        half.native.arrays()["head.weight"].dtype == "float32" and came.dtype == np.float32
    )
    assert_close(came, due, rtol=0.05, what="bf16")
    assert not np.array_equal(came, due), "something was computed in less"
    made = trainer(spec.train, precision="bf16", draw_noise=True)
    losses = [float(made.step(made.program.put(arrays(spec.train)))) for _ in range(10)]
    assert losses[-1] < losses[0]


def test_float16_losses_are_scaled_and_gradients_given_are_not() -> None:
    """The policy of GPUs, run here on the CPU."""
    graph = layer()
    half, full = trainer(graph, "sgd", precision="fp16"), trainer(graph, "sgd")
    grads = {
        name: np.full(half.program.params()[name].shape, 1e-3, np.float32)
        for name in graph.trainable()
    }
    for one in (half, full):
        one.apply(grads)
        one.step(one.program.put(arrays(graph)))
    assert isinstance(half.optimizer, keras.optimizers.LossScaleOptimizer)
    assert_all_close(half.program.params(), full.program.params(), rtol=5e-3)


@pytest.mark.parametrize(
    ("precision", "said"),
    [("fp16", "use bf16"), ("fp64", "weights are float32"), ("fp8", "no such precision")],
)
def test_a_precision_that_is_not_here_is_refused_with_a_note(
    precision: str, said: str
) -> None:
    with pytest.raises(Unsupported, match=f"tensorflow on cpu: {precision}: .*{said}"):
        BACKEND.program(small("simple_baseline").infer, Settings(precision=precision))
    assert BACKEND.precisions("cuda")["fp16"] == ""


def test_an_error_shows_the_emitted_line_and_the_model_line() -> None:
    with pytest.raises(Exception, match="MatMul") as caught:
        realised(layer())({"keypoints": np.zeros((2, 7)), "target": np.zeros((2, 3))})
    due = (
        "linear_1 = ops.linear(feeds['keypoints'], params['fc.weight'], params['fc.bias']) "
        " # tests/backends/test_native"
    )
    assert any(due in str(entry.statement) for entry in caught.traceback)
