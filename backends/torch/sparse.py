"""The product of a sparse matrix and a dense tensor."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from backends.torch.windows import lengths


def sparse_matmul(
    x: Tensor,
    values: Tensor,
    rows: Tensor,
    columns: Tensor,
    *,
    length: int,
) -> Tensor:
    """Each row of the matrix is a bag of rows of x, summed with weights.

    As fast as PyTorch's own sparse matrices, which torch.export does not take, and faster than
    gathering and adding: that writes all terms down.
    """
    order = torch.argsort(rows, stable=True)
    counts = rows.new_zeros(length).index_add(0, rows, torch.ones_like(rows))
    starts = counts.cumsum(0, dtype=columns.dtype) - counts
    *lead, n, width = lengths(x)
    # (n, ..., f), and all behind n as one
    table = x.movedim(-2, 0).reshape(n, -1)
    sums = F.embedding_bag(
        columns[order],
        table,
        starts.to(columns.dtype),
        mode="sum",
        per_sample_weights=values[order].to(x.dtype),
    )
    return sums.reshape(length, *lead, width).movedim(0, -2)
