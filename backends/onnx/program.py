"""Graph -> onnx.ModelProto -> onnxruntime.InferenceSession on the provider asked for,
arrays held as OrtValues on its device.

Noise is drawn with NumPy and fed. ONNX Runtime's own generators will not do (1.31, CPU):
`Bernoulli` gives 1 with probability 1 - p, streams of neighbouring seeds are correlated
(0.008 over a million draws: eight standard errors), and opset 22 on has no kernels.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime import OrtValue

from backends.base import (
    Arrays,
    Feeds,
    Portable,
    Settings,
    Unsupported,
)
from backends.onnx.model import DEFAULT, LARGE, LENGTH, NEXT, load, model, save
from models import dims
from models import params as initial
from models.errors import BadInput
from models.graph import Graph

BFLOAT16 = "tensor(bfloat16)"
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
OPTIONS = {"CUDAExecutionProvider": {"use_tf32": "0"}}


class Session:
    """A model in ONNX Runtime. `placed` counts the nodes that each provider runs;
    `optimised` None means as ONNX Runtime likes.

    Raises BadInput for a provider that does not exist here, and Unsupported where the one
    asked for leaves nodes to another.
    """

    def __init__(
        self,
        proto: onnx.ModelProto,
        *,
        provider: str,
        threads: int,
        optimised: bool | None = None,
    ) -> None:
        if provider not in ort.get_available_providers():
            raise BadInput(
                f"ONNX Runtime has no provider {provider} here; choose one of"
                f" {', '.join(ort.get_available_providers())}"
            )
        self.device = "cuda" if provider == PROVIDERS["cuda"] else "cpu"
        self.native = ort.InferenceSession(
            proto.SerializeToString(),
            _options(threads, optimised=optimised),
            providers=[provider],
            provider_options=[OPTIONS.get(provider, {})],
        )
        self.inputs = [input.name for input in self.native.get_inputs()]
        self.outputs = [output.name for output in self.native.get_outputs()]
        self.placed = _placement(self.native)
        _refuse_fallback(self.native, provider)

    def __call__(self, values: Mapping[str, OrtValue]) -> dict[str, OrtValue]:
        """All outputs by name, on the device; what is no input is left alone."""
        binding = self.native.io_binding()
        for name in self.inputs:
            binding.bind_ortvalue_input(name, values[name])
        for name in self.outputs:
            binding.bind_output(name, self.device)
        self.native.run_with_iobinding(binding)
        return dict(zip(self.outputs, binding.get_outputs(), strict=True))


class Noise:
    """Draws a graph's noise, anew for every call: the same for the same seed and call
    number, so that training resumes exactly.
    """

    def __init__(self, graph: Graph, seed: int) -> None:
        self.graph = graph
        self.seed = seed
        self.calls = 0

    def draw(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
        """Noise for inputs of `shapes`."""
        rng = np.random.Generator(np.random.SFC64([self.seed, self.calls]))
        self.calls += 1
        lengths: dict[str, int] = {}
        for name, type_ in self.graph.inputs.items():
            dims.match(type_.shape, shapes[name], lengths)
        return {
            name: _drawn(rng, dims.bind(n.type.shape, lengths), n.kind, n.number)
            for name, n in self.graph.noise.items()
        }


def _drawn(
    rng: np.random.Generator, shape: tuple[int, ...], kind: str, number: float
) -> np.ndarray:
    if kind == "normal":
        return rng.standard_normal(shape, np.float32) * np.float32(number)
    uniform = rng.random(shape, np.float32)
    return (
        (uniform < number).astype(np.float32)
        if kind == "bernoulli"
        else uniform * np.float32(number)
    )


class OnnxProgram(Portable):
    """`native` is the ModelProto with the weights of the moment; state is fed and fetched."""

    def __init__(
        self, graph: Graph, settings: Settings, *, threads: int = 0, opset: int = DEFAULT
    ) -> None:
        self.graph = graph
        self.settings = settings
        self.threads = threads
        self.opset = opset
        self.noise = Noise(graph, settings.seed)
        self.values = self.place(initial.draw(graph.params, seed=settings.seed))

    @property
    def native(self) -> onnx.ModelProto:
        """A checked model that needs nothing of ours."""
        return model(self.graph, self.params(), opset=self.opset)

    @cached_property
    def session(self) -> Session:
        """The model in ONNX Runtime, its weights folded in."""
        return self.open(self.native)

    def open(self, proto: onnx.ModelProto) -> Session:
        """A session as the settings ask for it."""
        return Session(
            proto,
            provider=PROVIDERS[self.settings.device],
            threads=self.threads,
            optimised=self.settings.compiled,
        )

    def load(self, params: Arrays) -> None:
        """Take weights; a session with other ones is dropped.

        Raises BadInput where names or shapes do not fit.
        """
        self.values = self.place(initial.fit(self.graph.params, params))
        self.__dict__.pop("session", None)

    def params(self) -> dict[str, np.ndarray]:
        """Weights and running statistics."""
        return {name: self.numpy(value) for name, value in self.values.items()}

    def put(self, arrays: Arrays) -> Feeds:
        """OrtValues on the device; noise too, unless it is drawn."""
        fed = [*self.graph.inputs, *(() if self.settings.draw_noise else self.graph.noise)]
        return self.place({name: arrays[name] for name in fed})

    def complete(self, feeds: Feeds) -> Feeds:
        """Feeds with the noise of one call."""
        if not self.settings.draw_noise or not self.graph.noise:
            return feeds
        return {
            **feeds,
            **self.place(
                self.noise.draw(
                    {name: tuple(feeds[name].shape()) for name in self.graph.inputs}
                )
            ),
        }

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Outputs by name, on the device; state is replaced."""
        results = self.session({**self.values, **self.complete(feeds)})
        self.values |= {name: results.pop(NEXT + name) for name in self.graph.state}
        return results

    def numpy(self, value: Any) -> np.ndarray:
        """An array of its own."""
        if value.data_type() != BFLOAT16:
            return np.array(value.numpy())
        # ONNX Runtime gives NumPy no bfloat16
        held = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
        return np.frombuffer(held, "bfloat16").reshape(value.shape())

    def export(
        self, path: Path, format: str, *, sample: Arrays, opset: int | None = None
    ) -> None:
        """An ONNX file; weights that are LARGE together go into `NAME.data` beside it."""
        params = self.params()
        proto = model(self.graph, params, opset=self.opset if opset is None else opset)
        save(proto, path, external=sum(array.nbytes for array in params.values()) > LARGE)

    def reopen(self, path: Path, format: str) -> Callable[[Arrays], dict[str, np.ndarray]]:
        """An ONNX Runtime session of the file itself; running state is fed as it is now."""
        load(path)  # refuses what is broken, and data outside the folder
        native = ort.InferenceSession(
            path, _options(self.threads, optimised=None), providers=[PROVIDERS["cpu"]]
        )
        params = self.params()
        state = {name: params[name] for name in self.graph.state}
        results = list(self.graph.outputs)

        def run(arrays: Arrays) -> dict[str, np.ndarray]:
            fed = {
                name: self._plain(name, arrays[name])
                for name in (*self.graph.inputs, *self.graph.noise)
            }
            return dict(zip(results, native.run(results, {**state, **fed}), strict=True))

        return run

    def place(self, arrays: Arrays) -> dict[str, OrtValue]:
        """Copies on the device, in the types that the graph declares; floats it does not
        know are float32.
        """
        return {
            name: _placed(self._plain(name, array), self.settings.device)
            for name, array in arrays.items()
        }

    def _plain(self, name: str, array: np.ndarray) -> np.ndarray:
        """A copy of its own: an OrtValue on the CPU shares memory with the array it was
        made from.
        """
        known = self.graph.types.get(name)
        return np.array(
            array,
            (
                known.dtype
                if known
                else np.float32
                if array.dtype.kind == "f"
                else array.dtype
            ),
            order="C",
        )


