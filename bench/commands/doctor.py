"""Say what this machine can run: backends, devices, precisions, asked of each framework in
a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.commands import Json


def command(json: Json = False) -> int:
    """Say what this machine can run: backends, devices, precisions, asked of each framework
    in a process of its own.
    """
    import json as encoder

    import backends
    from bench.commands._cells import table
    from bench.processes import machine

    found = {name: _ask(name) for name in backends.installed()}
    if json:
        print(encoder.dumps({"environment": machine.describe(), "backends": found}))
        return 0
    table(
        ("what", "value"), [(key, str(value)) for key, value in machine.describe().items()]
    )
    print()
    rows = [
        (name, kind, item, reason or "yes")
        for name, answers in found.items()
        for kind, items in answers.items()
        for item, reason in items.items()
    ]
    table(("backend", "question", "item", "usable"), rows)
    return 0


def _ask(name: str) -> dict[str, dict[str, str]]:
    """Import a backend in a child process and let it speak for itself."""
    from bench.processes import question
    from models.errors import PosePortError

    try:
        answers: dict[str, dict[str, str]] = question.ask("bench.commands.doctor", [name])
    except PosePortError as error:
        return {"import": {name: str(error)}}
    return answers


def _usable(arguments: Sequence[str]) -> dict[str, dict[str, str]]:
    """The child's answer: devices, precisions on each device that is here, and features;
    each with why it is not usable, or nothing.
    """
    import backends

    backend = backends.load(arguments[0])
    devices = backend.devices()
    here = [device for device, reason in devices.items() if not reason]
    precisions = {
        f"{kind} on {device}": reason
        for device in here
        for kind, reason in backend.precisions(device).items()
    }
    return {"device": devices, "precision": precisions, "feature": backend.features()}


if __name__ == "__main__":
    from bench.processes.question import answer

    sys.exit(answer(_usable))
