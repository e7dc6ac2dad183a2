"""resize is PyTorch's interpolate, whatever the two lengths are; avg_pool2d its pooling."""

from __future__ import annotations

import numpy as np
import pytest

from models import ops
from models.builder import Builder
from models.errors import SpecError
from tests.asserts import assert_close

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.base import Settings  # noqa: E402  # after the skip
from backends.torch.program import TorchProgram  # noqa: E402  # after the skip

# steps of 82 and 94 are those that float32 rounds across an element
LENGTHS = (*range(1, 13), 41, 64, 82, 94)


@pytest.mark.parametrize(
    ("mode", "dtype"), [("nearest", "float32"), ("linear", "float64")]
)
def test_every_length_becomes_every_other_as_in_pytorch(mode: str, dtype: str) -> None:
    draw = np.random.default_rng(0)
    for n in LENGTHS:
        x = draw.normal(size=(2, 3, n)).astype(dtype)
        for length in LENGTHS:
            due = torch.nn.functional.interpolate(
                torch.from_numpy(x), length, mode=mode
            )
            came = ops.get("resize").reference(x, axis=2, length=length, mode=mode)
            assert_close(came, due.numpy(), rtol=1e-12, what=f"{mode} {n} to {length}")


def test_means_of_windows_are_pytorchs() -> None:
    g = Builder("pool")
    x = g.input("x", ("batch", 2, 7, 9))
    g.output("y", x.avg_pool2d(kernel=3))
    image = np.random.default_rng(0).normal(size=(2, 2, 7, 9)).astype(np.float32)
    came = TorchProgram(g.finish(), Settings())({"x": image})["y"]
    due = torch.nn.functional.avg_pool2d(torch.from_numpy(image), 3)
    assert_close(came, due.numpy(), rtol=1e-6, what="windows of 3")


@pytest.mark.parametrize(
    ("axis", "length", "mode", "said"),
    [
        (1, 0, "linear", "length 0 must be 1 or more"),
        (0, 4, "linear", "the length of axis 0 must be known, and 1 or more"),
        (1, 4, "cubic", "attribute mode must be"),
        (2, 4, "linear", "axis 2 does not exist"),
    ],
)
def test_what_no_axis_can_become_is_refused(
    axis: int, length: int, mode: str, said: str
) -> None:
    x = Builder("resize").input("x", ("batch", 3))
    with pytest.raises(SpecError, match=said) as caught:
        x.resize(axis=axis, length=length, mode=mode)
    assert "\n" not in str(caught.value)
