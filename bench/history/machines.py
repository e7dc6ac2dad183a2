"""Which machine a run was made on: told by what it is, not by its name on a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.history.point import digest
from models.errors import UnknownName

GIB = 1 << 30


@dataclass(frozen=True)
class Machine:
    """What identifies it, hashed, and the same in words."""

    key: str
    name: str


def machine(environment: Mapping[str, object]) -> Machine:
    """That of a run's `environment`.

    Processor, cores, memory in whole GiB, accelerator and operating system; versions of kernel and
    Python are software, whose change a history is there to show.
    """
    memory = environment.get("memory_bytes")
    # a kernel keeps more or less for itself from one version to the next
    whole = round(memory / GIB) if isinstance(memory, int | float) else None
    parts = {
        "processor": environment.get("processor") or environment.get("cpu"),
        "cores": environment.get("cores"),
        "memory": whole,
        "gpu": environment.get("gpu"),
        # "Linux-6.1.0-x86_64-with-glibc2.36"
        "system": str(environment.get("system") or "").partition("-")[0] or None,
    }
    cores = f"{parts['cores']} cores" if parts["cores"] else ""
    size = f"{whole} GiB" if whole else ""
    told = (parts["processor"], cores, size, parts["gpu"], parts["system"])
    words = [str(each) for each in told if each]
    return Machine(digest(parts), ", ".join(words) or "unknown machine")


def chosen(name: str, known: Mapping[str, str]) -> set[str]:
    """Keys of the machines that a name means: the beginning of a key, or a part of its words.

    `known` has the words by the key. Raises UnknownName where it means none.
    """
    asked = name.casefold()
    found = {
        key
        for key, words in known.items()
        if key.startswith(asked) or asked in words.casefold()
    }
    if not asked or not found:
        told = [f"{key} ({words})" for key, words in known.items()]
        raise UnknownName("machine", name, told)
    return found
