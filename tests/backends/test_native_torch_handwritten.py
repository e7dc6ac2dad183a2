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
    "integral_1": "ResPoseNet (integral)",
    "integral_2": "ResPoseNet (integral)",
    "rle2d_1": "RegressFlow (RLE, 2D)",
    "rle3d_1": "RegressFlow3D (RLE, 3D)",
    "posenet_1": "Pose2Mesh PoseNet LinearModel",
    "posenet_2": "Pose2Mesh PoseNet LinearModel",
    "meshnet_1": "Pose2Mesh MeshNet",
    "flatpose2mesh_1": "FlatPose2Mesh",
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
    module = twin.build(case.config, case.group("const"))
    weights = {key: torch.from_numpy(a) for key, a in case.group("param").items()}
    module.load_state_dict(weights, strict=True)
    given = {
        key: torch.from_numpy(array)
        for group in ("input", "noise", "const")
        for key, array in case.group(group).items()
    }
    with torch.no_grad():
        made = twin.run(module.eval(), given)
        if twin.parts is not None:
            made |= twin.parts(module, given)
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


PUBLISHED = {
    "MixSTE2": 33_673_219,
    # the authors' count is of 243 frames; each has a row of the table of places
    "D3DP MixSTE2 denoiser": 34_835_459 - (243 - 27) * 512,
    "MotionAGFormer": 2_241_531,
    "P-STMO Model": 6_482_278,
    "ResPoseNet (integral)": 34_291_392,
    "RegressFlow (RLE, 2D)": 23_701_148,
    "RegressFlow3D (RLE, 3D)": 23_838_440,
    "Pose2Mesh PoseNet LinearModel": 67_518_515,
    "Pose2Mesh MeshNet": 8_784_963,
    "FlatPose2Mesh": 76_303_478,
}
# what was counted, where a smaller one is timed
COUNTED = {
    "ResPoseNet (integral)": {"resnet": 50, "joints": 18, "depth_dim": 64},
    "RegressFlow (RLE, 2D)": {"resnet": 50},
    "RegressFlow3D (RLE, 3D)": {"resnet": 50, "joints": 18},
}


def unjoined(*sizes: int) -> dict[str, np.ndarray]:
    """Tables of graphs without edges."""
    tables = {}
    for i, size in enumerate(sizes):
        none = np.zeros(0, np.float32)
        tables |= {f"L_{i}/{name}": none for name in ("row", "col", "val")}
        tables[f"L_{i}/size"] = np.array([size, size])
    return tables


def test_published_sizes_have_the_published_number_of_parameters() -> None:
    """As counted in the authors' own code."""
    counted = {}
    for called, twin in CLASSES.items():
        config = {**twin.config, **COUNTED.get(called, {})}
        # coarsest level and joints: of graphs, parameters ask for their sizes alone
        tables = unjoined(96, 17)
        with torch.device("meta"):
            module = twin.build(config, tables)
        counted[called] = sum(param.numel() for param in module.parameters())
    assert counted == PUBLISHED
