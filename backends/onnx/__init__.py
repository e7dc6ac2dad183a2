"""ONNX: a graph becomes a checked onnx.ModelProto, run and trained by ONNX Runtime."""

from __future__ import annotations

from backends.base import Backend, Format

REQUIRES: tuple[str, ...] = ("onnx", "onnxruntime")
EXTRA = "onnx"
EXPORTS = {"onnx": Format(".onnx", ("opset",))}


def load() -> Backend:
    """Make the backend."""
    from backends.onnx.backend import OnnxBackend

    return OnnxBackend()
