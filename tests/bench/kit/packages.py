"""Outside packages as pip leaves them: a folder, and what says which backends it has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.kit import new
from tests.paths import ROOT


def installed(folder: Path, name: str) -> Path:
    """Write the package of `bench backends new` and install it beside; its folder."""
    made = folder / f"poseport-{name}"
    new.write(name, made)
    information = folder / f"poseport_{name}-0.1.0.dist-info"
    information.mkdir()
    information.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: poseport-{name}\nVersion: 0.1.0\n"
    )
    entry = f"[poseport.backends]\n{name} = poseport_{name}\n"
    information.joinpath("entry_points.txt").write_text(entry)
    return made


def bench(made: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line where the package is installed."""
    path = os.pathsep.join(map(str, (ROOT, made.parent, made)))
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        capture_output=True,
        text=True,
        cwd=made.parent,
        env={**os.environ, "PYTHONPATH": path},
    )
