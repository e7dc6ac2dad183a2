"""The GraphModule under torch.compile and torch.export: one graph, any batch, same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.asserts import assert_close
from tests.backends.native import ZOO, arrays, small

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from tests.backends.test_native_torch import (  # noqa: E402  # after the skip
    assert_same,
    call,
    realised,
)


@ZOO
def test_it_compiles_as_one_graph(name: str) -> None:
    spec = small(name)
    program = realised(spec.infer)
    # what another model has compiled counts against the limit on recompilations
    torch._dynamo.reset()
    # "eager" runs what was captured as it is: a compiler's own rounding is not asked about
    compiled = torch.compile(
        program.native,
        fullgraph=True,
        backend="eager",
        dynamic=True,
    )
    for batch in (4, 3):
        due = call(program, program.native, batch=batch, frames=spec.frames)
        came = call(program, compiled, batch=batch, frames=spec.frames)
        assert_same(came, due, what=name)


@ZOO
def test_a_train_graph_compiles_with_its_gradient(name: str) -> None:
    spec = small(name)
    program, twin = realised(spec.train), realised(spec.train)
    torch._dynamo.reset()
    compiled = torch.compile(program.native, fullgraph=True, backend="eager")
    given = program.put(arrays(spec.train, frames=spec.frames))
    feeds = [given[key] for key in program.feeds]
    compiled(*feeds)["loss"].backward()
    twin.native(*feeds)["loss"].backward()
    due = dict(twin.native.named_parameters())
    for key, param in program.native.named_parameters():
        grad = due[key].grad
        if grad is not None:  # it has a part in the loss
            assert_close(param.grad.numpy(), grad.numpy(), rtol=1e-5, what=key)
    # running statistics have moved in place, compiled or not
    floats = [
        [array for array in one.params().values() if array.dtype == np.float32]
        for one in (program, twin)
    ]
    assert_same(*floats, what=name)


@ZOO
def test_it_exports_with_a_batch_of_any_size(name: str) -> None:
    spec = small(name)
    program = realised(spec.infer)
    feeds = program.put(arrays(spec.infer, batch=4, frames=spec.frames))
    # torch.export makes files of their own for a batch of 0 and of 1
    batch = torch.export.Dim("batch", min=2, max=64)
    arguments = tuple(feeds[key] for key in program.feeds)
    exported = torch.export.export(
        program.native,
        arguments,
        # of noise, too, where the graph has some
        dynamic_shapes=tuple({0: batch} for _ in arguments),
    )
    for size in (2, 7):
        due = call(program, program.native, batch=size, frames=spec.frames)
        came = call(program, exported.module(), batch=size, frames=spec.frames)
        assert_same(came, due, what=name, rtol=1e-6)
