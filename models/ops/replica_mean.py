"""y = the mean of x over the replicas of a data-parallel training; of one alone, x itself.

No model calls it: `models/shared_batch.py` writes it where a graph looks across its batch. A
backend that trains replicas has a kernel for it in them alone; elsewhere the body runs.
"""

from __future__ import annotations

from models.ops import Array, Op, free, unchanged
from models.ops._cases import case
from models.value import Value


def reference(x: Array) -> Array:
    return x


def body(x: Value) -> Value:
    # of any type, and no framework computes anything
    return x.reshape(x.shape)


OPS = {
    "replica_mean": Op(
        shape=unchanged,
        reference=reference,
        cases=(case((2, 3)), case((4,))),
        flops=free,
        body=body,
    )
}
