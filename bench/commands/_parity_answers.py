"""What `parity` prints of questions that make no run.

They are golden vectors, traces held against each other, and a repro pack. Each is answered by a
table or one JSON document, and an exit code.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.commands._said import say
from bench.commands._tables import table
from bench.parity import official, repro, traces
from bench.records import Check


def vectors(
    files: Sequence[Path],
    *,
    backends: Sequence[str],
    device: str,
    as_json: bool,
) -> int:
    """Golden vectors on backends; 1 where a check fails."""
    checks = official.ask(files, backends=backends, device=device)
    # no check is no proof: a file without outputs has shown nothing
    ok = bool(checks) and all(check.ok for check in checks)
    if as_json:
        print(json.dumps({"ok": ok, "checks": [asdict(check) for check in checks]}))
    else:
        head = ("file", "backend", "kind", "name", "error", "bound", "ok")
        table(head, [_row(check) for check in checks])
        say(f"{sum(check.ok for check in checks)} of {len(checks)} checks hold")
    return 0 if ok else 1


def _row(check: official.Check) -> tuple[str, ...]:
    return (
        check.file,
        check.backend,
        check.kind,
        check.name,
        check.note or "not finite" if check.error is None else f"{check.error:.2e}",
        f"{check.bound:.0e}",
        "ok" if check.ok else "FAILED",
    )


def compared(folder: Path, *, backends: Sequence[str], as_json: bool) -> int:
    """Traces of several backends against the first one's; 1 where they differ."""
    found = traces.compare_folder(folder, backends=backends)
    ok = all(one.ok for one in found)
    if as_json:
        rows = [
            {
                "model": one.model,
                "backend": one.backend,
                "against": one.against,
                "checks": [check.model_dump() for check in one.checks],
            }
            for one in found
        ]
        print(json.dumps({"ok": ok, "comparisons": rows}))
    else:
        head = ("model", "backend", "against", "values that agree")
        table(head, [(o.model, o.backend, o.against, _told(o.checks)) for o in found])
    return 0 if ok else 1


def _told(checks: Sequence[Check]) -> str:
    """How many agree, and the first that does not: what follows from it is no news."""
    wrong = [check for check in checks if not check.ok]
    told = f"{len(checks) - len(wrong)} of {len(checks)}"
    if wrong:
        first = wrong[0]
        told += f"; first that does not: {first.kind} {first.name} ({first.graph})"
    return told


def pack(folder: Path, *, backends: Sequence[str], as_json: bool) -> int:
    """The node of a repro pack on backends; 1 where one diverges."""
    said = repro.ask(folder, backends=backends)
    ok = not any(said.values())
    if as_json:
        print(json.dumps({"ok": ok, "divergence": said}))
    else:
        for name, text in said.items():
            say(f"{name}: {text or 'agrees with the oracle'}")
    return 0 if ok else 1
