"""PyTorch: a graph becomes a torch.fx.GraphModule of native calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backends.base import Backend, Format

REQUIRES: tuple[str, ...] = ("torch",)
EXTRA = "torch"
PACKAGES = ("torch",)
EXPORTS = {"torch": Format(".pt2")}


def load() -> Backend:
    """Make the backend."""
    from backends.torch.backend import TorchBackend

    return TorchBackend()


def checkpoint(path: Path) -> Any:
    """What a file of torch.save holds, as plain mappings of arrays. Raises BadInput."""
    from backends.torch.saved import read

    return read(path)
