"""Graph -> onnx.ModelProto -> onnxruntime.InferenceSession; arrays are OrtValues on its device."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime import OrtValue

from backends.base import Arrays, Feeds, Portable, Settings
from backends.noise import Noise
from backends.onnx.model import DEFAULT, LARGE, load, model, save
from backends.onnx.session import PROVIDERS, Session, options
from backends.onnx.writer import NEXT, called
from models import params as initial
from models.graph import Graph

ABOUT = "poseport"
BFLOAT16 = "tensor(bfloat16)"


class OnnxProgram(Portable):
    """`native` is the ModelProto with the weights of the moment; state is fed and fetched."""

    def __init__(
        self,
        graph: Graph,
        settings: Settings,
        *,
        threads: int = 0,
        opset: int = DEFAULT,
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
        names = list(self.graph.inputs)
        if not self.settings.draw_noise:
            names += self.graph.noise
        return self.place({name: arrays[name] for name in names})

    def complete(self, feeds: Feeds) -> Feeds:
        """Feeds with the noise of one call."""
        if not self.settings.draw_noise or not self.graph.noise:
            return feeds
        shapes = {name: tuple(feeds[name].shape()) for name in self.graph.inputs}
        return {**feeds, **self.place(self.noise.draw(shapes))}

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Outputs by name, on the device; state is replaced."""
        # what is no input, a folded weight, is left alone by the session
        results = self.session({**self.values, **self.complete(feeds)})
        for name in self.graph.state:
            self.values[name] = results.pop(NEXT + name)
        return results

    def numpy(self, value: Any) -> np.ndarray:
        """An array of its own."""
        if value.data_type() != BFLOAT16:
            return np.array(value.numpy())
        # ONNX Runtime gives NumPy no bfloat16: read where it lies
        held = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
        return np.frombuffer(held, "bfloat16").reshape(value.shape())

    def weights(self) -> dict[str, OrtValue]:
        """Weights and running statistics, where they are kept."""
        return dict(self.values)

    def device_of(self, value: Any) -> str:
        """As the OrtValue says."""
        return str(value.device_name())

    def export(
        self,
        path: Path,
        format: str,
        *,
        sample: Arrays,
        about: str,
        opset: int | None = None,
        **options: Any,
    ) -> None:
        """An ONNX file; weights that are LARGE together go into `NAME.data` beside it.

        `about` is its metadata property `poseport`.
        """
        params = self.params()
        proto = model(self.graph, params, opset=self.opset if opset is None else opset)
        onnx.helper.set_model_props(proto, {ABOUT: about})
        size = sum(array.nbytes for array in params.values())
        save(proto, path, external=size > LARGE)

    def reopen(
        self,
        path: Path,
        format: str,
    ) -> Callable[[Arrays], dict[str, np.ndarray]]:
        """An ONNX Runtime session of the file itself; running state is fed as it is now."""
        load(path)  # refuses what is broken, and data outside the folder
        asked = options(self.threads, optimised=None)
        native = ort.InferenceSession(path, asked, providers=[PROVIDERS["cpu"]])
        params = self.params()
        state = {name: params[name] for name in self.graph.state}
        # new state is not asked for: a call here changes nothing
        results = list(self.graph.outputs)
        asked_for = [called(self.graph, name) for name in results]

        def run(arrays: Arrays) -> dict[str, np.ndarray]:
            fed = dict(state)
            for name in (*self.graph.inputs, *self.graph.noise):
                fed[name] = self._plain(name, arrays[name])
            return dict(zip(results, native.run(asked_for, fed), strict=True))

        return run

    def place(self, arrays: Arrays) -> dict[str, OrtValue]:
        """Copies on the device, in the types that the graph declares.

        Floats that it does not know (a trainer's slots and clock) are float32.
        """
        placed = {}
        for name, array in arrays.items():
            plain = self._plain(name, array)
            placed[name] = _placed(plain, self.settings.device)
        return placed

    def _plain(self, name: str, array: np.ndarray) -> np.ndarray:
        """A copy: an OrtValue on the CPU shares memory with the array it was made from."""
        if known := self.graph.types.get(name):
            return np.array(array, known.dtype, order="C")
        own = np.float32 if array.dtype.kind == "f" else array.dtype
        return np.array(array, own, order="C")


def _placed(array: np.ndarray, device: str) -> OrtValue:
    if array.dtype == "bfloat16":
        # NumPy's own types alone are known by name; this way there is the CPU alone
        return OrtValue.ortvalue_from_numpy_with_onnx_type(
            array,
            onnx.TensorProto.BFLOAT16,
        )
    return OrtValue.ortvalue_from_numpy(array, device)
