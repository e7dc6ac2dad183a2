"""The manifest of mlx, read to list backends: it imports no framework."""

from backends.base import Backend

REQUIRES = ("mlx",)
PACKAGES = ("mlx",)
INSTALL = 'pip install "mlx[cpu]"'


def load() -> Backend:
    """Make the backend."""
    from poseport_mlx.backend import MlxBackend

    return MlxBackend()
