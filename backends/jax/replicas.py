"""Devices of a data-parallel training: weights lie on all of them, of a batch each has a share.

JAX partitions the step as it is: a sum over the batch becomes one over the devices too, and the
noise is that of the whole batch, whichever device draws it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
from jax.extend.backend import clear_backends
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from models.dims import Shape
from models.shared_batch import BATCH, is_shared


@dataclass(frozen=True)
class Placement:
    """Where arrays go."""

    first: jax.Device
    whole: Any  # a device, or a sharding that gives each device the whole array
    shares: Any

    def of(self, shape: Shape) -> Any:
        """Where a feed of this declared shape goes."""
        return self.shares if is_shared(shape) else self.whole


def refused(platform: str, count: int) -> str:
    """Why so many devices cannot be had; empty where they can.

    A CPU is as many devices as it is asked to be, before the first array.
    """
    here = len(jax.devices(platform))
    if here >= count:
        return ""
    if platform != "cpu":
        return f"it has {here} devices, and {count} replicas were asked for"
    if jax.live_arrays():
        # they would lose their device
        return f"JAX runs in this process with {here} CPU devices, and {count} were due"
    clear_backends()
    jax.config.update("jax_num_cpu_devices", count)
    return ""


def placement(platform: str, count: int) -> Placement:
    """The first so many devices; of one replica, the first as it is."""
    devices = jax.devices(platform)[:count]
    first = devices[0]
    if count == 1:
        return Placement(first, first, first)
    mesh = Mesh(devices, (BATCH,))
    whole = NamedSharding(mesh, PartitionSpec())
    return Placement(first, whole, NamedSharding(mesh, PartitionSpec(BATCH)))
