"""List data sources and protocols, or say what is in a source."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.commands import Json, ProtocolName
from models.errors import UnknownName

ACTIONS = ("list", "info")


def command(
    action: Annotated[str, typer.Argument(help="list, or info SOURCE.")] = "list",
    source: Annotated[str, typer.Argument(help="`synthetic`, or KIND:PATH.")] = "synthetic",
    protocol: ProtocolName = None,
    json: Json = False,
) -> int:
    """List data sources and protocols, or say what is in a source."""
    import json as encoder

    from bench import data
    from bench.cells import table
    from bench.data import protocols

    if action not in ACTIONS:
        raise UnknownName("data action", action, ACTIONS)
    if action == "info":
        found = data.describe(source, protocol=data.protocol_for(source, protocol))
    else:
        found = {"sources": data.sources(), "protocols": {name: protocols.load(name).text for name in protocols.names()}}
    if json:
        print(encoder.dumps(found))
    else:
        flat = (
            found
            if action == "info"
            else {f"{kind[:-1]} {name}": text for kind, rows in found.items() for name, text in dict(rows).items()}
        )  # type: ignore[call-overload]
        table(
            ("what", "value"), [(key, ", ".join(map(str, value)) if isinstance(value, list) else str(value)) for key, value in flat.items()]
        )
    return 0
