"""List the backends: installed or what to install; or probe one for its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import Json
from models.errors import BadInput, UnknownName

EXAMPLES = ("backends", "backends probe torch --to torch.yaml")
ACTIONS = ("list", "probe")

Action = Annotated[str, typer.Argument(help="list, or probe NAME.")]
Name = Annotated[str | None, typer.Argument(help="The backend.")]
To = Annotated[
    Path | None,
    typer.Option("--to", metavar="FILE", help="Manifest that `probe` writes."),
]


def command(
    action: Action = "list", name: Name = None, to: To = None, json: Json = False
) -> int:
    """List the backends: installed or what to install.

    `probe` writes the manifest of one, as it was measured: its ops that answer right, its rank,
    types, optimizers, devices and wheels.
    """
    from bench.commands import _probe

    if action not in ACTIONS:
        raise UnknownName("backends action", action, ACTIONS)
    if action == "probe":
        return _probe.probe(name, to, as_json=json)
    if name or to:
        raise BadInput("backends list: it takes no NAME and no --to; leave them out")
    # Under another name: the option is called `json`, and typer shows parameters by theirs.
    import json as encoder

    from bench.commands._tables import table

    rows = _rows()
    if json:
        print(encoder.dumps(rows))
        return 0
    shown = [
        (str(row["backend"]), "yes" if row["installed"] else "no", str(row["note"]))
        for row in rows
    ]
    table(("backend", "installed", "note"), shown)
    return 0


def _rows() -> list[dict[str, object]]:
    """A row for each backend; the note of one that is missing says what to install."""
    import backends
    from models.errors import Missing

    rows: list[dict[str, object]] = []
    for name in backends.names():
        try:
            # Looks for the packages and imports none: frameworks never share a process.
            backends.require(name)
        except Missing as error:
            rows.append({"backend": name, "installed": False, "note": str(error)})
        else:
            rows.append({"backend": name, "installed": True, "note": ""})
    return rows
