"""What a TensorFlow user takes away: a Keras model that fits, saves and exports.

What it computes, and in which precision, is asked in `test_native_tensorflow_compute.py`,
how it trains in `..._training.py`, how it draws in `..._noise.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Settings
from models import params
from models.builder import Builder
from models.graph import Graph
from models.optim import Optimizer
from tests.asserts import assert_close
from tests.backends.native import ZOO, arrays, assert_all_close, python, small
from tests.paths import ROOT

if "tensorflow" not in backends.installed():
    pytest.skip("TensorFlow is not installed", allow_module_level=True)
# sets the variables that TensorFlow reads when it is imported
BACKEND = backends.load("tensorflow")

import keras  # noqa: E402  # after the skip

from backends.tensorflow.program import TensorFlowProgram  # noqa: E402
from backends.tensorflow.train import TensorFlowTrainer  # noqa: E402

# Keras 3.15 hands its variables to np.array, which NumPy 2.4 asks for a keyword that they
# do not take
COPIES = (
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
pytestmark = pytest.mark.filterwarnings(COPIES)


def realised(graph: Graph, **settings: Any) -> TensorFlowProgram:
    program = TensorFlowProgram(graph, Settings(**settings))
    program.load(params.draw(graph.params, seed=1))
    return program


def trainer(graph: Graph, rule: str = "adamw", **settings: Any) -> TensorFlowTrainer:
    optimizer = Optimizer(rule, 1e-2, 1e-2)
    made = TensorFlowTrainer(graph, optimizer, Settings(**settings))
    made.program.load(params.draw(graph.params, seed=1))
    return made


def layer(*, drop: float = 0.0) -> Graph:
    """A dense train graph with batch statistics, noise where asked for, and a loss."""
    g = Builder("layer.train")
    h = g.input("keypoints", ("batch", 6)).linear(8, name="fc")
    h = h.batch_norm(eps=1e-5, momentum=0.1, train=True, name="bn")
    h = h.gelu(approximate="none").dropout(rate=drop, name="drop")
    pose = h.linear(3, name="head")
    error = pose - g.input("target", ("batch", 3))
    g.output("pose", pose)
    g.output("loss", (error * error).mean(axis=(0, 1), keepdims=False))
    return g.finish()


def alone(script: str, folder: Path) -> str:
    """What a fresh interpreter says with nothing of the project in its environment."""
    ours = ("PYTHONPATH", "TF_CPP_MIN_LOG_LEVEL")
    outside = {key: value for key, value in os.environ.items() if key not in ours}
    return python(script, folder, outside)


@ZOO
def test_weights_have_the_official_names(name: str) -> None:
    spec = small(name)
    drawn = params.draw(spec.parameters, seed=0).values()
    for graph in (spec.train, spec.infer):
        native = realised(graph).native
        names = [weight.name for weight in native.weights]
        assert sorted(names) == sorted(spec.parameters)
        trained = {weight.name for weight in native.trainable_weights}
        assert trained == set(spec.train.trainable())
        assert native.count_params() == sum(array.size for array in drawn)


def test_the_summary_lists_every_module_and_layers_can_be_frozen() -> None:
    native = realised(small("motionbert").infer).native
    lines: list[str] = []
    native.summary(print_fn=lines.append, line_length=120)
    text = "\n".join(lines)
    assert "blocks_st.0.attn_s.qkv (Weights)" in text
    assert "Total params" in text
    head = native.get_layer("head")
    assert [weight.name for weight in head.weights] == ["head.weight", "head.bias"]
    head.trainable = False
    left = [weight.name for weight in native.trainable_weights]
    assert not any(name.startswith("head.") for name in left)


def test_the_model_takes_what_keras_users_give_it() -> None:
    graph = layer()
    program, fed = realised(graph), arrays(graph)
    due = program(fed)["pose"]
    # models of their own: each call moves the running statistics
    listed = realised(graph).native([fed["keypoints"], fed["target"]])
    named = realised(graph).native(fed)
    assert np.array_equal(listed["pose"], due)
    assert np.array_equal(named["pose"], due)


def test_one_input_and_one_output_need_no_names() -> None:
    graph = small("simple_baseline").infer
    bare, x = realised(graph).native, arrays(graph)["keypoints"]
    assert_close(bare.predict(x, verbose=0), bare(x), rtol=1e-6, what="bare")


def test_a_train_graph_fits_by_its_own_loss() -> None:
    graph = layer(drop=0.2)
    native = realised(graph, draw_noise=True).native
    native.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    fed = arrays(graph, batch=64, noise=False)
    losses = native.fit(fed, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]
    running_mean = native.get_layer("bn").weights[2]
    assert not np.array_equal(running_mean, np.zeros(8)), "it moves in fit"


def test_an_inference_graph_fits_by_a_loss_of_keras() -> None:
    native = realised(small("simple_baseline").infer).native
    x = arrays(native.spec, batch=32)["keypoints"]
    native.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    target = np.ones((32, 48), np.float32)  # 16 joints
    losses = native.fit(x, target, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


@ZOO
@pytest.mark.parametrize("half", ["train", "infer"])
def test_it_saves_and_loads_as_keras_file(name: str, half: str, tmp_path: Path) -> None:
    spec = small(name)
    program = realised(getattr(spec, half))
    program.native.save(tmp_path / "lifter.keras")
    twin = keras.saving.load_model(tmp_path / "lifter.keras")
    assert twin.spec.to_json() == program.graph.to_json()
    assert twin.name == program.graph.name
    fed = arrays(program.graph, frames=spec.frames)
    came = twin(fed)
    # one output is a bare tensor
    named = came if isinstance(came, dict) else {"pose": came}
    assert_all_close(named, program(fed), rtol=1e-6)


SERVED = """
import sys, numpy as np, tensorflow as tf
native = tf.saved_model.load("lifter")
for i in range({count}):
    np.save(f"y{{i}}.npy", native.serve(np.load(f"x{{i}}.npy")))
