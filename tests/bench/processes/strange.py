"""Backends of an outside package that do strange things instead of loading."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

import backends
from backends import foreign

MODULE = """
import os, signal, stat, sys, time
from backends.base import Unsupported
from backends.numpy.backend import NumpyBackend

REQUIRES, EXTRA = (), "strange"

def pipes():
    open_ones = [fd for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}")]
    return [fd for fd in open_ones if stat.S_ISFIFO(os.fstat(fd).st_mode)]

def load():
%s
    return NumpyBackend()
"""


def install(folder: Path, deeds: Mapping[str, str]) -> Path:
    """Make a folder that holds an installed package with a backend for each deed.

    A deed is the lines of a function.
    """
    (folder / "strange").mkdir()
    (folder / "strange" / "__init__.py").write_text("")
    for name, deed in deeds.items():
        body = textwrap.indent(textwrap.dedent(deed).strip(), "    ")
        (folder / "strange" / f"{name}.py").write_text(MODULE % body)
    information = folder / "strange-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n"
    )
    lines = [f"{name} = strange.{name}" for name in deeds]
    (information / "entry_points.txt").write_text(
        "\n".join(["[poseport.backends]", *lines, ""])
    )
    return folder


@contextmanager
def known(site: Path) -> Iterator[Path]:
    """The manifests of a folder are read once, and not by each worker anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(foreign.TRIED, "{}")
        with pytest.MonkeyPatch.context() as path:
            path.syspath_prepend(str(site))
            backends.installed()
        yield site
