"""The modules of a folder of the report, in the order that they state themselves."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from models import folder as registry


def modules(package: ModuleType) -> list[ModuleType]:
    """Every module of a package, each after the neighbours that it states in `AFTER`.

    Raises UnknownName where one states a neighbour that is not there.
    """
    after: dict[str, tuple[str, ...]] = {}
    # A package may lie in several folders; each of them may add to the report.
    for path in package.__path__:
        for name, file in registry.files(Path(path)).items():
            after[name] = registry.neighbours_in(file)
    names = registry.ordered(after)
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]
