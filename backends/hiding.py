"""Modules that this process shall not find, as if they were not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from typing import Any


class _Without:
    """A finder of the import system that does not know some modules."""

    def __init__(self, finder: Any, names: set[str]) -> None:
        self._finder = finder
        self.names = names.copy()

    def find_spec(self, name: str, *given: Any) -> ModuleSpec | None:
        """None is "not here", which the other finders say as well."""
        if name in self.names:
            return None
        found: ModuleSpec | None = self._finder.find_spec(name, *given)
        return found

    def __getattr__(self, name: str) -> Any:
        # distributions are found by it, too
        return getattr(self._finder, name)


def hide(names: Iterable[str]) -> None:
    """Hide modules that are not loaded yet; what is loaded stays.

    Not by None in `sys.modules`: SciPy looks there for `torch`, and asks what it finds for its
    `Tensor`.
    """
    hidden = set(names)
    for i, finder in enumerate(sys.meta_path):
        if isinstance(finder, _Without):
            finder.names |= hidden
        else:
            sys.meta_path[i] = _Without(finder, hidden)