print(sorted({{"models", "backends"}} & sys.modules.keys()), len(native.variables))
"""


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("motionbert", ((1, 9), (3, 5), (17, 27))),
        ("videopose3d", ((1, 27), (3, 31))),
    ],
)
def test_the_saved_model_needs_tensorflow_alone(
    name: str,
    sizes: tuple[tuple[int, int], ...],
    tmp_path: Path,
) -> None:
    program = realised(small(name).infer)
    program.native.export(tmp_path / "lifter", verbose=False)
    for i, (batch, frames) in enumerate(sizes):
        fed = arrays(program.graph, batch=batch, frames=frames)
        np.save(tmp_path / f"x{i}.npy", fed["keypoints"])
    said = alone(SERVED.format(count=len(sizes)), tmp_path)
    assert said == f"[] {len(program.native.weights)}"
    for i, size in enumerate(sizes):
        due = program({"keypoints": np.load(tmp_path / f"x{i}.npy")})["pose"]
        came = np.load(tmp_path / f"y{i}.npy")
        assert_close(came, due, rtol=1e-6, what=f"{name} {size}")


THREADS = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import backends
backend = backends.load("tensorflow")
import tensorflow as tf
first = backend.pin(threads=2)["threads"]
tf.constant(1.0) + 1
second = backend.pin(threads=3)["threads"]
print(first, second, tf.config.experimental.tensor_float_32_execution_enabled())
"""


def test_the_framework_keeps_the_threads_it_is_given(tmp_path: Path) -> None:
    # pools cannot change once TensorFlow runs, and the record says what they are
    assert alone(THREADS, tmp_path) == "2 2 False"


def test_an_error_shows_the_emitted_line_and_the_model_line() -> None:
    wrong = {"keypoints": np.zeros((2, 7)), "target": np.zeros((2, 3))}
    with pytest.raises(Exception, match="MatMul") as caught:
        realised(layer())(wrong)
    call = "linear_1 = ops.linear(feeds['keypoints'], params['fc.weight'], params['fc.bias'])"
    due = f"{call}  # tests/backends/test_native"
    assert any(due in str(entry.statement) for entry in caught.traceback)
