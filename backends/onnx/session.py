"""A model in ONNX Runtime, on the provider asked for and on no other."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
import onnxruntime as ort
from onnxruntime import OrtValue

from backends.base import Unsupported
from backends.onnx.writer import LENGTH, OUT
from models.errors import BadInput

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
# float32 products as they are asked for
_PROVIDER_OPTIONS = {PROVIDERS["cuda"]: {"use_tf32": "0"}}


class Session:
    """A model in ONNX Runtime. `placed` counts the nodes that each provider runs.

    `optimised` None means as ONNX Runtime likes. Raises BadInput for a provider that does
    not exist here, and Unsupported where the one asked for leaves nodes to another.
    """

    def __init__(
        self,
        proto: onnx.ModelProto,
        *,
        provider: str,
        threads: int,
        optimised: bool | None = None,
    ) -> None:
        known = ort.get_available_providers()
        if provider not in known:
            raise BadInput(
                f"ONNX Runtime has no provider {provider} here; choose one of"
                f" {', '.join(known)}"
            )
        # of inputs and outputs; a provider without a memory of its own takes the CPU's
        self.device = "cuda" if provider == PROVIDERS["cuda"] else "cpu"
        self.native = ort.InferenceSession(
            proto.SerializeToString(),
            options(threads, optimised=optimised),
            providers=[provider],
            provider_options=[_PROVIDER_OPTIONS.get(provider, {})],
        )
        self.inputs = [input.name for input in self.native.get_inputs()]
        self.outputs = [output.name for output in self.native.get_outputs()]
        self.placed = _placement(self.native)
        _refuse_fallback(self.native, provider)

    def __call__(self, values: Mapping[str, OrtValue]) -> dict[str, OrtValue]:
        """All outputs by name, on the device; what is no input is left alone."""
        # bound, or every value would go through NumPy and back
        binding = self.native.io_binding()
        for name in self.inputs:
            binding.bind_ortvalue_input(name, values[name])
        for name in self.outputs:
            binding.bind_output(name, self.device)
        self.native.run_with_iobinding(binding)
        names = [name.removeprefix(OUT) for name in self.outputs]
        return dict(zip(names, binding.get_outputs(), strict=True))


def options(threads: int, *, optimised: bool | None) -> ort.SessionOptions:
    """`optimised`: the whole of its graph optimisation, none, or (None) its own choice."""
    made = ort.SessionOptions()
    if optimised is not None:
        levels = ort.GraphOptimizationLevel
        level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
        made.graph_optimization_level = level
    made.intra_op_num_threads = threads
    made.inter_op_num_threads = 1  # one node after the other
    # errors alone: it warns of every initializer it folds away
    made.log_severity_level = 3
    # for `_placement`: it is not kept unless asked for
    made.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return made


def _placement(session: ort.InferenceSession) -> dict[str, int]:
    """Nodes per provider, as ONNX Runtime assigned them."""
    placed: dict[str, int] = {}
    for part in session.get_provider_graph_assignment_info():
        placed[part.ep_name] = placed.get(part.ep_name, 0) + len(part.get_nodes())
    return placed


def _refuse_fallback(session: ort.InferenceSession, provider: str) -> None:
    """Raises Unsupported where another provider computes: it would in silence.

    Axis lengths belong on the CPU, wherever the rest runs.
    """
    strayed = {
        node.op_type
        for part in session.get_provider_graph_assignment_info()
        if part.ep_name != provider
        for node in part.get_nodes()
        if not node.name.startswith(f"{LENGTH}/")
    }
    if strayed or provider not in session.get_providers():
        elsewhere = "it could not be started"
        if strayed:
            elsewhere = f"it runs {', '.join(sorted(strayed))} elsewhere"
        raise Unsupported(
            f"onnx: {provider} was asked for, but {elsewhere}; see what"
            " onnxruntime.get_available_providers() lists"
        )
