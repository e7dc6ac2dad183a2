"""Say what this machine can run: backends, devices, precisions.

Each framework is asked in a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from bench.commands import Json

EXAMPLES = ("doctor",)
ABSENT = "not installed"
# kind of question (device, precision, feature) -> item -> why it is not usable, or nothing
Answers = dict[str, dict[str, str]]


def command(json: Json = False) -> int:
    """Say what this machine can run: backends, devices, precisions.

    Each framework is asked in a process of its own.
    """
    import json as encoder

    import backends
    from bench.commands._tables import table
    from bench.processes import machine

    seen = machine.describe()
    beside = _beside()
    found = {name: _ask(name) for name in backends.installed()}
    if json:
        told = {"environment": seen, "software": beside, "backends": found}
        print(encoder.dumps(told))
        return 0
    lines = {**_told(seen), **{name: has or ABSENT for name, has in beside.items()}}
    table(("what", "value"), list(lines.items()))
    print()
    table(("backend", "question", "item", "usable"), _rows(found))
    return 0


def _beside() -> dict[str, str | None]:
    """Versions of frameworks and of what else is of use, by name; None is not here."""
    import shutil

    import backends
    from bench.processes import machine

    packages = (*backends.packages(), "tensorboardX")
    found: dict[str, str | None] = dict.fromkeys(packages)
    found |= machine.installed(packages)
    # it says its version when it is run, and is not
    found["ffmpeg"] = "here" if shutil.which("ffmpeg") else None
    return found


def _told(seen: Mapping[str, object]) -> dict[str, str]:
    """The machine in words."""
    found = {key: str(value) for key, value in seen.items()}
    size = seen["memory_bytes"]
    del found["memory_bytes"]
    found["memory"] = "not known"
    if isinstance(size, int):
        found["memory"] = f"{size / 2**30:.1f} GiB"
    return found


def _rows(found: Mapping[str, Answers]) -> list[tuple[str, str, str, str]]:
    """One row an item."""
    rows = []
    for name, answers in found.items():
        for kind, items in answers.items():
            rows += [
                (name, kind, item, reason or "yes") for item, reason in items.items()
            ]
    return rows


def _ask(name: str) -> Answers:
    """Import a backend in a child process and let it speak for itself."""
    from bench.processes import question
    from models.errors import PosePortError

    try:
        answers: Answers = question.ask(
            "bench.commands.doctor", [name], patience=question.SHORT
        )
    except PosePortError as error:
        # A framework that is installed and breaks is the very thing this command is asked
        # about: the others are still told.
        return {"import": {name: str(error)}}
    return answers


def _usable(arguments: Sequence[str]) -> Answers:
    """The child's answer: devices, precisions on each device that is here, and features."""
    from bench.processes import contract

    backend = contract.loaded(arguments[0], contract.Watch())
    devices = backend.devices()
    precisions = {}
    for device, absent in devices.items():
        # of a device that is not here there is nothing to ask
        if not absent:
            for kind, reason in backend.precisions(device).items():
                precisions[f"{kind} on {device}"] = reason
    return {"device": devices, "precision": precisions, "feature": backend.features()}


if __name__ == "__main__":
    from bench.processes.question import answer

    sys.exit(answer(_usable))
