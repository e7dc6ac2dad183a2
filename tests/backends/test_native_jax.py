"""What a JAX user takes away: a pure function for jit, grad, vmap and export; compiled
training that resumes exactly; faults are found.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings, Unsupported
from backends.numpy.program import NumpyProgram
from models import dims, params
from models.builder import Builder
from models.errors import BadInput
from models.graph import Graph
from models.optim import Optimizer
from tests.asserts import assert_close
from tests.paths import ROOT

jax = pytest.importorskip("jax", reason="JAX is not installed")
pytest.importorskip("optax", reason="optax is not installed")

import jax.numpy as jnp  # noqa: E402  # after the skips
from jax import export  # noqa: E402

from backends.jax import load, ops  # noqa: E402
from backends.jax.program import JaxProgram, pure  # noqa: E402
from backends.jax.train import JaxTrainer  # noqa: E402

ZOO = pytest.mark.parametrize("name", models.names())
FRAMES = {"motionbert": 9, "poseformer": 9, "videopose3d": 27, "simple_baseline": 1}
ADAMW = Optimizer("adamw", 1e-2, 1e-2)


def small(name: str) -> models.Spec:
    depth = {"depth": 1} if name in ("motionbert", "poseformer") else {}
    return models.build(
        name, preset="small", width=64 if name == "simple_baseline" else 16, **depth
    )


def realised(graph: Graph, **settings: Any) -> JaxProgram:
    program = JaxProgram(graph, Settings(**settings))
    program.load(params.draw(graph.params, seed=1))
    return program


def arrays(
    graph: Graph, *, batch: int = 4, frames: int = 9, noise: bool = True
) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    lengths = {"batch": batch, "frames": frames}
    fed = {
        name: draw.normal(size=dims.bind(type_.shape, lengths))
        for name, type_ in graph.inputs.items()
    }
    masks = (
        {
            name: draw.random(dims.bind(n.type.shape, lengths)) < n.number
            for name, n in graph.noise.items()
        }
        if noise
        else {}
    )
    return fed | {name: mask.astype(float) for name, mask in masks.items()}


def pose(program: JaxProgram, **lengths: int) -> np.ndarray:
    return program(arrays(program.graph, **lengths))["pose"]


def trained(graph: Graph, optimizer: Optimizer = ADAMW, **settings: Any) -> JaxTrainer:
    trainer = JaxTrainer(graph, optimizer, Settings(**settings))
    trainer.program.load(params.draw(graph.params, seed=1))
    return trainer


def dense(*, train: bool = False) -> Graph:
    """A layer of each kind that holds weights or state."""
    g = Builder("dense")
    x = (
        g.input("x", ("batch", 6))
        .linear(8, name="fc")
        .gelu(approximate="none")
        .layer_norm(eps=1e-6, name="norm")
    )
    x = x.batch_norm(eps=1e-5, momentum=0.1, train=train, name="bn").dropout(
        rate=0.3, name="drop"
    )
    g.output(
        "loss",
        (x - g.input("target", ("batch", 8)))
        .vector_norm(axis=1)
        .mean(axis=0, keepdims=False),
    )
    return g.finish()


@pytest.mark.parametrize("name", ["simple_baseline", "motionbert"])
def test_it_compiles_and_gives_the_same(name: str) -> None:
    program = realised(small(name).infer)
    compiled = realised(small(name).infer, compiled=True)
    for batch in (4, 3):
        due = pose(program, batch=batch, frames=FRAMES[name])
        assert_close(
            pose(compiled, batch=batch, frames=FRAMES[name]),
            due,
            rtol=1e-5,
            what=name,
            dtype="float32",
        )


@ZOO
def test_grad_of_apply_is_what_the_trainer_sees(name: str) -> None:
    graph = small(name).train
    trainer = trained(graph)
    program = trainer.program
    feeds = program.put(arrays(graph, frames=FRAMES[name]))
    weights = {key: program.values[key] for key in graph.trainable()}
    own = jax.jit(
        jax.grad(lambda w: program.native({**program.values, **w}, feeds)[0]["loss"])
    )(weights)
    loss, grads = trainer.gradients(feeds)
    assert math.isfinite(loss) and set(own) == set(graph.trainable()) == set(grads)
    largest = max(np.abs(grad).max() for grad in grads.values())
    for key, grad in grads.items():
        assert_close(
            own[key] / largest + 1, grad / largest + 1, rtol=1e-6, what=f"{name} {key}"
        )


@pytest.mark.parametrize("name", ["simple_baseline", "videopose3d"])
def test_vmap_over_single_samples_is_the_batch(name: str) -> None:
    program = realised(small(name).infer, compiled=True)
    feeds = program.put(arrays(program.graph, batch=5, frames=FRAMES[name]))
    # what vmap is for
    one = lambda x: program.native(program.values, {"keypoints": x[None]})[0]["pose"][0]  # noqa: E731
    assert_close(
        jax.jit(jax.vmap(one))(feeds["keypoints"]),
        program.run(feeds)["pose"],
        rtol=1e-5,
        what=name,
    )


@ZOO
@pytest.mark.parametrize("batch", [1, 3, 17])
def test_any_batch_agrees_with_the_oracle(name: str, batch: int) -> None:
    spec = small(name)
    oracle = NumpyProgram(spec.infer, Settings(precision="fp64"))
    program = realised(spec.infer, compiled=True)
    oracle.load(program.params())
    fed = arrays(spec.infer, batch=batch, frames=FRAMES[name])
    assert_close(
        program(fed)["pose"], oracle(fed)["pose"], rtol=1e-5, what=f"{name}, batch {batch}"
    )


@pytest.mark.parametrize(
    ("name", "lengths"), [("motionbert", (1, 9, 27)), ("videopose3d", (27, 30, 61))]
)
def test_any_length_where_the_model_allows_it(name: str, lengths: tuple[int, ...]) -> None:
    program = realised(small(name).infer, compiled=True)
    for frames in lengths:
        due = frames if name == "motionbert" else frames - 26
        assert pose(program, batch=2, frames=frames).shape == (2, due, 17, 3)


def test_apply_is_pure() -> None:
    program = realised(dense(train=True))
    feeds = program.put(arrays(program.graph))
    before = dict(program.values)
    (first, state), (second, _) = (program.native(program.values, feeds) for _ in range(2))
    assert first["loss"] == second["loss"] and program.values == before
    assert set(state) == {"bn.running_mean", "bn.running_var", "bn.num_batches_tracked"}
    infer = realised(small("simple_baseline").infer)
    assert infer.native(infer.values, infer.put(arrays(infer.graph)))[1] == {}


def test_the_compiled_program_is_that_of_a_handwritten_function() -> None:
    g = Builder("two")
    x = g.input("x", ("batch", 6)).linear(8, name="fc").gelu(approximate="none")
    g.output(
        "pose", x.reshape(("batch", 2, 4)).layer_norm(eps=1e-6, name="norm").softmax(axis=2)
    )

    def by_hand(params: Any, inputs: Any) -> Any:
        h = jax.nn.gelu(
            inputs["x"] @ params["fc.weight"].T + params["fc.bias"], approximate=False
        ).reshape(-1, 2, 4)
        centred = h - h.mean(-1, keepdims=True)
        normal = centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-6)
        return {
            "pose": jax.nn.softmax(normal * params["norm.weight"] + params["norm.bias"])
        }, {}

    program = realised(g.finish())
    feeds = program.put({"x": np.ones((5, 6))})
    with jax.default_matmul_precision("highest"):
        texts = [
            jax.jit(f).lower(program.values, feeds).compile().as_text()
            for f in (program.native, by_hand)
        ]
    ours, theirs = (
        [line.split(", metadata=")[0].split("=")[-1] for line in text.splitlines()[1:]]
        for text in texts
    )
    assert "fusion" in texts[0] and operations(ours) == operations(theirs)


def operations(lines: list[str]) -> list[str]:
    """Result type and operation of each line of HLO, without names."""
    return [
        line.split("(")[0].strip()
        for line in lines
        if "(" in line and not line.startswith(("%", "ENTRY", "HloModule"))
    ]


def test_products_are_full_float32_backwards_too() -> None:
    program = realised(dense())
    feeds = program.put(arrays(program.graph))
    weights = {key: program.values[key] for key in program.graph.trainable()}
    text = str(
        jax.make_jaxpr(
            jax.grad(lambda w: program.native({**program.values, **w}, feeds)[0]["loss"])
        )(weights)
    )
    assert text.count("dot_general") >= 2 and text.count(
        "Precision.HIGHEST"
    ) == 2 * text.count("dot_general"), "(HIGHEST, HIGHEST) each"


@pytest.mark.parametrize("name", ["motionbert", "videopose3d", "simple_baseline"])
def test_it_exports_with_open_axes_and_runs_without_us(name: str, tmp_path: Path) -> None:
    pytest.importorskip(
        "flatbuffers",
        reason="flatbuffers, which jax.export serializes with, is not installed",
    )
    program = realised(small(name).infer, compiled=True)
    shape = [str(length) for length in program.graph.inputs["keypoints"].shape]
    frames = {"motionbert": ["frames <= 27"], "videopose3d": ["frames >= 27"]}.get(name, [])
    open_shape = export.symbolic_shape(", ".join(shape), constraints=frames)
    abstract = {"keypoints": jax.ShapeDtypeStruct(open_shape, jnp.float32)}
    weights = jax.tree.map(
        lambda value: jax.ShapeDtypeStruct(value.shape, value.dtype), program.values
    )
    call = export.export(jax.jit(lambda p, x: program.native(p, x)[0]["pose"]))(
        weights, abstract
    )
    (tmp_path / "lifter").write_bytes(call.serialize())
    fed = arrays(program.graph, batch=3, frames=FRAMES[name])["keypoints"].astype(
        np.float32
    )
    np.savez(
        tmp_path / "weights.npz",
        **{key: np.asarray(value) for key, value in program.values.items()},
    )
    np.savez(tmp_path / "in.npz", keypoints=fed)
    script = (
        "import sys, numpy as np, jax.export\n"
        "call = jax.export.deserialize(bytearray(open('lifter', 'rb').read())).call\n"
        "np.save('out.npy', call(dict(np.load('weights.npz')), dict(np.load('in.npz'))))\n"
        "print(sorted({'models', 'backends'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip() == "[]", done.stderr
    assert_close(
        np.load(tmp_path / "out.npy"),
        pose(program, batch=3, frames=FRAMES[name]),
        rtol=1e-5,
        what=name,
    )


def test_a_traceback_shows_the_line_of_the_model() -> None:
    program = realised(dense())
    with pytest.raises(TypeError, match="contracting dimensions") as caught:
        program.native(
            {**program.values, "fc.weight": jnp.zeros((8, 5))},
            program.put(arrays(program.graph)),
        )
    lines = [
        str(entry.statement)
        for entry in caught.traceback
        if "poseport dense" in str(entry.path)
    ]
    assert (
        lines
        and "ops.linear(feeds['x'], params['fc.weight']" in lines[0]
        and "tests/backends/test_native_jax.py:" in lines[0]
    )


def noisy(kind: str, *, rate: float = 0.3, seed: int = 0) -> JaxProgram:
    g = Builder("noisy")
    x = g.input("x", ("batch", 50, 4))
    if kind == "dropout":
        y = x.dropout(rate=rate, name="d")
    elif kind == "drop_path":
        y = x.drop_path(rate=rate, name="d")
    else:
        y = x * 0.0 + g.noise("n", x.shape, kind=kind, number=rate)
    g.output("y", y)
    return JaxProgram(g.finish(), Settings(draw_noise=True, seed=seed))


@pytest.mark.parametrize("kind", ["dropout", "drop_path"])
def test_drawn_masks_differ_between_calls_and_have_the_right_rate(kind: str) -> None:
    program = noisy(kind)
    assert program.feeds == ("x",)
    fed = {"x": np.ones((4000, 50, 4))}
    first, second = (program(fed)["y"] for _ in range(2))
    assert not np.array_equal(first, second)
    assert_close(np.unique(first), [0.0, 1 / 0.7], rtol=1e-6, what=kind)
    kept = first[:, 0, 0] if kind == "drop_path" else first
    assert abs((kept > 0).mean() - 0.7) < (0.03 if kind == "drop_path" else 0.002)
    if kind == "drop_path":
        assert (first == first[:, :1, :1]).all(), "a sample is dropped whole"
    assert np.array_equal(noisy(kind)(fed)["y"], first) and not np.array_equal(
        noisy(kind, seed=1)(fed)["y"], first
    ), "the seed decides"


def test_drawn_numbers_are_distributed_as_declared() -> None:
    normal, uniform = (
        noisy(kind, rate=2.0)({"x": np.ones((500, 50, 4))})["y"]
        for kind in ("normal", "uniform")
    )
    assert abs(normal.mean()) < 0.03 and abs(normal.std() - 2) < 0.03
    assert (
        uniform.min() >= 0 and 1.99 < uniform.max() <= 2 and abs(uniform.mean() - 1) < 0.02
    )


def test_two_noises_of_one_call_are_independent_and_steps_draw_anew() -> None:
    g = Builder("twice")
    x = g.input("x", ("batch", 8))
    w = g.param("w", (), init=("ones", 0.0))
    one, other = (
        g.noise(name, x.shape, kind="normal", number=1.0) for name in ("one", "other")
    )
    g.output("loss", ((x + one - other) * w).sum(axis=(0, 1), keepdims=False))
    graph = g.finish()
    trainer = trained(graph, Optimizer("sgd", 0.0, 0.0), draw_noise=True)
    feeds = trainer.program.put({"x": np.zeros((4, 8))})
    losses = [float(trainer.step(feeds)) for _ in range(3)]
    assert len(set(losses)) == 3 and 0.0 not in losses


def test_drawing_without_a_key_is_refused() -> None:
    program = noisy("dropout")
    with pytest.raises(
        BadInput, match="noisy draws noise and was given no key; call apply"
    ):
        program.native(program.values, {"x": jnp.ones((2, 50, 4))})


def test_fed_masks_are_used_as_they_are() -> None:
    graph = small("simple_baseline").train
    fed = arrays(graph)
    assert np.array_equal(realised(graph)(fed)["pose"], realised(graph)(fed)["pose"])
    moved = {
        key: 1 - array if key.endswith("mask") else array for key, array in fed.items()
    }
    assert not np.array_equal(realised(graph)(moved)["pose"], realised(graph)(fed)["pose"])


def test_int64_is_int32_on_the_device_and_int64_outside() -> None:
    g = Builder("indices")
    index = g.input("index", ("batch",), dtype="int64")
    g.output("row", g.constant("table", np.arange(12.0).reshape(4, 3)).take(index, axis=0))
    g.output("next", index + 1)
    program = JaxProgram(g.finish(), Settings())
    feeds = program.put({"index": np.array([3, 0])})
    assert feeds["index"].dtype == jnp.int32
    results = program({"index": np.array([3, 0])})
    assert results["next"].dtype == np.int64 and results["next"].tolist() == [4, 1]
    assert_close(
        results["row"], [[9, 10, 11], [0, 1, 2]], rtol=0, what="take", dtype="float32"
    )
    with pytest.raises(BadInput, match="index: 3000000000 does not fit into int32"):
        program.put({"index": np.array([3_000_000_000])})


def gradient_at(op: Callable[..., Any], x: list[float], **attributes: Any) -> list[float]:
    return np.asarray(
        jax.grad(lambda v: jnp.sum(op(v, **attributes)))(jnp.array(x))
    ).tolist()


def test_kinks_and_ties_have_the_gradients_of_the_language() -> None:
    assert gradient_at(ops.KERNELS["relu"], [0.0, 1.0, -1.0]) == [0, 1, 0]
    assert gradient_at(ops.KERNELS["leaky_relu"], [0.0, 1.0], slope=0.25) == [0.25, 1]
    assert gradient_at(ops.KERNELS["abs"], [0.0, -2.0]) == [0, -1]
    assert gradient_at(lambda v: ops.KERNELS["maximum"](v, 0.5), [0.5, 1.0, 0.0]) == [
        0.5,
        1,
        0,
    ]
    assert gradient_at(ops.KERNELS["max"], [2.0, 2.0, 1.0], axis=(0,), keepdims=False) == [
        0.5,
        0.5,
        0,
    ]


def test_a_norm_of_zero_has_gradient_zero() -> None:
    g = Builder("still")
    w = g.param("w", (2, 3), init=("zeros", 0.0))
    g.output("loss", w.vector_norm(axis=1).sum(axis=0, keepdims=False))
    trainer = JaxTrainer(g.finish(), ADAMW, Settings())
    assert trainer.gradients({})[1]["w"].tolist() == [[0.0] * 3] * 2
    assert "vector_norm" not in ops.KERNELS, "the native one gives NaN"
    assert math.isnan(gradient_at(jnp.linalg.norm, [0.0, 0.0])[0])


def test_bf16_is_mixed_precision_over_float32_weights() -> None:
    spec = small("motionbert")
    half = realised(spec.infer, precision="bf16")
    came, due = pose(half), pose(realised(spec.infer))
    assert half.values["head.weight"].dtype == jnp.float32 and came.dtype == np.float32
    assert_close(came, due, rtol=0.05, what="bf16")
    assert not np.array_equal(came, due), "something was computed in less"
    trainer = trained(spec.train, precision="bf16")
    feeds = trainer.program.put(arrays(spec.train))
    losses = [float(trainer.step(feeds)) for _ in range(8)]
    assert (
        losses[-1] < losses[0]
        and trainer.program.values["head.weight"].dtype == jnp.float32
    )


@pytest.mark.parametrize(
    ("precision", "said"),
    [
        ("fp16", "scales no loss"),
        ("fp64", "weights are float32"),
        ("fp8", "no such precision"),
    ],
)
def test_a_precision_that_is_not_here_is_refused_with_a_note(
    precision: str, said: str
) -> None:
    with pytest.raises(Unsupported, match=f"jax on cpu: {precision}: .*{said}"):
        load().program(small("simple_baseline").infer, Settings(precision=precision))


def test_devices_are_those_that_jax_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def only(*kinds: str) -> Callable[..., Any]:
        def devices(platform: str) -> list[str]:
            if platform not in kinds:
                raise RuntimeError(f"Unknown backend {platform}\nmore")
            return [platform]

        return devices

    monkeypatch.setattr(jax, "devices", only("cpu", "METAL"))
    assert load().devices() == {
        "cpu": "",
        "cuda": "JAX has no cuda device here: Unknown backend cuda",
        "mps": "",
    }
    assert load().device("auto") == "mps"
    monkeypatch.setattr(jax, "devices", only("cpu", "cuda"))
    assert load().device("auto") == "cuda"
    with pytest.raises(
        Unsupported, match="device mps is not usable here: JAX has no METAL device"
    ):
        load().device("mps")


def test_synchronize_waits_for_results_nobody_holds() -> None:
    work = jax.jit(lambda a: jax.lax.fori_loop(0, 8, lambda i, b: jnp.tanh(b @ a), a))
    a = jnp.ones((500, 500))
    jax.block_until_ready(work(a))
    start = time.perf_counter()
    jax.block_until_ready(work(a))
    once = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(4):
        work(a)
    load().synchronize("cpu")
    assert time.perf_counter() - start > 2 * once, (
        f"four calls of {once:.3f} s were not waited for"
    )


THREADS = """
import os, sys
from backends.jax import load
backend = load()
backend.devices()
made = lambda: sum(open(f"/proc/self/task/{t}/comm").read().startswith("tf_XLA") for t in os.listdir("/proc/self/task"))
before = made()
print(backend.pin(threads=5)["threads"], end=" ")
backend.synchronize("cpu")
print(5 <= made() <= 5 + before, end=" ")
import jax.numpy as jnp
held = jnp.ones(3)
print(backend.pin(threads=2)["threads"], (held + 1).tolist())
"""


@pytest.mark.skipif(
    not Path("/proc/self/task").exists(),
    reason="threads are counted in /proc, which this system lacks",
)
def test_threads_are_pinned_before_anything_is_held_and_reported_as_they_are_after() -> (
    None
):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NPROC": "1"}
    done = subprocess.run(
        [sys.executable, "-c", THREADS],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == "5 True 5 [2.0, 2.0, 2.0]", done.stderr


def test_the_function_needs_no_program() -> None:
    """What a reader of the documentation does: build, draw weights, call."""
    spec = small("motionbert")
    apply = jax.jit(pure(spec.infer))
    outputs, state = apply(
        params.draw(spec.parameters, seed=1),
        {"keypoints": np.zeros((2, 9, 17, 3), np.float32)},
    )
    assert outputs["pose"].shape == (2, 9, 17, 3) and state == {}
