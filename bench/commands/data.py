"""What data there are: list sources and protocols, look into one, or convert it to one file.

All of the work is in `bench.data`; here is only what a person types and reads.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import AllowMismatch, Json, ProtocolName
from bench.commands._chosen import refuse_beside
from bench.commands._said import say
from models.errors import BadInput, UnknownName, visible

# `--help` must not wait for NumPy
if TYPE_CHECKING:
    from bench.data.protocols import Protocol

EXAMPLES = (
    "data",
    "data info bvh:FOLDER",
    "data convert bvh:FOLDER --to motion.cache",
    "data show synthetic --to crops.png",
)

SHOWN = 24  # labels that a line for people lists
ROUND = 1000  # numbers from here on are shown without a fraction
NARROWEST = 40  # columns for the values, however long the names are
WIDEST = 200  # columns of a line that can still be followed
NO_TERMINAL = (160, 24)  # columns and lines where the output goes to a file
NOTES = "notes"  # sentences, each on lines of its own
ACTIONS = ("list", "info", "stats", "convert", "show")
WRITING = ("convert", "show")

WHAT = "list, info SOURCE, stats SOURCE, convert SOURCE --to FILE, or show SOURCE --to PNG."
TO = "File that convert writes, then a source as cache:FILE; or PNG of crops, of show."

Action = Annotated[str, typer.Argument(help=WHAT)]
Source = Annotated[str, typer.Argument(help="`synthetic`, or KIND:PATH.")]
To = Annotated[Path | None, typer.Option("--to", help=TO)]


def command(
    action: Action = "list",
    source: Source = "synthetic",
    to: To = None,
    protocol: ProtocolName = None,
    allow_mismatch: AllowMismatch = None,
    json: Json = False,
) -> int:
    """List data sources, look into one, or convert it to one file.

    Such a file loads at once; protocols, which say how a source is split, are listed too. `show`
    draws some crops with their keypoints, as a model of pictures is given them.
    """
    import json as encoder

    if action not in ACTIONS:
        raise UnknownName("data action", action, ACTIONS)
    if action == "list":
        refuse_beside("data list", protocol=protocol)
    # in both directions: a file that is never written would be looked for in vain
    if (to is None) == (action in WRITING):
        raise BadInput(
            f"data {action}: --to FILE goes with convert and show, which need it"
        )
    found = _found(action, source, to, protocol, allow_mismatch=bool(allow_mismatch))
    if json:
        print(encoder.dumps(found))
    else:
        _show(_listed(found) if action == "list" else found)
    return 0


def _listed(found: Mapping[str, object]) -> dict[str, object]:
    """`source bvh: ...`, `protocol amass: ...`, from a table for each."""
    lines: dict[str, object] = {}
    for kind, rows in found.items():
        assert isinstance(rows, Mapping)  # as `_found` has made them
        # the plural loses its s
        lines |= {f"{kind[:-1]} {name}": text for name, text in rows.items()}
    return lines


def _found(
    action: str,
    source: str,
    to: Path | None,
    name: str | None,
    *,
    allow_mismatch: bool,
) -> dict[str, object]:
    from bench import data

    if action == "list":
        from bench.data import protocols

        return {
            "sources": data.sources(),
            "protocols": {
                name: protocols.load(name).text for name in protocols.names()
            },
        }
    protocol = data.protocol_for(source, name) if name else None
    if allow_mismatch and (usual := protocol or data.default_protocol(source)):
        protocol = usual.model_copy(update={"mismatch": "allowed"})
    if action == "info":
        return data.describe(source, protocol=protocol)
    if action == "stats":
        return data.statistics(source, protocol=protocol)
    assert to is not None  # as `command` has made sure
    if action == "show":
        return _drawn(source, to, protocol)
    return data.convert(source, to, protocol=protocol)


def _drawn(source: str, to: Path, protocol: Protocol | None) -> dict[str, object]:
    """Draws some crops; which they are."""
    from bench import data
    from bench.data.formats import places
    from reports import plot

    places.new(to)  # said now, not after the reading
    sheet = data.show(source, protocol=protocol)
    with places.writing(to):
        plot.pictures(
            to, sheet.bones, list(zip(sheet.pictures, sheet.places, strict=True))
        )
    return {"source": source, "figure": str(to), "crops": list(sheet.names)}


def _show(found: Mapping[str, object]) -> None:
    """Names on the left, values wrapped to the right of them."""
    width = max(len(key) for key in found) + 2
    columns = min(shutil.get_terminal_size(NO_TERMINAL).columns, WIDEST)
    wrapped = textwrap.TextWrapper(
        max(columns, width + NARROWEST),
        subsequent_indent=" " * width,
    )
    for key, value in found.items():
        # a dash for nothing, or the name would end the line with blanks
        lines = [_text(value) or "-"]
        if key == NOTES and isinstance(value, list):
            lines = _cut(value) or lines
        for line in lines:
            wrapped.initial_indent = key.ljust(width)
            say(*wrapped.fill(visible(line)).split("\n"))


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return _few([f"{key} {_text(part)}" for key, part in value.items()])
    if isinstance(value, list | tuple):
        return _few(list(map(_text, value)))
    # four digits: a bone's length in mm to the tenth
    if isinstance(value, float) and abs(value) < ROUND:
        return f"{value:.4g}"
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


def _few(parts: list[str]) -> str:
    return ", ".join(_cut(parts))


def _cut(parts: list[str]) -> list[str]:
    shown = parts[:SHOWN]
    if len(parts) > SHOWN:
        shown.append(f"and {len(parts) - SHOWN:,} more (all with --json)")
    return shown
