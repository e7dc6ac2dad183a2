"""Graph -> keras.Model: `call` is emitted from the graph as source over native TensorFlow.

Weights are real ones under their official names. The model fits, summarises, saves as
`.keras` (its config holds the graph as JSON) and exports as a SavedModel that needs
TensorFlow alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow import Tensor

from backends.base import Feeds
from backends.emit import function, identifier
from backends.tensorflow import ops
from backends.tensorflow.layout import length
from backends.tensorflow.mixed import mixed
from backends.tensorflow.noise import noise
from models import dims, graph
from models.graph import Graph, Type
from models.passes import decompose

HALVES = {"bf16": tf.bfloat16, "fp16": tf.float16}


class Weights(keras.layers.Layer):
    """Holds the arrays of one module of the spec.

    So `summary` lists it, and `get_layer(NAME).trainable = False` freezes it.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.built = True  # it is never called, which is when Keras would build it


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
        about: str = "",
        name: str | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name=name or spec.name, **settings)
        self.spec = spec
        self.draw_noise = draw_noise
        self.precision = precision
        self.seed = seed
        self.about = about  # JSON about the weights, for whoever reads a file
        self.modules: list[Weights] = []
        for key in spec.params:
            self._declare(key)
        if draw_noise and spec.noise:
            # a .keras file starts it anew; a trainer's state holds it
            self.noise_seed = keras.random.SeedGenerator(seed)
        kernels = ops.KERNELS
        if precision in HALVES:
            kernels = mixed(kernels, HALVES[precision])
        self._flat = decompose(spec, has=ops.KERNELS)
        # while tracing, `x.shape[0]` is None where the axis is open
        table = {**kernels, "length": length}
        self._emitted = function(
            self._flat,
            table,
            length="ops.length({tensor}, {axis})",
        )
        self.built = True  # all weights are there; the shapes of inputs add none

    @property
    def feeds(self) -> tuple[str, ...]:
        """What a call takes, in order: inputs, then noise unless the model draws it."""
        fed = () if self.draw_noise else self.spec.noise
        return (*self.spec.inputs, *fed)

    def arrays(self) -> dict[str, keras.Variable]:
        """Weights and state by their name in the spec."""
        held = {variable.name: variable for variable in self.weights}
        return {name: held[name] for name in self.spec.params}

    def compute(self, feeds: Feeds) -> dict[str, Tensor]:
        """Outputs by name; running state is moved on.

        What `call` does, without Keras around it.
        """
        arrays = self.arrays()
        # in the function that is being traced: a tensor of another one could not be used
        stored = self._flat.constants.items()
        constants = {name: tf.constant(array) for name, array in stored}
        # read once, so that a variable that two nodes use is one tensor in the graph
        held = arrays.items()
        params = {name: tf.convert_to_tensor(variable.value) for name, variable in held}
        whole = {**feeds, **self.drawn(feeds)}
        outputs, state = self._emitted(params, whole, constants)
        for name, value in state.items():
            arrays[name].assign(value)
        half = HALVES.get(self.precision)
        return {
            name: tf.cast(value, tf.float32) if value.dtype == half else value
            for name, value in outputs.items()
        }

    def drawn(self, feeds: Feeds) -> dict[str, Tensor]:
        """The noise of a call, where the model draws it."""
        if self.draw_noise and self.spec.noise:
            return noise(self.spec, feeds, self.noise_seed.next())
        return {}

    def call(self, inputs: Any) -> Any:
        """Keras' entry."""
        outputs = self.compute(self._named(inputs))
        loss = self.spec.outputs.get("loss")
        # Keras adds up scalars; a model may have another output of that name
        if loss and self.spec.types[loss].shape == ():
            self.add_loss(outputs["loss"])
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def signature(self) -> list[Any]:
        """What a call takes as `tf.TensorSpec`s, symbolic axes open."""
        noise_types = {name: asked.type for name, asked in self.spec.noise.items()}
        types = {**self.spec.inputs, **noise_types}
        specs = {name: _tensor_spec(name, types[name]) for name in self.feeds}
        # one argument either way: a mapping, or the tensor where there is one
        return [specs] if len(specs) > 1 else list(specs.values())

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: Any = None,
        input_signature: Any = None,
        **options: Any,
    ) -> None:
        """As `keras.Model.export`, but that every symbolic axis stays open.

        Keras would fix the lengths that the model was first called with.
        """
        signature = input_signature or self.signature()
        super().export(filepath, format, verbose, signature, **options)

    def get_config(self) -> dict[str, Any]:
        """The graph as JSON, and how it runs."""
        return {
            "spec": self.spec.to_json(),
            "draw_noise": self.draw_noise,
            "precision": self.precision,
            "seed": self.seed,
            "about": self.about,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        custom_objects: Any = None,
    ) -> GraphModel:
        """The model again, in zeros.

        Raises SpecError where the graph breaks the op table.
        """
        settings = {key: value for key, value in config.items() if key != "spec"}
        return cls(graph.from_json(config["spec"]), **settings)

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
        # an array without a dot in its name is the model's own
        (found or self).add_weight(
            dims.bind(param.type.shape, {}),
            "zeros",
            dtype=param.type.dtype,
            trainable=param.trainable,
            autocast=False,  # mixed precision is in the kernels
            name=key,
        )

    def _named(self, inputs: Any) -> dict[str, Tensor]:
        """Inputs by name, whichever way they came."""
        if isinstance(inputs, Mapping):
            return {name: inputs[name] for name in self.feeds}
        given = inputs if isinstance(inputs, Sequence) else [inputs]
        return dict(zip(self.feeds, given, strict=True))


def _tensor_spec(name: str, type_: Type) -> tf.TensorSpec:
    # None is an open axis
    shape = [length if isinstance(length, int) else None for length in type_.shape]
    return tf.TensorSpec(shape, type_.dtype, identifier(name))
