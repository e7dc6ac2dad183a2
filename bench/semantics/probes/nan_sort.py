"""Where NaN stands in an order, upwards and downwards."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.variants import Variant

Array = np.ndarray


def _ordered(*, up: bool, down: bool) -> Callable[..., Array]:
    """Whether NaN stands behind the numbers, in each direction."""

    def gives(x: Array, *, axis: int, descending: bool) -> Array:
        numbers = np.sort(x[~np.isnan(x)])
        nans = x[np.isnan(x)]
        ordered = numbers[::-1] if descending else numbers
        behind = down if descending else up
        return np.concatenate([ordered, nans] if behind else [nans, ordered])

    return gives


def _sorted(*, descending: bool) -> Input:
    return Input("sort", (X,), {"axis": 0, "descending": descending})


X = np.array([1, np.nan, 3, np.nan, -2], np.float32)
PROBE = OpProbe(
    about="NaN in an order",
    inputs=(_sorted(descending=False), _sorted(descending=True)),
    numbers="of NaN and infinity",
    variants=(
        Variant("largest", "behind upwards, before downwards", "torch"),
        Variant("last", "behind in both", "jnp.sort; TF", _ordered(up=True, down=True)),
        Variant("smallest", "before upwards", "SQL", _ordered(up=False, down=True)),
        Variant(
            "first", "before in both", "NULLS FIRST", _ordered(up=False, down=False)
        ),
    ),
)
