"""A backend's table of kernels, collected from its `ops.py`.

A function named as an op is that op's kernel, and no list names it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from types import FunctionType
from typing import Any

from models import ops
from models.errors import PosePortError

Kernel = Callable[..., Any]


def of(module: Mapping[str, Any], native: Mapping[str, Kernel]) -> Mapping[str, Kernel]:
    """The kernels of a module, given by its `globals()` at its end.

    `native` holds the ops whose kernel is a function of the framework itself. Raises
    PosePortError where an op has both, and for a public function that is no op: what
    serves the kernels begins with an underscore.
    """
    found: dict[str, Kernel] = dict(native)
    for name, kernel in written(module).items():
        if name not in ops.table():
            # a kernel that is misspelt would be none, and the op would run by its body
            raise PosePortError(
                f"{module['__name__']}: function {name} is no op; name it as the op, or"
                " begin its name with an underscore"
            )
        if name in native:
            raise PosePortError(
                f"{module['__name__']}: {name} written and renamed; keep one"
            )
        found[name] = kernel
    return found


def written(module: Mapping[str, Any]) -> dict[str, Kernel]:
    """The public functions that a module has written, not those that it imports."""
    found: dict[str, Kernel] = {}
    for name, value in module.items():
        # classes and numbers are no kernels; neither is what starts with an underscore
        if name.startswith("_") or not isinstance(value, FunctionType):
            continue
        if value.__module__ == module["__name__"]:
            found[name] = value
    return found


def in_float32(kernel: Kernel, astype: Kernel) -> Kernel:
    """A kernel that computes halves in float32 and rounds its result once.

    For ops which a framework has in no half, or rounds within, sum by sum. `astype` is the
    framework's own kernel of that name. Results of other types, as of comparisons, stay.
    """

    @wraps(kernel)  # `of` takes it for a function of the module where it was written
    def wide(*operands: Any, **attributes: Any) -> Any:
        halves = [_half(x) for x in operands]
        if not any(halves):
            return kernel(*operands, **attributes)
        pairs = zip(operands, halves, strict=True)
        single = [astype(x, dtype="float32") if half else x for x, half in pairs]
        result = kernel(*single, **attributes)
        to = next(filter(None, halves))
        return astype(result, dtype=to) if _name(result) == "float32" else result

    return wide


def _half(x: Any) -> str:
    """The element type of a tensor, where it is a half."""
    name = _name(x)
    return name if name in ("float16", "bfloat16") else ""


def _name(x: Any) -> str:
    """The element type, which frameworks write as float16, torch.float16 and the like."""
    return str(getattr(x, "dtype", "")).rpartition(".")[2]
