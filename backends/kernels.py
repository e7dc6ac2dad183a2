"""A backend's table of kernels, collected from its `ops.py`.

A function named as an op is that op's kernel, and no list names it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from models import ops

Kernel = Callable[..., Any]


def of(module: Mapping[str, Any], native: Mapping[str, Kernel]) -> Mapping[str, Kernel]:
    """The kernels of a module, given by its `globals()` at its end.

    `native` holds the ops whose kernel is a function of the framework itself. Raises
    ValueError where an op has both.
    """
    own = written(module)
    written_ops = {name: kernel for name, kernel in own.items() if name in ops.table()}
    if twice := sorted(written_ops.keys() & native.keys()):
        raise ValueError(
            f"{module['__name__']}: {', '.join(twice)} written and renamed; keep one"
        )
    return {**native, **written_ops}


def written(module: Mapping[str, Any]) -> dict[str, Kernel]:
    """The public functions that a module has written, not those that it imports."""
    return {
        name: value
        for name, value in module.items()
        if isinstance(value, FunctionType)
        and value.__module__ == module["__name__"]
        and not name.startswith("_")
    }
