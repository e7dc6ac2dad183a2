"""The product of a sparse matrix and a dense tensor."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow import Tensor
from tensorflow.python.framework.ops import get_default_graph
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

from backends.tensorflow import layout


def sparse_matmul(
    x: Tensor,
    values: Tensor,
    rows: Tensor,
    columns: Tensor,
    *,
    length: Any,
) -> Tensor:
    """TensorFlow's sparse kernel, or sums by segments where XLA compiles, which has none."""
    rank = x.shape.rank
    # (n, ..., f), and all behind n as one
    moved = tf.transpose(x, (rank - 2, *range(rank - 2), rank - 1))
    behind = [layout.length(moved, axis) for axis in range(1, rank)]
    table = tf.reshape(moved, (layout.length(moved, 0), -1))
    # in a half, each sum would be rounded before the next
    wide = tf.float32 if x.dtype.size == 2 else x.dtype
    table, values = tf.cast(table, wide), tf.cast(values, wide)
    compiled = GraphOrParentsInXlaContext(get_default_graph())
    product = _by_segments if compiled else _by_coordinates
    sums = tf.cast(product(table, values, rows, columns, length), x.dtype)
    out = tf.reshape(sums, (length, *behind))
    return tf.transpose(out, (*range(1, rank - 1), 0, rank - 1))


def _by_segments(
    table: Tensor,
    values: Tensor,
    rows: Tensor,
    columns: Tensor,
    length: Any,
) -> Tensor:
    terms = tf.gather(table, columns) * tf.expand_dims(values, 1)
    return tf.math.unsorted_segment_sum(terms, rows, length)


def _by_coordinates(
    table: Tensor,
    values: Tensor,
    rows: Tensor,
    columns: Tensor,
    length: Any,
) -> Tensor:
    places = tf.cast(tf.stack([rows, columns], 1), tf.int64)
    shape = tf.cast(tf.stack([length, layout.length(table, 0)]), tf.int64)
    matrix = tf.SparseTensor(places, values, shape)
    return tf.sparse.sparse_dense_matmul(matrix, table)
