"""Every probe of `bench/semantics/probes` by the name of its file."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from bench.semantics import probes
from bench.semantics.variants import Probe
from models import folder
from models.errors import UnknownName

HERE = Path(probes.__file__).parent


def names() -> list[str]:
    """By listing; nothing is imported."""
    return list(folder.files(HERE))


@cache
def table() -> dict[str, Probe]:
    """Probe by name."""
    modules = {name: f"{probes.__name__}.{name}" for name in names()}
    return {name: importlib.import_module(m).PROBE for name, m in modules.items()}


def variants(name: str) -> list[str]:
    """The variants of a probe by name. Raises UnknownName for a probe."""
    if name not in names():
        raise UnknownName("probe", name, names())
    return [variant.name for variant in table()[name].variants]
