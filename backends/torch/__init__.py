"""PyTorch: a graph becomes a torch.fx.GraphModule of native calls."""

from __future__ import annotations

from backends.base import Backend, Format

REQUIRES: tuple[str, ...] = ("torch",)
EXTRA = "torch"
PACKAGES = ("torch",)
EXPORTS = {"torch": Format(".pt2")}


def load() -> Backend:
    """Make the backend."""
    from backends.torch.backend import TorchBackend

    return TorchBackend()
