"""All but the name is NumPy's."""

from __future__ import annotations

from backends.numpy.backend import NumpyBackend


class TwinBackend(NumpyBackend):
    """A NumPy backend."""

    name = "twin"
