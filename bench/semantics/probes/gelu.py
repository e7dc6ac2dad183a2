"""Which form GELU has, where the exact one is asked for."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.variants import Variant
from models import ops

Array = np.ndarray
# negative: the forms differ by 5e-4 there, and nothing large hides it
X = np.linspace(-3.5, -0.5, 13, dtype=np.float32)


def _tanh(x: Array, *, approximate: str) -> Array:
    return ops.get("gelu").reference(x, approximate="tanh")


def _sigmoid(x: Array, *, approximate: str) -> Array:
    return x / (1 + np.exp(-1.702 * x))


PROBE = OpProbe(
    about="form of GELU",
    inputs=(Input("gelu", (X,), {"approximate": "none"}),),
    variants=(
        Variant(
            "erf", "x Phi(x)", "Hendrycks and Gimpel 2016; torch, keras.activations"
        ),
        Variant(
            "tanh", "x (1 + tanh(...)) / 2", "jax.nn.gelu, keras.ops, GPT-2", _tanh
        ),
        Variant("sigmoid", "x sigmoid(1.702 x)", "CLIP's QuickGELU", _sigmoid),
    ),
)
