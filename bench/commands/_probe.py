"""`backends probe NAME --to FILE`: the measured manifest of a backend that is here."""

from __future__ import annotations

import json
from pathlib import Path

from bench.commands._progress import waiting
from models.errors import BadInput


def probe(name: str | None, to: Path | None, *, as_json: bool) -> int:
    """Ask a backend in a process of its own, and write what it does. Raises BadInput."""
    from bench.data.formats import places, yaml_file
    from bench.feasibility import probe as asking

    if name is None or to is None:
        raise BadInput("backends probe: NAME and --to FILE were due; give both")
    places.file(to)
    with waiting(f"probing {name}", quiet=as_json):
        found = asking.ask(name, lambda text, share: None)
    with places.writing(to):
        to.write_text(yaml_file.text(found), encoding="utf-8")
    if as_json:
        print(json.dumps({"manifest": str(to), **found}))
        return 0
    print(f"{to}: {len(found['ops'])} ops, {len(found['lacks'])} that it lacks")
    return 0
