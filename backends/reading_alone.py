"""Read a manifest where it can harm nobody.

Called by `python -P reading_alone.py MODULE SECONDS ANSWER FIELD...`.

What it holds goes to the file descriptor ANSWER, as JSON. It is run by its path and knows nothing
of PosePort, so that it costs what the module costs.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module

# by name, past what a module does to that of others
from json import dumps
from typing import Any

# exit codes that nobody gives by chance
BACK, THREADS, CHILDREN = 117, 118, 119
NEITHER = 0  # for what a manifest has no use for
MOST = 1000  # characters that are kept of what an import raises


def main(module: str, seconds: float, answer: int, fields: list[str]) -> int:
    """How it went."""
    if hasattr(signal, "setitimer"):
        # whoever has asked may have gone
        signal.setitimer(signal.ITIMER_REAL, seconds)
    text = dumps(_read(module, fields)).encode()
    if threading.active_count() > 1:
        return THREADS
    with suppress(ChildProcessError, AttributeError):
        os.waitpid(-1, os.WNOHANG)
        return CHILDREN
    while text:
        text = text[os.write(answer, text) :]
    return BACK


def _read(module: str, fields: list[str]) -> dict[str, Any]:
    """What a module holds, or what its import has raised."""
    try:
        # anything at all, where it has put itself into `sys.modules`
        held = vars(import_module(module))
        told = {field: _plain(held[field]) for field in fields if field in held}
        return {"file": f"{held.get('__file__') or module}", "held": told}
    except BaseException as error:
        return {"raised": f"{type(error).__name__}: {_text(error)}"[:MOST]}


def _plain(value: Any) -> Any:
    """A text, texts, formats (by name, their suffix and options), or True for a function."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, tuple | list) and all(isinstance(one, str) for one in value):
        return list(value)
    if isinstance(value, Mapping) and all(_is_format(*one) for one in value.items()):
        return {name: vars(one) for name, one in value.items()}
    return True if callable(value) else NEITHER


def _is_format(name: Any, value: Any) -> bool:
    # not by its class: to know that is to import it
    held = getattr(value, "__dict__", {})
    options = held.get("options")
    if held.keys() != {"suffix", "options"} or not isinstance(options, tuple):
        return False
    return all(isinstance(one, str) for one in (name, held["suffix"], *options))


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # a program of the module's too
        return ""


if __name__ == "__main__":
    module, seconds, answer, *fields = sys.argv[1:]
    code = 1
    try:
        code = main(module, float(seconds), int(answer), fields)
    finally:
        os._exit(code)  # past what a module leaves for the end
