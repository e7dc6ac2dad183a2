"""The slopes that the language fixes at ties and kinks are those of PyTorch's own autograd."""

from __future__ import annotations

import numpy as np
import pytest

from backends.base import Settings
from tests.asserts import assert_close
from tests.models.test_gradient import known_slopes, summed

pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch.program import TorchProgram  # noqa: E402  # after the skip


@known_slopes
def test_slopes_by_native_autograd(
    expression: str,
    at: list[float],
    due: list[float],
) -> None:
    program = TorchProgram(summed(expression, len(at)), Settings())
    program.load({"x": np.array(at, np.float32)})
    program.callable().backward()
    came = program.native.x.grad.numpy()
    assert_close(came, due, rtol=1e-6, what=f"torch {expression}")
