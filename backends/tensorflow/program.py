"""Graph -> keras.Model: real weights under their official names, `call` emitted from the
graph as source over native TensorFlow calls.

The model fits, summarises, saves as `.keras` (its config holds the graph as JSON) and
exports as a SavedModel that needs TensorFlow alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from backends.base import (
    Arrays,
    Feeds,
    Portable,
    Settings,
)
from backends.emit import function, identifier
from backends.tensorflow import ops
from models import dims, graph
from models import params as initial
from models.graph import Graph, Type
from models.passes import decompose

HALVES = {"bf16": tf.bfloat16, "fp16": tf.float16}
PLACES = {"cpu": "/CPU:0", "cuda": "/GPU:0", "mps": "/GPU:0"}


class Weights(keras.layers.Layer):
    """Holds the arrays of one module of the spec, so that `summary` lists it and
    `get_layer(NAME).trainable = False` freezes it.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.built = True


@keras.saving.register_keras_serializable(package="poseport")
class GraphModel(keras.Model):
    """A graph as a Keras model. Mode belongs to the graph: `training` changes nothing.

    Called with a mapping by input name, a list in the order of `feeds`, or the tensor where
    there is one; returns outputs alike. A train graph adds its scalar output `loss` to the
    model's losses: `compile(optimizer)`, then `fit({"keypoints": ..., "target": ...})`.
    Weights are called as in the spec, and lie in a layer called as their module:
    `get_layer("head").weights[0].name == "head.weight"`.
    """

    def __init__(
        self,
        spec: Graph,
        *,
        draw_noise: bool = False,
        precision: str = "fp32",
        seed: int = 0,
        name: str | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name=name or spec.name, **settings)
        self.spec, self.draw_noise, self.precision, self.seed = (
            spec,
            draw_noise,
            precision,
            seed,
        )
        self.modules: list[Weights] = []
        for key in spec.params:
            self._declare(key)
        if draw_noise and spec.noise:
            # a .keras file starts it anew; a trainer's state holds it
            self.noise_seed = keras.random.SeedGenerator(seed)
        table = (
            ops.mixed(ops.KERNELS, HALVES[precision])
            if precision in HALVES
            else ops.KERNELS
        )
        lengths = {"length": ops.length}
        self._flat = decompose(spec, has=ops.KERNELS)
        self._emitted = function(
            self._flat, {**table, **lengths}, length="ops.length({tensor}, {axis})"
        )
        self.built = True

    @property
    def feeds(self) -> tuple[str, ...]:
        """What a call takes, in order: inputs, then noise unless the model draws it."""
        return (
            tuple(self.spec.inputs)
            if self.draw_noise
            else (*self.spec.inputs, *self.spec.noise)
        )

    def arrays(self) -> dict[str, keras.Variable]:
        """Weights and state by their name in the spec."""
        held = {variable.name: variable for variable in self.weights}
        return {name: held[name] for name in self.spec.params}

    def compute(self, feeds: Feeds) -> dict[str, tf.Tensor]:
        """Outputs by name; running state is moved on.

        What `call` does, without Keras around it.
        """
        arrays = self.arrays()
        constants = {
            name: tf.constant(array) for name, array in self._flat.constants.items()
        }
        params = {
            name: tf.convert_to_tensor(variable.value) for name, variable in arrays.items()
        }
        outputs, state = self._emitted(params, {**feeds, **self._noise(feeds)}, constants)
        for name, value in state.items():
            arrays[name].assign(value)
        half = HALVES.get(self.precision)
        return {
            name: tf.cast(value, tf.float32) if value.dtype == half else value
            for name, value in outputs.items()
        }

    def call(self, inputs: Any) -> Any:
        """Keras' entry."""
        outputs = self.compute(self._named(inputs))
        if (
            self.spec.outputs.get("loss")
            and self.spec.types[self.spec.outputs["loss"]].shape == ()
        ):
            self.add_loss(outputs["loss"])
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def signature(self) -> list[Any]:
        """What a call takes as `tf.TensorSpec`s, symbolic axes open."""
        types = {
            **self.spec.inputs,
            **{name: noise.type for name, noise in self.spec.noise.items()},
        }
        specs = {name: _tensor_spec(name, types[name]) for name in self.feeds}
        return [specs] if len(specs) > 1 else list(specs.values())

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: Any = None,
        input_signature: Any = None,
        **options: Any,
    ) -> None:
        """As `keras.Model.export`; without a signature of its own every symbolic axis stays
        open.
        """
        super().export(
            filepath, format, verbose, input_signature or self.signature(), **options
        )

    def get_config(self) -> dict[str, Any]:
        """The graph as JSON, and how it runs."""
        own = {
            "spec": self.spec.to_json(),
            "draw_noise": self.draw_noise,
            "precision": self.precision,
            "seed": self.seed,
        }
        return {**own, "name": self.name}

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Any = None
    ) -> GraphModel:
        """The model again, in zeros.

        Raises SpecError where the graph breaks the op table.
        """
        return cls(
            graph.from_json(config["spec"]),
            **{key: value for key, value in config.items() if key != "spec"},
        )

    def build_from_config(self, config: Any) -> None:
        """Everything is made by the constructor."""

    def _declare(self, key: str) -> None:
        """Make one array, in zeros, in the layer called as its module."""
        param = self.spec.params[key]
        owner = key.rpartition(".")[0]
        found = next((layer for layer in self.modules if layer.name == owner), None)
        if owner and found is None:
            found = Weights(name=owner)
            self.modules.append(found)
        shape = dims.bind(param.type.shape, {})
        (found or self).add_weight(
            shape,
            "zeros",
            dtype=param.type.dtype,
            trainable=param.trainable,
            autocast=False,
            name=key,
        )

    def _noise(self, feeds: Feeds) -> dict[str, tf.Tensor]:
        """Noise inputs drawn anew, each from a seed of its own."""
        if not self.draw_noise or not self.spec.noise:
            return {}
        lengths = {
            axis: ops.length(feeds[name], i)
            for name, type_ in self.spec.inputs.items()
            for i, axis in enumerate(map(dims.axis_name, type_.shape))
            if axis
        }
        seeds = tf.unstack(tf.random.split(self.noise_seed.next(), len(self.spec.noise)))
        return {
            name: ops.draw(
                seed,
                shape=dims.bind(noise.type.shape, lengths),
                kind=noise.kind,
                number=noise.number,
            )
            for seed, (name, noise) in zip(seeds, self.spec.noise.items(), strict=True)
        }

    def _named(self, inputs: Any) -> dict[str, tf.Tensor]:
        """Inputs by name, whichever way they came."""
        if isinstance(inputs, Mapping):
            return {name: inputs[name] for name in self.feeds}
        given = inputs if isinstance(inputs, Sequence) else [inputs]
        return dict(zip(self.feeds, given, strict=True))


