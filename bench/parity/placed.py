"""What a program gives, looked at from outside: names, types, and where it lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from backends.base import Program, Settings
from bench.parity.judging import Judged, exact


def typed(
    program: Program, outputs: Mapping[str, Any], settings: Settings, *, graph: str
) -> Judged:
    """Whether outputs have the names and types that the graph promises."""
    due = {
        name: _promised(program.graph.types[value].dtype, settings)
        for name, value in program.graph.outputs.items()
    }
    came = {name: str(program.numpy(value).dtype) for name, value in outputs.items()}
    note = "" if came == due else f"{_listed(came)} came, {_listed(due)} was due"
    return exact("type", "outputs", came == due, graph=graph, note=note)


def placed(
    program: Program, what: str, tensors: Iterable[Any], device: str, *, graph: str
) -> Iterator[Judged]:
    """Whether tensors lie on the device that was asked for.

    The framework is asked, since it may fall back on another in silence; nothing where it
    does not say.
    """
    places = {program.device_of(tensor) for tensor in tensors} - {""}
    if not places:
        return
    right = places == {device}
    note = "" if right else f"on {', '.join(sorted(places))}, {device} was asked for"
    yield exact("device", what, right, graph=graph, note=note)


def _promised(dtype: str, settings: Settings) -> str:
    """The declared type; the oracle answers in the precision that it works in."""
    wide = settings.precision == "fp64" and dtype == "float32"
    return "float64" if wide else dtype


def _listed(types: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {dtype}" for name, dtype in types.items()) or "nothing"
