"""Say what this machine can run: backends, devices, precisions.

Each framework is asked in a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from bench.commands import Json

EXAMPLES = ("doctor",)
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
    found = {name: _ask(name) for name in backends.installed()}
    if json:
        print(encoder.dumps({"environment": seen, "backends": found}))
        return 0
    table(("what", "value"), [(key, str(value)) for key, value in seen.items()])
    print()
    table(("backend", "question", "item", "usable"), _rows(found))
    return 0


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
        answers: Answers = question.ask("bench.commands.doctor", [name])
    except PosePortError as error:
        # A framework that is installed and breaks is the very thing this command is asked
        # about: the others are still told.
        return {"import": {name: str(error)}}
    return answers


def _usable(arguments: Sequence[str]) -> Answers:
    """The child's answer: devices, precisions on each device that is here, and features."""
    import backends

    backend = backends.load(arguments[0])
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
