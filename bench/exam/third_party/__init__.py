"""The third-party exam: node cases of the `onnx` package, whose inputs and expected outputs
nobody here wrote, put to every backend.
"""
