"""ONNX: a graph becomes a checked onnx.ModelProto, run and trained by ONNX Runtime."""

from __future__ import annotations

from backends.base import Backend, Format

# the runtime first: onnx itself only writes files, and may be anywhere
REQUIRES: tuple[str, ...] = ("onnxruntime", "onnx")
EXTRA = "onnx"
PACKAGES = ("onnx", "onnxruntime")
EXPORTS = {"onnx": Format(".onnx", ("opset",))}


def load() -> Backend:
    """Make the backend."""
    from backends.onnx.backend import OnnxBackend

    return OnnxBackend()
