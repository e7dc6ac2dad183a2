"""Wheels by Python and platform: read off tags (PEP 425, 600, 656), or declared in plain words.

A table has a Python (`3.11`; `3.9+`, the stable ABI; `3`, any; `3.13t`, without a global lock;
`pypy3.10`) and its platforms (`linux-x86_64`, `macos-arm64`; `linux`, where nobody says for which
processor; `any`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import product

from bench.processes import machine
from models.errors import BadInput, UnknownName

Table = dict[str, tuple[str, ...]]

ANY = "any"
DESKTOP = ("x86_64", "arm64", "x86")
SERVERS = (*DESKTOP, "armv7l", "ppc64le", "s390x", "riscv64")
PROCESSORS = {
    "linux": SERVERS,
    "musllinux": SERVERS,
    "macos": DESKTOP,
    "windows": DESKTOP,
}
PLATFORMS = (
    ANY,
    *PROCESSORS,
    *(f"{one}-{other}" for one, of in PROCESSORS.items() for other in of),
)
# for the nearest name; any other of the form is taken, too
PYTHONS = ("3", *(f"3.{minor}" for minor in range(8, 16)))
PYTHON = re.compile(r"(pypy)?3(\.[0-9]{1,2})?t?\+?")
# minor versions that YAML makes of 3.10 and 3.20, where nobody quotes them
CUT = {"3.1": "3.10", "3.2": "3.20"}
# as tags have them -> as they are called here
SAID = {
    "amd64": "x86_64",
    "aarch64": "arm64",
    "i686": "x86",
    "i386": "x86",
    "macosx": "macos",
    "darwin": "macos",
    "win": "windows",
    "manylinux": "linux",
}
# of several processors in one wheel
FAT = {"universal2": ("arm64", "x86_64"), "intel": ("x86_64", "x86")}
TAG = re.compile(
    r"(?P<system>manylinux|musllinux|linux|macosx|macos|darwin|windows|win)"
    # of the C library or of macOS: 2014, _2_28, _11_0
    r"(?:[0-9]{1,4}|_[0-9]+_[0-9]+)?[-_](?P<processor>\w+)"
)


def python(said: str) -> str:
    """A Python in the words of a table. Raises BadInput or UnknownName."""
    if said in CUT:
        raise BadInput(
            f'{said} is what YAML makes of {CUT[said]} without quotes; write "{CUT[said]}"'
        )
    found = _python(said) if said[:2] in ("cp", "py", "pp") else said
    if not PYTHON.fullmatch(found):
        raise UnknownName("Python", said, PYTHONS)
    return found


def platform(said: str) -> tuple[str, ...]:
    """A platform in the words of a table; several, of a wheel for several. Raises UnknownName."""
    found = _platforms(said)
    for one in found:
        if one not in PLATFORMS:
            raise UnknownName("platform", said, PLATFORMS)
    return found


def of_tags(tags: Iterable[str]) -> Table:
    """The table of `cp311-cp311-manylinux_2_28_x86_64` and such, also without the middle.

    Raises BadInput or UnknownName.
    """
    found: dict[str, set[str]] = {}
    for tag in tags:
        parts = tag.split("-")
        if len(parts) not in (2, 3):
            due = "PYTHON-PLATFORM or PYTHON-ABI-PLATFORM was due"
            raise BadInput(f"{tag} is no tag of a wheel: {due}; write cp311-win_amd64")
        abi = parts[1] if len(parts) == 3 else ""
        # a tag may stand for several: py2.py3-none-any
        for one, other in product(parts[0].split("."), parts[-1].split(".")):
            if one.startswith("py2"):
                continue
            found.setdefault(_with_abi(python(one), abi), set()).update(platform(other))
    return {one: tuple(sorted(found[one])) for one in sorted(found, key=order)}


def table(said: Mapping[str, Iterable[str]] | Iterable[str]) -> Table:
    """What a manifest says, as tags or as a table, in the words of a table."""
    if not isinstance(said, Mapping):
        return of_tags(said)
    found = {}
    for one in sorted(said, key=lambda name: order(python(name))):
        platforms = {each for other in said[one] for each in platform(other)}
        found[python(one)] = tuple(sorted(platforms))
    return found


def installed(distributions: Iterable[str]) -> dict[str, Table]:
    """By distribution that is here, the wheel it was installed from, as its file WHEEL says.

    None was read where there is no such file; tags of no known form are left as they are.
    """
    found = {}
    for name in distributions:
        about = machine.distribution(name)
        lines = ((about and about.read_text("WHEEL")) or "").splitlines()
        tags = [line[5:] for line in lines if line.startswith("Tag: ")]
        if not tags:
            continue
        try:
            found[name] = of_tags(tags)
        except (BadInput, UnknownName):
            found[name] = dict.fromkeys(tags, ())
    return found


def told(said: Mapping[str, Iterable[str]]) -> str:
    """A table in one line."""
    rows = (f"{one}: {', '.join(of) or 'none'}" for one, of in said.items())
    return "; ".join(rows) or "none"


def twice(said: Mapping[str, Iterable[str]]) -> tuple[list[str], str] | None:
    """The key of a Python that a table has twice, in other words, and which; else None."""
    pythons: dict[str, str] = {}
    for one in said:
        first = pythons.setdefault(python(one), one)
        if first != one:
            return [one], f"it is {first}, which is there; say it once"
    return None


def covered(platform: str, named: Iterable[str]) -> set[str]:
    """Of the platforms that somebody names, those on which a wheel of a table can be installed."""
    if platform == ANY:
        return {one for one in named if one in PLATFORMS}
    system = platform.partition("-")[0]
    # a Linux of another C library
    return {platform, system, *(("linux",) if system == "musllinux" else ())}


def order(python: str) -> tuple[str, int, str]:
    """By implementation and number: 3.9 before 3.10."""
    name, _, rest = python.partition("3")
    digits = re.match(r"\.?([0-9]*)", rest)
    minor = digits.group(1) if digits else ""
    return name, int(minor or 0), rest


def _python(tag: str) -> str:
    """cp311 -> 3.11, pp310 -> pypy3.10, py3 -> 3; else as it came."""
    found = re.fullmatch(r"(cp|py|pp)3([0-9]{0,2})(t?)", tag)
    if not found:
        return tag
    kind, minor, free = found.groups()
    name = "pypy" if kind == "pp" else ""
    return f"{name}3{'.' if minor else ''}{minor}{free}"


def _with_abi(python: str, abi: str) -> str:
    if abi == "abi3":
        return f"{python}+"
    free = re.fullmatch(r"cp3[0-9]+t", abi) and not python.endswith("t")
    return f"{python}t" if free else python


def _platforms(said: str) -> tuple[str, ...]:
    if said == "win32":
        return ("windows-x86",)
    tag = TAG.fullmatch(said)
    if not tag:
        return (SAID.get(said, said),)
    system, processor = tag["system"], tag["processor"]
    names = FAT.get(processor, (SAID.get(processor, processor),))
    return tuple(f"{SAID.get(system, system)}-{name}" for name in names)
