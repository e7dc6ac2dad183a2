"""How a framework sits on this machine: import time, size, wheels, conflicts, order of imports.

Every import runs in a fresh process, so that a framework that ends its process is a finding.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import backends
from bench.feasibility import probe, wheels
from bench.processes import ending, hearing, machine
from models.errors import BadInput

TIMES = 3  # an import is timed, in as many processes
SECONDS = 300.0  # that one may take
MARK = "\x1eimported "  # frameworks greet on stdout
TIMED = f"""
import sys, time
begun = time.perf_counter()
for name in sys.argv[1:]:
    __import__(name)
print({MARK!r} + str(time.perf_counter() - begun), flush=True)
"""


def evidence(name: str) -> dict[str, Any]:
    """All that is known of a backend's build.

    Raises as `backends.require` does, and BadInput of a backend that needs no framework.
    """
    wanted = backends.distributions(name)
    modules = backends.frameworks()
    if name not in modules:
        raise BadInput(
            f"backends build {name}: it needs no framework; name one that does"
        )
    others = [one for one in backends.installed() if one != name and one in modules]
    seconds, ended = import_time(modules[name])
    return {
        "backend": name,
        **probe.about(name),
        "import_seconds": seconds,
        "import_ended": ended,
        "bytes": {one: installed_size(one) for one in wanted},
        "wheels": wheels.installed(wanted),
        "conflicts": conflicts(wanted),
        "orders": orders(modules[name], {one: modules[one] for one in others}),
    }


def import_time(module: str) -> tuple[float | None, str]:
    """Median seconds of fresh processes; None, and how one ended, where it is no import."""
    taken = []
    for _ in range(TIMES):
        seconds, ended = _imported([module])
        if seconds is None:
            return None, ended
        taken.append(seconds)
    return median(taken), ""


def orders(module: str, others: Mapping[str, str]) -> dict[str, str]:
    """Two modules in one process, in either order: ok, or how it ended."""
    found = {}
    for other in dict.fromkeys(others.values()):
        if other == module:
            continue
        for pair in ((module, other), (other, module)):
            found[", ".join(pair)] = _imported(pair)[1] or "ok"
    return found


def installed_size(distribution: str) -> int | None:
    """Bytes of the files that it has installed; None where nobody says which they are."""
    found = machine.distribution(distribution)
    if found is None or not found.files:
        return None
    places = (Path(str(file.locate())) for file in found.files)
    return sum(place.stat().st_size for place in places if place.is_file())


def conflicts(distributions: Iterable[str]) -> list[str] | None:
    """What distributions require and is not here so; None where that cannot be read."""
    try:
        from packaging.markers import InvalidMarker, UndefinedEnvironmentName
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        return None
    found = []
    for name in distributions:
        about = machine.distribution(name)
        for line in (about and about.requires) or ():
            try:
                due = Requirement(line)
                if due.marker and not due.marker.evaluate({"extra": ""}):
                    continue
            except (InvalidRequirement, InvalidMarker, UndefinedEnvironmentName):
                found.append(f"{name} requires {line!r}, which is no requirement")
                continue
            other = machine.distribution(due.name)
            here = other.version if other else None
            if here is None or not due.specifier.contains(here, prereleases=True):
                found.append(f"{name} requires {line}; here is {here or 'none'}")
    return found


def _imported(modules: Iterable[str]) -> tuple[float | None, str]:
    """Seconds of the imports, one after the other; None, and how the process ended."""
    command = [sys.executable, "-X", "faulthandler", "-c", TIMED, *modules]
    told: list[str] = []

    def heard(line: str) -> None:
        _, mark, said = line.rpartition(MARK)
        if mark:
            told.append(said)

    # what it prints is no sign of life: all of it may take so long
    ended = hearing.listen(command, heard, silence=SECONDS)
    if ended.late:
        return None, f"no end after {SECONDS:g} s"
    # one that ends badly on its way out has not ended well
    if ended.code or not told:
        return None, ending.how(ended.code, ended.words)
    try:
        return float(told[-1]), ""
    # it has printed the mark itself
    except ValueError:
        return None, "no time came"
