"""List data sources and protocols, say what is in a source, measure it, or convert it to
one file that loads at once.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from bench.commands import Json, ProtocolName
from models.errors import BadInput, UnknownName

SHOWN = 24  # labels that a line for people lists
ROUND = 1000  # numbers from here on are shown without a fraction
ACTIONS = ("list", "info", "stats", "convert")


def command(
    action: Annotated[
        str,
        typer.Argument(
            help="list, info SOURCE, stats SOURCE, or convert SOURCE --to FILE."
        ),
    ] = "list",
    source: Annotated[str, typer.Argument(help="`synthetic`, or KIND:PATH.")] = "synthetic",
    to: Annotated[
        Path | None,
        typer.Option("--to", help="File that convert writes; then a source as cache:FILE."),
    ] = None,
    protocol: ProtocolName = None,
    json: Json = False,
) -> int:
    """List data sources and protocols, say what is in a source, measure it, or convert it
    to one file that loads at once.
    """
    import json as encoder

    if action not in ACTIONS:
        raise UnknownName("data action", action, ACTIONS)
    if (to is None) == (action == "convert"):
        raise BadInput(f"data {action}: --to FILE goes with convert, and convert needs it")
    found = _found(action, source, to, protocol)
    if json:
        print(encoder.dumps(found))
    elif action == "list":
        _show(
            {
                f"{kind[:-1]} {name}": text
                for kind, rows in found.items()
                for name, text in dict(rows).items()
            }
        )  # type: ignore[call-overload]
    else:
        _show(found)
    return 0


def _found(
    action: str, source: str, to: Path | None, name: str | None
) -> dict[str, object]:
    from bench import data

    if action == "list":
        from bench.data import protocols

        return {
            "sources": data.sources(),
            "protocols": {name: protocols.load(name).text for name in protocols.names()},
        }
    protocol = data.protocol_for(source, name) if name else None
    if action == "info":
        return data.describe(source, protocol=protocol)
    if action == "stats":
        return data.statistics(source, protocol=protocol)
    assert to is not None  # as `command` has made sure
    return data.convert(source, to, protocol=protocol)


def _show(found: Mapping[str, object]) -> None:
    """Names on the left, values wrapped to the right of them."""
    width = max(len(key) for key in found) + 2
    columns = min(shutil.get_terminal_size((160, 24)).columns, 200)
    for key, value in found.items():
        print(
            textwrap.fill(
                _text(value) or "-",
                max(columns, width + 40),
                initial_indent=key.ljust(width),
                subsequent_indent=" " * width,
            )
        )


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return _few([f"{key} {_text(part)}" for key, part in value.items()])
    if isinstance(value, list | tuple):
        return _few(list(map(_text, value)))
    if isinstance(value, float) and abs(value) < ROUND:
        return f"{value:.4g}"
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


def _few(parts: list[str]) -> str:
    more = (
        [f"and {len(parts) - SHOWN:,} more (all with --json)"] if len(parts) > SHOWN else []
    )
    return ", ".join(parts[:SHOWN] + more)
