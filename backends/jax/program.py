"""Graph -> a pure function `apply(params, inputs)` of jax.numpy calls.

jit, grad, vmap and export take it as it is. Weights live in a dictionary beside the
function, under their official names. JAX keeps 64-bit numbers out unless the whole process
asks for them, so int64 (num_batches_tracked, indices) is int32 on the device: it is checked
on the way in and is int64 again on the way out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from backends.base import Arrays, Feeds, Program, Settings
from backends.emit import function
from backends.jax import ops
from backends.jax.mixed import mixed
from backends.jax.noise import noise
from backends.jax.replicas import placement
from models import dims
from models import params as initial
from models.errors import BadInput
from models.graph import Graph
from models.passes import decompose

HALVES = {"bf16": jnp.bfloat16}
# device kind -> what JAX calls it
PLATFORMS = {"cpu": "cpu", "cuda": "cuda", "mps": "METAL"}
Apply = Callable[..., tuple[dict[str, jax.Array], dict[str, jax.Array]]]


def pure(
    graph: Graph,
    *,
    draw_noise: bool = False,
    precision: str = "fp32",
) -> Apply:
    """`apply(params, inputs, key=None)` -> (outputs, new running state), both by name.

    There is no state in an inference graph. `inputs` holds the graph's inputs, and its noise
    too unless `draw_noise`: then `key` decides it. Products are taken in full float32
    whatever the process says. Raises BadInput where noise is to be drawn and no key is given.
    """
    flat = decompose(graph, has=ops.KERNELS)
    # read at the call, not at import: a test may plant a fault in the table
    kernels = ops.KERNELS
    if precision in HALVES:
        kernels = mixed(kernels, HALVES[precision])
    run = function(flat, kernels)
    constants = {}
    for name, array in flat.constants.items():
        constants[name] = narrow(name, array, str(array.dtype))

    def apply(
        params: Mapping[str, Any],
        inputs: Mapping[str, Any],
        key: jax.Array | None = None,
    ) -> Any:
        # by default a GPU would round float32 products to TF32
        with jax.default_matmul_precision("highest"):
            drawn = noise(flat, inputs, key) if draw_noise else {}
            return run(params, {**inputs, **drawn}, constants)

    return apply


def narrow(name: str, array: np.ndarray, dtype: str) -> np.ndarray:
    """A copy in what the device holds for `dtype`, int32 for int64.

    Raises BadInput where an integer does not fit into 32 bits.
    """
    array = np.array(array, dtype)
    if dtype != "int64":
        return array
    # `initial` of 0: an empty array fits
    largest = np.abs(array).max(initial=0)
    if largest > np.iinfo(np.int32).max:
        raise BadInput(
            f"{name}: {largest} does not fit into int32, which stands for int64 in JAX;"
            " use smaller numbers"
        )
    return array.astype(np.int32)


def read(value: Any) -> np.ndarray:
    """What a computation gave, once it is there.

    An array whose computation failed, for want of memory say, would end the process in NumPy's
    hands; waited for, it raises.
    """
    return np.asarray(jax.block_until_ready(value))


class JaxProgram(Program):
    """`native` is `apply`, `values` are the weights and state that it is given.

    It runs under jax.jit unless the settings ask for op by op.
    """

    def __init__(self, graph: Graph, settings: Settings) -> None:
        self.graph = graph
        self.settings = settings
        self.placement = placement(PLATFORMS[settings.device], settings.replicas)
        self.device = self.placement.whole
        self.native: Apply = pure(
            graph,
            draw_noise=settings.draw_noise,
            precision=settings.precision,
        )
        self.callable: Apply = self.compiled(self.native)
        fed = () if settings.draw_noise else graph.noise
        self.feeds = (*graph.inputs, *fed)
        self.key = jax.device_put(jax.random.key(settings.seed), self.device)
        self.values: dict[str, jax.Array] = {}
        blank = {}
        for name, param in graph.params.items():
            blank[name] = np.zeros(dims.bind(param.type.shape, {}))
        self.load(blank)

    def compiled(
        self,
        function: Callable[..., Any],
        *,
        donate: tuple[int, ...] = (),
    ) -> Any:
        """`jax.jit(function)`, or the function itself where the settings ask for op by op.

        `donate` names arguments whose memory the results may take: they are gone after.
        """
        if self.settings.compiled is False:
            return function
        if self.settings.replicas == 1:
            return jax.jit(function, donate_argnums=donate)
        # else JAX might leave weights on some devices only, and compile once more for these
        return jax.jit(function, donate_argnums=donate, out_shardings=self.device)

    def load(self, params: Arrays) -> None:
        """Copy weights to the device; raises BadInput where names or shapes do not fit."""
        arrays = initial.fit(self.graph.params, params)
        self.values = {
            name: self._placed(name, array) for name, array in arrays.items()
        }

    def params(self) -> dict[str, np.ndarray]:
        """Weights and state, copied: a training step reuses the memory of the old ones."""
        found = {}
        for name, param in self.graph.params.items():
            # int32 on the device may be int64 here
            found[name] = np.array(self.values[name], param.type.dtype)
        return found

    def put(self, arrays: Arrays) -> Feeds:
        """Copies on the device; JAX might otherwise share the caller's memory."""
        types = self.graph.types
        found = {}
        for name in self.feeds:
            place = self.placement.of(types[name].shape)
            found[name] = jax.device_put(self._narrow(name, arrays[name]), place)
        return found

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Outputs by name; those declared int64 leave as NumPy arrays."""
        # constants of the graph go where the rest is
        with jax.default_device(self.placement.first):
            outputs, state = self.callable(self.values, feeds, self.next_key())
        self.values |= state
        results: dict[str, Any] = dict(outputs)
        for name, value in outputs.items():
            if self._type(name) == "int64":
                # JAX has no array to hold it in
                results[name] = read(value).astype(np.int64)
        return results

    def numpy(self, value: Any) -> np.ndarray:
        """An array; in float32 where autocast left less."""
        halved = self.settings.precision in HALVES
        if halved and value.dtype in HALVES.values():
            value = value.astype(jnp.float32)
        return read(value)

    def weights(self) -> dict[str, Any]:
        """Weights and state beside the function."""
        return dict(self.values)

    def device_of(self, value: Any) -> str:
        """As the array says; an int64 result has left the device already."""
        if not isinstance(value, jax.Array):
            return ""
        names = {"gpu": "cuda", "METAL": "mps"}
        platform = next(iter(value.devices())).platform
        return names.get(platform, platform)

    def next_key(self) -> jax.Array | None:
        """A key not used before, where there is noise to draw."""
        if set(self.feeds) >= set(self.graph.noise):
            return None
        self.key, key = jax.random.split(self.key)
        return key

    def _placed(self, name: str, array: np.ndarray) -> jax.Array:
        return jax.device_put(self._narrow(name, array), self.device)

    def _narrow(self, name: str, array: np.ndarray) -> np.ndarray:
        return narrow(name, array, self.graph.types[name].dtype)

    def _type(self, output: str) -> str:
        return self.graph.types[self.graph.outputs[output]].dtype
