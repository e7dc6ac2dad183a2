"""Data-parallel loss and gradients: tf.distribute.MirroredStrategy over devices of one process.

Weights, running statistics and the optimizer stay with the first device; the others are given a
copy in each step, so that checkpoints are as ever. Noise is drawn for the whole batch, of which
each replica takes its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow import Tensor

from backends.base import Feeds
from backends.emit import function
from backends.tensorflow import ops
from backends.tensorflow.layout import length
from backends.tensorflow.mixed import mixed
from backends.tensorflow.model import HALVES, GraphModel
from models.passes import decompose
from models.shared_batch import is_shared, shared

Tensors = Mapping[str, Tensor]


def refused(kind: str, count: int) -> str:
    """Why so many devices cannot be had; empty where they can.

    A CPU is as many devices as it is asked to be, before the first tensor.
    """
    if kind == "CPU":
        physical = tf.config.list_physical_devices(kind)[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * count
        told = tf.config.get_logical_device_configuration(physical) or ()
        if len(told) < count:
            try:
                tf.config.set_logical_device_configuration(physical, parts)
            except RuntimeError:
                return "TensorFlow runs in this process already, with fewer CPU devices"
        return ""
    here = len(tf.config.list_physical_devices(kind))
    said = f"it has {here} devices, and {count} replicas were asked for"
    return said if count > here else ""


class Replicas:
    """The model of a program, several times over."""

    def __init__(self, native: GraphModel, kind: str, count: int) -> None:
        self.native = native
        self.count = count
        devices = [f"/{kind}:{number}" for number in range(count)]
        self.strategy = tf.distribute.MirroredStrategy(devices)
        kernels: Mapping[str, Callable[..., Any]] = ops.KERNELS
        if native.precision in HALVES:
            kernels = mixed(kernels, HALVES[native.precision])
        table: dict[str, Callable[..., Any]] = dict(kernels)
        table |= {"replica_mean": replica_mean, "length": length}
        self._flat = decompose(shared(native.spec, count), has=table)
        self._emitted = function(
            self._flat, table, length="ops.length({tensor}, {axis})"
        )

    def differentiate(
        self,
        feeds: Feeds,
        names: Sequence[str],
        scale: Callable[[Tensor], Tensor],
    ) -> tuple[Tensor, list[Tensor]]:
        """Loss of the whole batch, and the gradients of what `scale` makes of it."""
        arrays = self.native.arrays()
        params = {name: tf.convert_to_tensor(one.value) for name, one in arrays.items()}
        whole = {**feeds, **self.native.drawn(feeds)}

        def replica() -> tuple[Tensor, list[Tensor], Tensors]:
            return self._replica(params, self._share(whole), names, scale)

        result = self.strategy.run(replica)
        # all hold the same
        loss, grads, state = tf.nest.map_structure(self._first, result)
        for name, value in state.items():
            arrays[name].assign(value)
        return loss, grads

    def _replica(
        self,
        params: Tensors,
        feeds: Tensors,
        names: Sequence[str],
        scale: Callable[[Tensor], Tensor],
    ) -> tuple[Tensor, list[Tensor], Tensors]:
        stored = self._flat.constants.items()
        constants = {name: tf.constant(array) for name, array in stored}
        # on the device of this replica
        held = {name: tf.identity(value) for name, value in params.items()}
        weights = [held[name] for name in names]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            outputs, state = self._emitted(held, feeds, constants)
            loss = tf.cast(outputs["loss"], tf.float32)
            scaled = scale(loss)
        zeros = tf.UnconnectedGradients.ZERO
        grads = tape.gradient(scaled, weights, unconnected_gradients=zeros)
        # rows gathered from a table come as those rows alone
        whole = [replica_mean(tf.convert_to_tensor(grad)) for grad in grads]
        return loss, whole, state

    def _share(self, whole: Tensors) -> dict[str, Tensor]:
        """The rows of this replica."""
        rank = tf.distribute.get_replica_context().replica_id_in_sync_group
        graph = self.native.spec
        found = {}
        for name, tensor in whole.items():
            if is_shared(graph.types[name].shape):
                rows = length(tensor, 0) // self.count
                tensor = tensor[rank * rows : (rank + 1) * rows]
            found[name] = tensor
        return found

    def _first(self, value: Any) -> Tensor:
        return self.strategy.experimental_local_results(value)[0]


def replica_mean(x: Tensor) -> Tensor:
    """The mean over the replicas; its gradient is that of all of them."""
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, x)
