"""`python -m bench COMMAND`: one file per command in `bench/commands`, found by listing; frameworks are imported by workers only."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import typer

from bench import commands
from models.errors import BadInput, Missing, PosePortError

UsageError = typer.BadParameter.__bases__[0]  # typer carries click inside from 0.26 on, so it has no import path of its own


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; every expected error is one line on stderr and an exit code (2 bad input, 3 something missing)."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        result = application()(args=given, standalone_mode=False, prog_name="python -m bench")
        return result if isinstance(result, int) else 0
    except typer.Exit as stop:
        return stop.exit_code
    except UsageError as error:
        return _say(f"{error.format_message()}  See: python -m bench {given[0]} --help", 2)  # type: ignore[attr-defined]
    except BadInput as error:
        return _say(str(error), 2)
    except Missing as error:
        return _say(str(error), 3)
    except PosePortError as error:
        return _say(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", 130)


def application() -> typer.Typer:
    """The command line with every command of the folder."""
    app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    for found in pkgutil.iter_modules(commands.__path__):
        command = importlib.import_module(f"{commands.__name__}.{found.name}").command
        app.command(found.name)(command)
    return app


def _say(text: str, code: int) -> int:
    print(" ".join(text.split()), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
