"""Every fault of `bench/audit/faults`, with the kind that its file states."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from bench.audit import faults
from bench.audit.fault import CONTROL, Fault
from models import folder
from models.errors import PosePortError

HERE = Path(faults.__file__).parent


@cache
def kinds() -> dict[str, str]:
    """File -> kind, of the files in their order."""
    files = folder.files(HERE)
    return {name: folder.stated(file, "KIND", "") for name, file in files.items()}


@cache
def table() -> dict[str, tuple[str, Fault]]:
    """Kind and fault by the fault's name."""
    found: dict[str, tuple[str, Fault]] = {}
    for name, kind in kinds().items():
        module = importlib.import_module(f"{faults.__name__}.{name}")
        right = [(CONTROL, fault) for fault in getattr(module, "CONTROLS", ())]
        for planted in (*right, *[(kind, fault) for fault in module.FAULTS]):
            called = planted[1].name
            if called in found:
                raise PosePortError(f"fault {called!r}: {name} has it again")
            found[called] = planted
    return found
