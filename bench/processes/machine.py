"""Where a number was measured: machine, versions, threads, commit."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.metadata import Distribution
from pathlib import Path

import backends

ROOT = Path(__file__).resolve().parents[2]
# Each library that computes has a pool of its own, and reads its size from its own variable.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",  # XLA's
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


@dataclass(frozen=True)
class Where:
    """Machine and commit, asked once by whoever begins many runs."""

    environment: Mapping[str, object]
    commit: str | None

    @classmethod
    def here(cls) -> Where:
        """As it is now."""
        return cls(describe(), commit())


def describe() -> dict[str, object]:
    """The machine, as far as the standard library sees it."""
    return {
        "system": platform.platform(),
        "processor": processor(),
        "cores": usable_cores(),
        "memory_bytes": _memory_bytes(),
        "python": platform.python_version(),
    }


def _memory_bytes() -> int | None:
    """All of it; None where the system does not say (Windows)."""
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def processor() -> str:
    """The processor's own name where Linux tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.machine()  # ARM gives no name


def usable_cores() -> int:
    """Cores this process may run on."""
    # A container or `taskset` allows fewer than the machine has; macOS cannot say.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_accelerator() -> bool:
    """Whether a GPU might be here, as far as can be seen without a framework."""
    # NVIDIA's driver makes this file; every Apple machine has a GPU.
    return Path("/dev/nvidiactl").exists() or sys.platform == "darwin"


def versions() -> dict[str, str]:
    """Python's version, and those of the installed packages that backends say decide numbers."""
    python = {"python": sys.version.split()[0]}
    return python | installed(backends.packages())


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Versions of those that are here; none of them is imported.

    Of a framework that is installed without a package, that which its module states.
    """
    found = {}
    for package in packages:
        for name in (package, *_distributions(package)):
            if known := _version(name):
                found[name] = known
                break
        else:
            # in-house, and taken from a checkout perhaps
            stated = getattr(sys.modules.get(package), "__version__", None)
            if isinstance(stated, str):
                found[package] = stated
    return found


def distribution(package: str) -> Distribution | None:
    """What is installed under a name; None where nothing is, or it is no name of a package."""
    try:
        return metadata.distribution(package)
    except (metadata.PackageNotFoundError, ValueError):
        return None


def _version(package: str) -> str:
    """Empty where it is not installed."""
    found = distribution(package)
    return found.version or "" if found else ""


def _distributions(module: str) -> Sequence[str]:
    """Packages that have a module, which may be called otherwise."""
    # of what is loaded and is no package's name: to look through all takes a second
    if _version(module) or not sys.modules.get(module):
        return ()
    return _by_module().get(module.partition(".")[0], ())


@cache
def _by_module() -> Mapping[str, Sequence[str]]:
    return metadata.packages_distributions()


def commit() -> str | None:
    """The checkout's commit, with `+` where files differ from it; None outside a checkout."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        # Files that git does not know are nobody's change.
        dirty = _git("status", "--porcelain", "-uno")
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if dirty else "")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def thread_environment(threads: int) -> dict[str, str]:
    """Variables that hold every numeric library of a worker to `threads`."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))
