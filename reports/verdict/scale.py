"""At which size of a model its verdict was found: a toy's answer is not the published model's."""

from __future__ import annotations

from bench.records import Feasibility, Parity
from reports import cells
from reports.numbers import count, millions, percent
from reports.verdict.evidence import Evidence

# Heads of other skeletons and counters of statistics make a per cent of difference at most.
SAME = 0.01


def size_of(evidence: Evidence) -> str:
    """Profile, preset, and the share of the published parameters; empty where none is known."""
    profile = evidence.run.info.config.get("profile")
    known = [f"profile {profile}"] if profile else []
    known += preset(evidence)
    return ", ".join([*known, *ladders(evidence)])


def preset(evidence: Evidence) -> list[str]:
    """The preset that was trained and timed, beside what was published."""
    names = [record.config.get("preset") for record in evidence.records]
    name = next((str(name) for name in names if name), "")
    found = cells.payloads(evidence.records, Feasibility)
    sizes = [share(payload.parameters, payload.published) for _, payload in found]
    said = [f"preset {name}" if name else "", *sizes[:1]]
    told = ": ".join(part for part in said if part)
    return [told] if told else []


def share(parameters: int, published: int | None) -> str:
    """How much of the published model it is."""
    if not published:
        return f"{count(parameters)} parameters, the published number is not stated"
    whole = f"the published {millions(published)} M parameters"
    if abs(parameters / published - 1) < SAME:
        return whole
    return f"{percent(parameters / published)} of {whole}"


def ladders(evidence: Evidence) -> list[str]:
    """The preset at which the ladder was climbed, where it is not the one of the training."""
    trained = {str(record.config.get("preset", "")) for record in evidence.records}
    found = cells.payloads(evidence.records, Parity)
    said = []
    for _, payload in found:
        if payload.preset and payload.preset not in trained:
            size = ""
            if payload.parameters is not None:
                size = f" ({millions(payload.parameters)} M parameters)"
            said.append(f"the parity ladder at preset {payload.preset}{size}")
    return list(dict.fromkeys(said))
