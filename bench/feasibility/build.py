"""How a framework sits on this machine: import time, size, wheels, conflicts, order of imports.

Every import runs in a fresh process, so that a framework that ends its process is a finding.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import backends
from bench.feasibility import probe
from bench.processes import ending
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
    try:
        files = metadata.distribution(distribution).files
    except (metadata.PackageNotFoundError, ValueError):  # an empty name is none
        return None
    if not files:
        return None
    places = (Path(str(file.locate())) for file in files)
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
        for line in _requires(name):
            try:
                due = Requirement(line)
                if due.marker and not due.marker.evaluate({"extra": ""}):
                    continue
            except (InvalidRequirement, InvalidMarker, UndefinedEnvironmentName):
                found.append(f"{name} requires {line!r}, which is no requirement")
                continue
            here = _version(due.name)
            if here is None or not due.specifier.contains(here, prereleases=True):
                found.append(f"{name} requires {line}; here is {here or 'none'}")
    return found


def _requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except (metadata.PackageNotFoundError, ValueError):  # an empty name is none
        return []


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError):  # an empty name is none
        return None


def _imported(modules: Iterable[str]) -> tuple[float | None, str]:
    """Seconds of the imports, one after the other; None, and how the process ended."""
    command = [sys.executable, "-X", "faulthandler", "-c", TIMED, *modules]
    try:
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"no end after {SECONDS:g} s"
    _, mark, said = ran.stdout.rpartition(MARK)
    # one that ends badly on its way out has not ended well
    if ran.returncode or not mark:
        return None, ending.how(ran.returncode, ran.stderr)
    words = said.split()
    try:
        return float(words[0]), ""
    # it has printed the mark itself
    except (IndexError, ValueError):
        return None, "no time came"
