"""`backends probe NAME`: what a backend was seen to do, and whether a manifest says the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.commands._progress import spoken
from bench.commands._said import say
from bench.commands._tables import table
from bench.records import SemanticsRow


def probe(name: str, to: Path | None, held: Path | None, *, as_json: bool) -> int:
    """Ask a backend in a process of its own; exit code 1 where anything disagrees.

    Its manifest is written to `to`, and the one in `held` is held against it. Raises BadInput.
    """
    from bench.data.formats import places, yaml_file
    from bench.feasibility import manifest, probe
    from bench.feasibility.holding import disagreements

    # before the probing, which takes half a minute
    said = manifest.read(held) if held else None
    if to:
        places.new(to)
    with spoken(quiet=as_json) as told:
        found, rows = probe.ask(name, told)
    # before it is written: what is there then can be read
    measured = manifest.Manifest.model_validate(found)
    if to:
        places.write(to, yaml_file.text(found))
    lines = disagreements(said, measured) if said else []
    wrong = any(row.result == "differs" for row in rows)
    if as_json:
        print(json.dumps(_document(found, rows, lines, to)))
    else:
        _show(found, rows, to)
        for line in lines:
            say(f"{held}: {line}")
    return 1 if lines or wrong else 0


def _document(
    found: dict[str, Any],
    rows: Sequence[SemanticsRow],
    lines: Sequence[str],
    to: Path | None,
) -> dict[str, Any]:
    probed = [row.model_dump() for row in rows]
    written = {"manifest": str(to)} if to else {}
    return {**written, **found, "probes": probed, "disagreements": list(lines)}


def _show(found: dict[str, Any], rows: Sequence[SemanticsRow], to: Path | None) -> None:
    shown = [
        (row.probe, row.declared or "open", _seen(row), row.result, row.note)
        for row in rows
    ]
    table(("probe", "declared", "probed", "result", "note"), shown)
    whose = to or found["name"]
    say(f"{whose}: {len(found['ops'])} ops, {len(found['lacks'])} that it lacks")


def _seen(row: SemanticsRow) -> str:
    return " or ".join(row.probed) or "-"
