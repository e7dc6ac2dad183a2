"""PyTorch: a graph becomes a torch.fx.GraphModule of native calls."""

from __future__ import annotations

from backends.base import Backend

REQUIRES: tuple[str, ...] = ("torch",)
EXTRA = "torch"


def load() -> Backend:
    """Make the backend."""
    from backends.torch.program import TorchBackend

    return TorchBackend()
