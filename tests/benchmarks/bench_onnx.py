"""Is the emitted ONNX as fast as what PyTorch exports of the same model written by hand?

And what does a training step cost? Run: `pytest tests/benchmarks --backends=onnx
--benchmark-only`. PyTorch writes its file in a process of its own, by this interpreter or, where
that has no PyTorch, by the one named in POSEPORT_TORCH_PYTHON. Rounds go A B B A, one thread;
ratios are told, never asserted.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.backend import NumpyBackend
from models import params
from models.optim import Optimizer
from tests.asserts import assert_close
from tests.benchmarks.rounds import Work, told

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20.0  # time for one pair
SIZES: dict[str, Any] = {"preset": "small", "frames": 27}
BATCH, FRAMES = 32, 27
ADAMW = Optimizer("adamw", 1e-6, 0.01)


def weights() -> dict[str, np.ndarray]:
    """The same for both; off their symmetric start."""
    draw = np.random.default_rng(1)
    found = params.draw(models.build("motionbert", **SIZES).infer.params, seed=0)
    return {
        name: (array + draw.normal(0, 0.05, array.shape)).astype(np.float32)
        for name, array in found.items()
    }


def export(path: str) -> None:
    """The hand-written module, as torch.onnx.export gives it.

    Runs in the process that has PyTorch and not ONNX Runtime.
    """
    import torch

    from tests.benchmarks.handwritten.motionbert import MotionBert

    module = MotionBert(models.size("motionbert", **SIZES)).eval()
    module.load_state_dict(
        {name: torch.from_numpy(array) for name, array in weights().items()},
        strict=True,
    )
    inputs = torch.zeros(2, FRAMES, 17, 3)
    batch = torch.export.Dim("batch", min=1, max=4096)
    # the batch stays open, as ours does
    program = torch.onnx.export(
        module,
        (inputs,),
        dynamo=True,
        dynamic_shapes=({0: batch},),
    )
    program.save(path, external_data=False)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file PyTorch exports."""
    python = sys.executable
    if not importlib.util.find_spec("torch"):
        python = os.environ.get("POSEPORT_TORCH_PYTHON", "")
    if not python:
        pytest.skip(
            "no PyTorch to export a reference: install it, or name an interpreter that has"
            " it in POSEPORT_TORCH_PYTHON"
        )
    path = tmp_path_factory.mktemp("torch") / "motionbert.onnx"
    command = [python, "-W", "ignore", "-m", "tests.benchmarks.bench_onnx", str(path)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return path


def session(model: bytes | str) -> Work:
    """A model as a call on fixed inputs, one thread."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    native = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = (
        np.random.default_rng(0).normal(size=(BATCH, FRAMES, 17, 3)).astype(np.float32)
    )
    return lambda: native.run(None, {native.get_inputs()[0].name: inputs})[0]


@pytest.mark.parametrize("opset", ["default", "newest"])
def test_the_emitted_model_against_the_one_torch_exports(
    reference: Path,
    opset: str,
    benchmark: Any,
) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from backends.onnx.model import DEFAULT, model, opsets

    theirs = session(str(reference))
    emitted = model(
        models.build("motionbert", **SIZES).infer,
        weights(),
        opset=DEFAULT if opset == "default" else opsets()[-1],
    )
    ours = session(emitted.SerializeToString())
    assert_close(ours(), theirs(), rtol=1e-5, what="pose")
    benchmark.group = f"motionbert infer, {BATCH} x {FRAMES}"
    told(benchmark, ours, theirs, names=("emitted", "by torch"), seconds=SECONDS)


def test_a_training_step_against_the_forward_it_contains(benchmark: Any) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from backends.onnx.program import OnnxProgram
    from backends.onnx.train import OnnxTrainer

    graph = models.build("motionbert", **SIZES, loss={"mpjpe": 1.0}).train
    draw = np.random.default_rng(0)
    shape = (BATCH, FRAMES, 17, 3)
    feeds = {name: draw.normal(size=shape) for name in ("keypoints", "target")}
    trainer = OnnxTrainer(OnnxProgram(graph, Settings(), threads=1), ADAMW)
    oracle = NumpyBackend().trainer(graph, ADAMW, Settings(precision="fp32"))
    _same_gradients(trainer, oracle, feeds)
    fed = trainer.program.put(feeds)
    benchmark.group = f"motionbert train, {BATCH} x {FRAMES}"
    told(
        benchmark,
        lambda: trainer.step(fed),
        lambda: trainer.program.run(fed),
        names=("the step", "the forward of its graph"),
        seconds=SECONDS,
    )


def _same_gradients(trainer: Any, oracle: Any, feeds: dict[str, np.ndarray]) -> None:
    """Raise AssertionError where the gradient graph and the oracle differ."""
    for one in (trainer, oracle):
        one.program.load(weights())
    _, came = trainer.gradients(trainer.program.put(feeds))
    _, due = oracle.gradients(oracle.program.put(feeds))
    # relative to the largest of all: some are zero but for rounding
    largest = max(float(np.abs(grad).max()) for grad in due.values())
    for name, grad in due.items():
        assert_close(
            came[name] / largest + 1,
            grad / largest + 1,
            rtol=1e-5,
            what=f"gradient of {name}",
        )


if __name__ == "__main__":
    export(sys.argv[1])
