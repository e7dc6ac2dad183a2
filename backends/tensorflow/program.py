"""A GraphModel on a device: one tf.function, XLA, or op by op, as the settings say.

Importing this file makes `.keras` files of PosePort readable: it registers the model class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from backends.base import Arrays, Feeds, Portable, Settings
from backends.tensorflow.model import GraphModel
from models import params as initial
from models.graph import Graph

ABOUT = "poseport.json"  # of a SavedModel
# device kind -> what TensorFlow calls it; the plug-in for Apple's GPU takes the name of all
KINDS = {"cpu": "CPU", "cuda": "GPU", "mps": "GPU"}


class TensorFlowProgram(Portable):
    """`native` is the GraphModel; its variables lie on the device asked for."""

    def __init__(self, graph: Graph, settings: Settings) -> None:
        self.graph = graph
        self.settings = settings
        self.place = f"/{KINDS[settings.device]}:0"
        with tf.device(self.place):
            self.native = GraphModel(
                graph,
                draw_noise=settings.draw_noise,
                precision=settings.precision,
                seed=settings.seed,
            )
        self._callable = self.traced(self.native.compute)

    def traced(self, run: Any) -> Any:
        """A function of feeds on the device, as a tf.function unless op by op."""

        def placed(feeds: Feeds) -> Any:
            with tf.device(self.place):
                return run(feeds)

        if self.settings.compiled is False:
            return placed
        return tf.function(
            placed,
            autograph=False,  # no Python control flow in it depends on a tensor
            reduce_retracing=True,  # the second length of an axis opens that axis for good
            jit_compile=bool(self.settings.compiled),  # XLA
        )

    def load(self, params: Arrays) -> None:
        """Copy weights in; raises BadInput where names or shapes do not fit."""
        arrays = initial.fit(self.graph.params, params)
        for name, variable in self.native.arrays().items():
            variable.assign(arrays[name])

    def params(self) -> dict[str, np.ndarray]:
        """Weights and running statistics."""
        # copies: on the CPU the array would share the variable's memory
        held = self.native.arrays().items()
        return {name: np.array(variable.numpy()) for name, variable in held}

    def put(self, arrays: Arrays) -> Feeds:
        """Tensors on the device."""
        types = {name: self.graph.types[name].dtype for name in self.native.feeds}
        typed = {name: np.asarray(arrays[name], dtype) for name, dtype in types.items()}
        with tf.device(self.place):
            return {name: tf.constant(array) for name, array in typed.items()}

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Outputs by name; no gradient is recorded."""
        return dict(self._callable(feeds))

    def numpy(self, value: Any) -> np.ndarray:
        """An array; NumPy alone would stumble over a bfloat16 scalar."""
        return np.array(value.numpy())

    def weights(self) -> dict[str, Any]:
        """Variables of the model."""
        held = self.native.arrays().items()
        return {name: _tensor(variable) for name, variable in held}

    def device_of(self, value: Any) -> str:
        """As the tensor says: `.../device:CPU:0`."""
        kind = tf.DeviceSpec.from_string(value.device).device_type
        # the plug-in for Apple's GPU calls it as all others call theirs
        gpu = "mps" if self.settings.device == "mps" else "cuda"
        return gpu if kind == "GPU" else str(kind).lower()

    def export(
        self,
        path: Path,
        format: str,
        *,
        sample: Arrays,
        about: str,
        **options: Any,
    ) -> None:
        """A .keras file, or a SavedModel folder.

        The file is read where this module has been imported; the folder needs TensorFlow
        alone. `about` is in the file's config, and in the folder's `assets.extra`, which
        TensorFlow leaves to whoever writes a model.
        """
        if format == "keras":
            self.native.about = about
            self.native.save(path)
            return
        self.native.export(path, verbose=False)
        extra = path / "assets.extra"
        extra.mkdir()
        (extra / ABOUT).write_text(about, encoding="utf-8")

    def reopen(
        self,
        path: Path,
        format: str,
    ) -> Callable[[Arrays], dict[str, np.ndarray]]:
        """The loaded model, or `serve` of the loaded folder.

        Called with the tensor where there is one, else with a mapping.
        """
        keras_file = format == "keras"
        read = keras.saving.load_model if keras_file else tf.saved_model.load
        native: Any = read(path)

        def run(arrays: Arrays) -> dict[str, np.ndarray]:
            feeds = self.put(arrays)
            given = feeds if len(feeds) > 1 else next(iter(feeds.values()))
            # held whole: `serve` alone lets the variables go
            result = native(given) if keras_file else native.serve(given)
            if not isinstance(result, Mapping):
                result = {next(iter(self.graph.outputs)): result}
            return {name: self.numpy(value) for name, value in result.items()}

        return run


def _tensor(variable: Any) -> Any:
    """What a variable holds, where it lies: Keras wraps TensorFlow's own variable."""
    return getattr(variable, "value", variable)
