"""Faults of the harness itself: a function of `bench`, replaced while a fault is put."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import reduce
from importlib import import_module
from unittest import mock

from bench.audit.fault import Patch


@contextmanager
def patched(patches: Sequence[Patch]) -> Iterator[None]:
    """Each in place of what it is made from; all put back at the end, whatever was raised.

    Raises AttributeError where the harness has no such function any more.
    """
    with ExitStack() as stack:
        for module, attribute, made in patches:
            *owners, name = attribute.split(".")  # a method: Class.method
            owner = reduce(getattr, owners, import_module(module))
            wrong = made(getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, wrong))
        yield
