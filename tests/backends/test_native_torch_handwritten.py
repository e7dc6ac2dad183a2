"""The twins that benchmarks hold ours against are the authors' networks: their numbers hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.parity import official
from bench.parity.official import GRADIENT_BOUND, OUTPUT_BOUND, Case
from tests.asserts import assert_close
from tests.paths import GOLDEN, SHARED

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from tests.benchmarks.official import CLASSES  # noqa: E402  # after the skip

FILES = {
    "mixste_1": "MixSTE2",
    "mixste_2": "MixSTE2",
    "d3dp_denoiser_1": "D3DP MixSTE2 denoiser",
    "d3dp_denoiser_2": "D3DP MixSTE2 denoiser",
    # the other two are of branches that no published size has
    "motionagformer_1": "MotionAGFormer",
    "pstmo_1": "P-STMO Model",
    "pstmo_2": "P-STMO Model",
}


def case_of(name: str) -> Case:
    """A golden file, of ours or of those that lie beside the checkout."""
    here = [folder / f"{name}.safetensors" for folder in (GOLDEN, SHARED / "vectors")]
    found: list[Path] = [path for path in here if path.exists()]
    if not found:
        pytest.skip(f"{name}.safetensors is neither in tests/golden nor beside us")
    return official.read(found[0])


@pytest.mark.parametrize(("name", "called"), FILES.items(), ids=list(FILES))
def test_a_twin_gives_what_the_authors_class_gave(name: str, called: str) -> None:
    case = case_of(name)
    assert case.official == called
    twin = CLASSES[called]
    module = twin.build(case.config)
    weights = {key: torch.from_numpy(a) for key, a in case.group("param").items()}
    module.load_state_dict(weights, strict=True)
    given = {key: torch.from_numpy(a) for key, a in case.group("input").items()}
    with torch.no_grad():
        made = twin.run(module.eval(), given)
    for key, value in made.items():
        due = case.arrays[f"eval/{key}"]
        assert_close(value.numpy(), due, rtol=OUTPUT_BOUND, what=f"{name} {key}")
    loss = twin.loss(twin.run(module.train(), given), given)
    due = case.arrays["train/loss"]
    assert_close(loss.detach().numpy(), due, rtol=OUTPUT_BOUND, what=f"{name} loss")
    loss.backward()
    grads = {key: param.grad for key, param in module.named_parameters()}
    due_grads = case.group("grad")
    # what the authors' class never reaches, the twin does not reach either
    assert {key for key, grad in grads.items() if grad is not None} == set(due_grads)
    largest = max(np.abs(array).max() for array in due_grads.values())
    for key, array in due_grads.items():
        # relative to the largest of all: some are zero but for rounding
        came = grads[key].numpy() / largest + 1
        due = array / largest + 1
        assert_close(came, due, rtol=GRADIENT_BOUND, what=f"{name} {key}")


def test_published_sizes_have_the_published_number_of_parameters() -> None:
    """As counted in the authors' own code."""
    counted = {}
    for called, twin in CLASSES.items():
        with torch.device("meta"):
            module = twin.build(twin.config)
        counted[called] = sum(param.numel() for param in module.parameters())
    assert counted["MixSTE2"] == 33_673_219
    # the authors' count is of 243 frames; each has a row of the table of places
    assert counted["D3DP MixSTE2 denoiser"] == 34_835_459 - (243 - 27) * 512
    assert counted["MotionAGFormer"] == 2_241_531
    assert counted["P-STMO Model"] == 6_482_278
