"""Where JAX runs and how: devices by their names, precisions, threads, and waiting."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Settings, Unsupported
from tests.asserts import assert_close
from tests.backends.native import arrays, python, small
from tests.paths import ROOT

jax = pytest.importorskip("jax", reason="JAX is not installed")
pytest.importorskip("optax", reason="optax is not installed")

import jax.numpy as jnp  # noqa: E402  # after the skips

from backends.jax import load  # noqa: E402
from tests.backends.test_native_jax import pose, realised, trained  # noqa: E402


def test_bf16_is_mixed_precision_over_float32_weights() -> None:
    spec = small("motionbert")
    half = realised(spec.infer, precision="bf16")
    came, due = pose(half), pose(realised(spec.infer))
    assert half.values["head.weight"].dtype == jnp.float32
    assert came.dtype == np.float32
    # bfloat16 has three digits, and the model is some ten products deep
    assert_close(came, due, rtol=0.05, what="bf16")
    assert not np.array_equal(came, due), "something was computed in less"


def test_bf16_trains_float32_weights() -> None:
    spec = small("motionbert")
    trainer = trained(spec.train, precision="bf16")
    feeds = trainer.program.put(arrays(spec.train))
    losses = [float(trainer.step(feeds)) for _ in range(8)]
    assert losses[-1] < losses[0]
    assert trainer.program.values["head.weight"].dtype == jnp.float32


@pytest.mark.parametrize(
    ("precision", "said"),
    [
        ("fp16", "scales no loss"),
        ("fp64", "weights are float32"),
        ("fp8", "no such precision"),
    ],
)
def test_a_precision_that_is_not_here_is_refused_with_a_note(
    precision: str,
    said: str,
) -> None:
    with pytest.raises(Unsupported, match=f"jax on cpu: {precision}: .*{said}"):
        load().program(small("simple_baseline").infer, Settings(precision=precision))


def only(*kinds: str) -> Callable[..., Any]:
    """`jax.devices` of a machine that has these platforms."""

    def devices(platform: str) -> list[str]:
        if platform not in kinds:
            # the further lines tell how to build JAX, which no cell has room for
            raise RuntimeError(f"Unknown backend {platform}\nmore")
        return [platform]

    return devices


def test_devices_are_those_that_jax_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "devices", only("cpu", "METAL"))
    assert load().devices() == {
        "cpu": "",
        "cuda": "JAX has no cuda device here: Unknown backend cuda",
        "mps": "",
    }
    assert load().device("auto") == "mps"
    monkeypatch.setattr(jax, "devices", only("cpu", "cuda"))
    assert load().device("auto") == "cuda"
    said = "device mps is not usable here: JAX has no METAL device"
    with pytest.raises(Unsupported, match=said):
        load().device("mps")


def test_synchronize_waits_for_results_nobody_holds() -> None:
    work = jax.jit(lambda a: jax.lax.fori_loop(0, 8, lambda i, b: jnp.tanh(b @ a), a))
    a = jnp.ones((500, 500))
    jax.block_until_ready(work(a))  # compiles

    def one() -> float:
        start = time.perf_counter()
        jax.block_until_ready(work(a))
        return time.perf_counter() - start

    # the least of some: a machine that was slow just then would accuse the four below
    once = min(one() for _ in range(5))
    start = time.perf_counter()
    for _ in range(4):
        work(a)  # returns before it is done, and its result is dropped
    load().synchronize("cpu")
    waited = time.perf_counter() - start
    # none of the four takes less than the least; half of them leaves room for the clock
    assert waited > 2 * once, f"four calls of {once:.3f} s were not waited for"


THREADS = """
import os
from pathlib import Path
from backends.jax import load
import jax.numpy as jnp

def made():
    names = [task / "comm" for task in Path("/proc/self/task").iterdir()]
    return sum(name.read_text().startswith("tf_XLA") for name in names)

backend = load()
backend.devices()
before = made()
print(backend.pin(threads=5)["threads"], end=" ")
backend.synchronize("cpu")
print(5 <= made() <= 5 + before, end=" ")
held = jnp.ones(3)
print(backend.pin(threads=2)["threads"], (held + 1).tolist())
"""


@pytest.mark.skipif(
    not Path("/proc/self/task").exists(),
    reason="threads are counted in /proc, which this system lacks",
)
def test_threads_are_pinned_before_anything_is_held_and_told_as_they_are_after() -> (
    None
):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NPROC": "1"}
    said = python(THREADS, ROOT, environment)
    # 2 were asked for when an array was held: it has its numbers, and the 5 threads stay
    assert said == "5 True 5 [2.0, 2.0, 2.0]"


def test_workers_share_a_gpu() -> None:
    # by default the first one takes three quarters of its memory
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
