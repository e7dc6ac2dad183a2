"""The binary part of a glTF file: arrays one after the other, and what is said of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

# numbers of the specification: of component types, and of what a view is for
COMPONENTS = {"uint16": 5123, "uint32": 5125, "float32": 5126}
Kind = Literal["SCALAR", "VEC3", "VEC4", "MAT4"]
TARGETS = {"vertices": 34962, "corners": 34963}


@dataclass
class Buffer:
    """Grows by `add`; `views` and `accessors` are as JSON has them."""

    data: bytearray = field(default_factory=bytearray)
    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        array: NDArray[Any],
        kind: Kind,
        *,
        target: Literal["vertices", "corners"] | None = None,
        bounded: bool = False,
    ) -> int:
        """The number of the accessor of an array: its first axis counts, the others are one `kind`.

        Floats become float32. `bounded` says the least and the largest of each component, which
        positions and times must.
        """
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data)}
        self.data += array.tobytes()
        view["byteLength"] = len(self.data) - view["byteOffset"]
        if target:
            view["target"] = TARGETS[target]
        # what follows begins at a multiple of its numbers' size
        self.data += bytes(-len(self.data) % 4)
        accessor: dict[str, Any] = {
            "bufferView": len(self.views),
            "componentType": COMPONENTS[array.dtype.name],
            "count": len(array),
            "type": kind,
        }
        if bounded:
            flat = array.reshape(len(array), -1)
            accessor |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        self.views.append(view)
        self.accessors.append(accessor)
        return len(self.accessors) - 1
