"""How PyTorch runs: masks drawn and fed, autocast, devices, and resumed training."""

from __future__ import annotations

import numpy as np
import pytest

import models
from backends.base import Settings, Trainer, Unsupported
from models import dims, params
from models.optim import Optimizer
from tests.asserts import assert_close
from tests.backends.native import (
    arrays,
    assert_distributed,
    assert_masks,
    noisy,
    ones,
    small,
)

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch import load  # noqa: E402  # after the skip
from backends.torch.program import TorchProgram  # noqa: E402
from tests.backends.test_native_torch import realised  # noqa: E402


def drawing(kind: str, *, seed: int = 0, **rate: float) -> TorchProgram:
    return TorchProgram(noisy(kind, **rate), Settings(draw_noise=True, seed=seed))


@pytest.mark.parametrize("kind", ["dropout", "drop_path"])
def test_drawn_masks_differ_between_calls_and_have_the_right_rate(kind: str) -> None:
    program = drawing(kind)
    assert program.feeds == ("x",), "the mask is no input"
    first, second = (program(ones(4000))["y"] for _ in range(2))
    assert_masks(kind, first, second)
    assert np.array_equal(drawing(kind)(ones(4000))["y"], first), "the seed decides"
    assert not np.array_equal(drawing(kind, seed=1)(ones(4000))["y"], first)


def test_drawn_numbers_are_distributed_as_declared() -> None:
    normal = drawing("normal", rate=2.0)(ones(500))["y"]
    assert_distributed(normal, drawing("uniform", rate=2.0)(ones(500))["y"])


def test_fed_masks_are_used_as_they_are() -> None:
    graph = small("simple_baseline").train
    program = realised(graph)
    fed = arrays(graph)
    assert np.array_equal(program(fed)["pose"], realised(graph)(fed)["pose"])
    other = {key: 1 - array for key, array in fed.items() if key.endswith("mask")}
    came = realised(graph)({**fed, **other})["pose"]
    assert not np.array_equal(came, realised(graph)(fed)["pose"])


def test_bf16_is_autocast_over_float32_weights() -> None:
    spec = small("motionbert")
    half = load().program(spec.infer, Settings(precision="bf16"))
    half.load(params.draw(spec.parameters, seed=1))
    came = half(arrays(spec.infer))["pose"]
    due = realised(spec.infer)(arrays(spec.infer))["pose"]
    assert half.native.head.weight.dtype == torch.float32
    assert came.dtype == np.float32
    # bfloat16 has three digits, and the model is some ten products deep
    assert_close(came, due, rtol=0.05, what="bf16")
    assert not np.array_equal(came, due), "something was computed in less"


@pytest.mark.parametrize(
    ("precision", "said"),
    [
        ("fp16", "use bf16"),
        ("fp64", "weights are float32"),
        ("fp8", "no such precision"),
    ],
)
def test_a_precision_that_is_not_here_is_refused_with_a_note(
    precision: str,
    said: str,
) -> None:
    with pytest.raises(Unsupported, match=f"torch on cpu: {precision}: .*{said}"):
        load().program(small("simple_baseline").infer, Settings(precision=precision))


def test_a_gpu_has_the_halves_that_a_cpu_lacks() -> None:
    assert load().precisions("cuda")["fp16"] == ""
    assert load().precisions("mps")["bf16"] == ""


def test_fp32_is_float32_before_anything_is_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # PyTorch's own default, by which a GPU's convolutions keep eleven bits
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    backend = load()
    assert not torch.backends.cudnn.allow_tf32
    assert torch.get_float32_matmul_precision() == "highest"
    assert backend.pin(threads=1)["cudnn_tf32"] is False


def test_torch_is_asked_which_devices_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = load()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert backend.devices()["cuda"] == ""
    assert "Apple" in backend.devices()["mps"]
    assert backend.device("auto") == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert "CUDA" in backend.devices()["cuda"]
    assert backend.device("auto") == "mps"


def test_a_resumed_training_draws_the_dropout_that_was_due() -> None:
    sizes = {"width": 16, "stages": 1, "dropout": 0.5}
    graph = models.build("simple_baseline", preset="small", **sizes).train
    shapes = {key: dims.bind(t.shape, {"batch": 4}) for key, t in graph.inputs.items()}
    fed = {key: np.full(shape, 0.3, np.float32) for key, shape in shapes.items()}

    def trainer(seed: int) -> Trainer:
        settings = Settings(draw_noise=True, seed=seed)
        return load().trainer(graph, Optimizer("adam", 1e-2, 0.0), settings)

    def trained(steps: int, *, stop: int | None = None) -> list[float]:
        one = trainer(0)
        one.program.load(params.draw(graph.params, seed=0))
        losses = []
        for step in range(steps):
            if step == stop:
                kept, weights = one.state(), one.program.params()
                # another seed: what follows must come from the state that was kept
                one = trainer(9)
                one.program.load(weights)
                one.load_state(kept)
            losses.append(float(one.step(one.program.put(fed))))
        return losses

    assert trained(6, stop=3) == trained(6)
