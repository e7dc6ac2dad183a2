"""Put every probe to a backend: what the language declares, what was seen, and whether they agree.

What is probed is the adapter as the contract calls it: a framework whose own default is another
agrees where its adapter asks it for the language's.
"""

from __future__ import annotations

from collections.abc import Iterator

from backends.base import Backend, Unsupported
from bench.processes.blame import RAISED, said
from bench.records import SemanticsRow
from bench.semantics import catalogue
from bench.semantics.variants import Found, Probe, declared


def rows(backend: Backend, device: str) -> Iterator[SemanticsRow]:
    """A row for each probe, in the order of their names."""
    for name, probe in catalogue.table().items():
        yield row(name, probe, backend, device)


def row(name: str, probe: Probe, backend: Backend, device: str) -> SemanticsRow:
    """One probe on one backend."""
    blank = SemanticsRow(
        probe=name, about=probe.about, declared=declared(probe), result="refused"
    )
    place, why = _place(probe, backend, device)
    if why:
        return blank.model_copy(update={"result": "not_measured", "note": why})
    try:
        found = probe.asked(backend, place)
    except (Unsupported, *RAISED) as error:
        if isinstance(error, MemoryError):
            raise
        return blank.model_copy(update={"note": said(error)})
    seen = {"probed": found.names, "note": found.note}
    return blank.model_copy(update=seen | _judged(probe, found, backend, place))


def _place(probe: Probe, backend: Backend, device: str) -> tuple[str, str]:
    """The device to ask on, and why there is none."""
    if probe.device in ("", device):
        return device, ""
    reason = backend.devices().get(probe.device, f"{backend.name} has no such device")
    why = f"a matter of {probe.device}, which is not usable here: {reason}"
    return probe.device, why if reason else ""


def _judged(
    probe: Probe, found: Found, backend: Backend, device: str
) -> dict[str, str]:
    """What comes of what was seen."""
    if probe.open:
        return {"result": "open", "note": found.note or probe.open}
    if declared(probe) in found.names:
        return {"result": "agrees"}
    if excuse := probe.excuse(backend, device):
        note = "; ".join(filter(None, [found.note, f"declared as a gap: {excuse}"]))
        return {"result": "gap", "note": note}
    return {"result": "differs"}
