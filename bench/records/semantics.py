"""What the semantics task finds: which variant of an operation a backend computes."""

from __future__ import annotations

from typing import Literal

from bench.records.frozen import Frozen


class SemanticsRow(Frozen):
    """One probe on one backend."""

    probe: str
    about: str
    declared: str  # the language's variant; empty where it leaves that open
    probed: tuple[str, ...] = ()  # several where the input cannot tell them apart
    # gap: differs, and the backend says so itself; open: the language allows any
    result: Literal["agrees", "differs", "gap", "open", "refused", "not_measured"]
    note: str = ""  # why, or how it was told


class Semantics(Frozen):
    """All probes on one backend."""

    task: Literal["semantics"] = "semantics"
    rows: tuple[SemanticsRow, ...]
