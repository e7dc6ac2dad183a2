"""What ops are called elsewhere, for whoever types the name that he knows."""

from __future__ import annotations

# torch, NumPy, TensorFlow, ONNX, in small letters and without underscores -> the name here
NAMES = {
    "addmm": "linear",
    "amax": "max",
    "amin": "min",
    "bmm": "matmul",
    "cast": "astype",
    "cat": "concat",
    "clamp": "clip",
    "concatenate": "concat",
    "conv1d": "conv",
    "conv2d": "conv",
    "convtranspose1d": "conv_transpose",
    "convtranspose2d": "conv_transpose",
    "dense": "linear",
    "dot": "matmul",
    "einsum": "matmul",
    "eq": "equal",
    "expand": "broadcast_to",
    "fullyconnected": "linear",
    "ge": "greater_equal",
    "gemm": "linear",
    "gt": "greater",
    "indexselect": "take",
    "interpolate": "resize",
    "le": "less_equal",
    "lt": "less",
    "maxpool": "max_pool",
    "maxpool1d": "max_pool",
    "maxpool2d": "max_pool",
    "mm": "matmul",
    "mul": "multiply",
    "ne": "not_equal",
    "neg": "negative",
    "norm": "vector_norm",
    "permute": "permute_dims",
    "reducemax": "max",
    "reducemean": "mean",
    "reducemin": "min",
    "reducesum": "sum",
    "scatteradd": "scatter_add",
    "scatterelements": "scatter_add",
    "select": "where",
    "spmm": "sparse_matmul",
    "sub": "subtract",
    "topk": "argsort",
    "transpose": "permute_dims",
    "truediv": "divide",
    "unbind": "unstack",
    "unsqueeze": "expand_dims",
    "upsample": "resize",
    "view": "reshape",
}


def here(name: str) -> str:
    """The name of the language; empty where nobody calls an op so."""
    plain = name.lower().replace("_", "").replace(" ", "")
    return NAMES.get(plain, "")
