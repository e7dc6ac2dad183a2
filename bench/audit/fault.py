"""What a fault is: what is planted, where it is put, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backends.base import Backend
from bench.audit.planting.proxy import Planting

CONTROL = "none"  # the kind of what is put without a fault
# module, attribute, what takes the place of what is there
Patch = tuple[str, str, Callable[[Any], Any]]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a run must be like for a fault to matter, where that is not the usual run."""

    name: str = ""
    protocol: Mapping[str, Any] = field(default_factory=dict)  # its fields
    model: Mapping[str, Any] = field(default_factory=dict)  # of `bench.config.Model`
    train: Mapping[str, Any] = field(default_factory=dict)  # of `bench.config.Train`


USUAL = Setting()
# rungs that make no trainer: to them a fault of training is none
UNTRAINED = ("forward", "calls", "equivalence")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong. Its kind is what its file is about."""

    name: str
    planting: Planting = field(default_factory=Planting)
    patches: tuple[Patch, ...] = ()  # of the harness itself
    op: str = ""  # to blame; empty where no op is
    model: str = (
        ""  # the subject that shows it (`bench.audit.subjects`); empty: none is asked
    )
    # what it is put to, in this order, by the names of `bench.tasks`
    tasks: tuple[str, ...] = ("shape_ops", "parity")
    # rungs of the ladder that make no use of what is wrong: left out, for they cannot tell
    blind: tuple[str, ...] = ()
    ops: tuple[str, ...] = ()  # that the exam puts beside the op to blame
    setting: Setting = USUAL
    precision: str = "fp32"  # of the run
    device: str = "cpu"
    # why a backend cannot have it; empty where it can
    needs: Callable[[Backend], str] = lambda backend: ""
