"""TensorFlow: a graph becomes a keras.Model whose call is source over native TensorFlow."""

from __future__ import annotations

import os

from backends.base import Backend, Format

REQUIRES: tuple[str, ...] = ("tensorflow", "keras")
EXTRA = "tensorflow"
PACKAGES = ("tensorflow", "keras")
EXPORTS = {"keras": Format(".keras"), "savedmodel": Format("")}


def load() -> Backend:
    """Make the backend.

    TensorFlow reads these variables once, when it is imported or first runs; what the user
    has set stays.
    """
    # the C++ runtime greets on stderr otherwise
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Keras would take what ~/.keras/keras.json says
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # it would take all of a GPU's memory, and a worker is never alone there
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    # TensorFlow's pools do not read it; both can be set before the first op only
    if threads := os.environ.get("OMP_NUM_THREADS"):
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", threads)
    from backends.tensorflow.backend import TensorFlowBackend

    return TensorFlowBackend()
