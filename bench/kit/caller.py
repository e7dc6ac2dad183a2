"""The child that asks: `python -m bench.kit.caller NAME SHEET...` says in JSON lines how it goes.

It tells each call before it makes it, so that whoever listens knows which one never came back.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

import backends
from backends.base import Unsupported
from bench.kit.sheets import SHEETS as PROGRAMS
from bench.kit.sheets import Asking
from bench.kit.trainers import trainers
from bench.processes import blame, contract, ending, lifeline
from bench.processes.contract import Watch
from models.errors import PosePortError

SHEETS: Mapping[str, Callable[[Asking], Iterator[str]]] = {
    **PROGRAMS,
    "trainers": trainers,
}


def main() -> int:
    """Answer the sheets, each whatever became of the one before."""
    lifeline.follow()
    faulthandler.enable()
    ending.tell_where()
    # what a framework prints is not to be taken for an answer, from C neither
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    name, *sheets = sys.argv[1:]
    backends.isolate(name)
    watch = Watch()
    _tell(out, "call", f"load() of backend {name}")
    try:
        backend = contract.loaded(name, watch)
        _tell(out, "call", f"devices() of backend {name}")
        device = backend.device("auto")
    except blame.RAISED as error:
        _tell(out, "breach", blame.said(error))
        return 0
    asking = Asking(backend, device, lambda call: _tell(out, "call", call))
    for sheet in sheets:
        _tell(out, "sheet", sheet)
        try:
            for line in _answered(sheet, asking, watch):
                _tell(out, "breach", line)
        except Unsupported as error:
            _tell(out, "left", f"{sheet}: {error}")
    _tell(out, "call", "the end of its process")
    return 0


def _answered(sheet: str, asking: Asking, watch: Watch) -> Iterator[str]:
    """The breaches of a sheet; what raises ends the sheet and is one."""
    noted = len(watch.breaches)
    try:
        yield from SHEETS[sheet](asking)
    except Unsupported:
        raise  # a permitted answer
    except blame.RAISED as error:
        said = blame.said(error)
        due = "" if isinstance(error, PosePortError) else "; an answer was due"
        yield f"{said}{due}"
    # those that the harness goes on with
    yield from watch.breaches[noted:]


def _tell(out: TextIO, what: str, text: str) -> None:
    out.write(json.dumps([what, text]) + "\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