def _placed(array: np.ndarray, device: str) -> OrtValue:
    if array.dtype == "bfloat16":
        return OrtValue.ortvalue_from_numpy_with_onnx_type(array, onnx.TensorProto.BFLOAT16)
    return OrtValue.ortvalue_from_numpy(array, device)


def _options(threads: int, *, optimised: bool | None) -> ort.SessionOptions:
    """`optimised`: the whole of ONNX Runtime's graph optimisation, none of it, or (None)
    its own choice.
    """
    options = ort.SessionOptions()
    if optimised is not None:
        levels = ort.GraphOptimizationLevel
        options.graph_optimization_level = (
            levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
        )
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # errors alone: it warns of every initializer it folds away
    options.log_severity_level = 3
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return options


def _placement(session: ort.InferenceSession) -> dict[str, int]:
    """Nodes per provider, as ONNX Runtime assigned them."""
    placed: dict[str, int] = {}
    for part in session.get_provider_graph_assignment_info():
        placed[part.ep_name] = placed.get(part.ep_name, 0) + len(part.get_nodes())
    return placed


def _refuse_fallback(session: ort.InferenceSession, provider: str) -> None:
    """Raises Unsupported where another provider computes; axis lengths belong on the CPU,
    wherever the rest runs.
    """
    parts = [
        part
        for part in session.get_provider_graph_assignment_info()
        if part.ep_name != provider
    ]
    strayed = {
        node.op_type
        for part in parts
        for node in part.get_nodes()
        if not node.name.startswith(f"{LENGTH}/")
    }
    if strayed or provider not in session.get_providers():
        elsewhere = (
            f"it runs {', '.join(sorted(strayed))} elsewhere"
            if strayed
            else "it could not be started"
        )
        raise Unsupported(
            f"onnx: {provider} was asked for, but {elsewhere}; see what"
            " onnxruntime.get_available_providers() lists"
        )
