"""Faults of the harness itself: a function of `bench`, replaced while a fault is put."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import reduce
from importlib import import_module
from typing import Any
from unittest import mock

from bench.audit.fault import Patch, Setting
from bench.data import Split


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


def of_setting(setting: Setting) -> tuple[Patch, ...]:
    """The run's clips under a protocol with some fields of its own."""
    if not setting.protocol:
        return ()

    def of(real: Any) -> Any:
        def split(*given: Any) -> Split:
            found: Split = real(*given)
            protocol = found.protocol.model_copy(update=dict(setting.protocol))
            return replace(found, protocol=protocol)

        return split

    return (("bench.coordinator.dataset", "of", of),)