def _tensor_spec(name: str, type_: Type) -> tf.TensorSpec:
    shape = [length if isinstance(length, int) else None for length in type_.shape]
    return tf.TensorSpec(shape, type_.dtype, identifier(name))


class TensorFlowProgram(Portable):
    """A GraphModel on a device, run as one tf.function, compiled by XLA, or op by op, as
    the settings say.
    """

    def __init__(self, graph: Graph, settings: Settings) -> None:
        self.graph = graph
        self.settings = settings
        self.place = PLACES[settings.device]
        with tf.device(self.place):
            self.native = GraphModel(
                graph,
                draw_noise=settings.draw_noise,
                precision=settings.precision,
                seed=settings.seed,
            )
        self._callable = self.traced(self.native.compute)

    def traced(self, run: Any) -> Any:
        """A function of feeds on the device, as a tf.function unless op by op; the second
        shape of an axis opens that axis for good.
        """

        def placed(feeds: Feeds) -> Any:
            with tf.device(self.place):
                return run(feeds)

        if self.settings.compiled is False:
            return placed
        return tf.function(
            placed,
            autograph=False,
            reduce_retracing=True,
            jit_compile=bool(self.settings.compiled),
        )

    def load(self, params: Arrays) -> None:
        """Copy weights in; raises BadInput where names or shapes do not fit."""
        arrays = initial.fit(self.graph.params, params)
        for name, variable in self.native.arrays().items():
            variable.assign(arrays[name])

    def params(self) -> dict[str, np.ndarray]:
        """Weights and running statistics."""
        return {
            name: np.array(variable.numpy())
            for name, variable in self.native.arrays().items()
        }

    def put(self, arrays: Arrays) -> Feeds:
        """Tensors on the device."""
        with tf.device(self.place):
            return {
                name: tf.constant(np.asarray(arrays[name], self.graph.types[name].dtype))
                for name in self.native.feeds
            }

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Outputs by name; no gradient is recorded."""
        return dict(self._callable(feeds))

    def numpy(self, value: Any) -> np.ndarray:
        """An array; NumPy alone would stumble over a bfloat16 scalar."""
        return np.array(value.numpy())

    def export(self, path: Path, format: str, *, sample: Arrays) -> None:
        """A .keras file, which is read where this module has been imported, or a SavedModel
        folder, which needs TensorFlow alone.
        """
        if format == "keras":
            self.native.save(path)
        else:
            self.native.export(path, verbose=False)

    def reopen(self, path: Path, format: str) -> Callable[[Arrays], dict[str, np.ndarray]]:
        """The loaded model, or `serve` of the loaded folder: called with the tensor where
        there is one, else with a mapping.
        """
        native: Any = (
            keras.saving.load_model(path)
            if format == "keras"
            else tf.saved_model.load(path)
        )

        def run(arrays: Arrays) -> dict[str, np.ndarray]:
            feeds = self.put(arrays)
            given = feeds if len(feeds) > 1 else next(iter(feeds.values()))
            # held whole: `serve` alone lets the variables go
            result = native(given) if format == "keras" else native.serve(given)
            named = (
                result
                if isinstance(result, Mapping)
                else {next(iter(self.graph.outputs)): result}
            )
            return {name: self.numpy(value) for name, value in named.items()}

        return run
