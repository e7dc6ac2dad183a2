"""The command line: one file per command in `bench/commands`, found by listing.

Frameworks are imported by workers only.
"""

from __future__ import annotations

import signal

# unless whoever started this ignores Ctrl-C
HEARS = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if __name__ == "__main__" and HEARS:
    # of Ctrl-C in the imports below Python would print a traceback; so it just ends
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import gc
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

try:
    import typer
except ModuleNotFoundError as absent:
    sys.stderr.write(f"{absent.name} is not installed here: pip install -e .\n")
    raise SystemExit(3) from None

from bench import commands
from bench.commands._interrupted import Interrupted
from bench.processes import patience
from models.errors import BadInput, Missing, PosePortError, shortened, visible

# typer carries click inside, without an import path of its own
UsageError: type[Exception] = typer.BadParameter.__bases__[0]
INTERRUPTED = 130  # as a shell has it: 128 and the signal's number
# new objects between two looks for garbage: of graphs, thousands are made and hardly any dropped
GARBAGE = 100_000
LONGEST = 4000  # characters of a complaint: the names of all ops are a quarter of it
# what whoever types no command reads first
HELP = """Hold a 3D human-pose model against another deep-learning framework.

Can the model live there, does it still compute and learn the same, and what does it cost? A run
answers with a report. `python -m bench COMMAND --help` says more of each command."""
EXAMPLES = (
    "run --backend torch",
    "run --backend torch --backend jax --profile standard",
    "parity --backend torch --model motionbert",
    "doctor",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; every expected error is one line on stderr and an exit code.

    2 is bad input, 3 something missing, 1 anything else that is known to go wrong.
    """
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        _refuse_nothing(given)
        # once, and not by each backend that is asked
        patience.setting()
        run = application(given[0])
        # on its own feet, typer would print errors over many lines and leave the process
        result = run(args=given, standalone_mode=False, prog_name="python -m bench")
        # Typer makes a number of Ctrl-C, and says nothing
        if result == INTERRUPTED:
            return _say("interrupted", INTERRUPTED)
        # what `--help` gives back is no exit code
        return result if isinstance(result, int) else 0
    except Interrupted as stop:
        return _say(str(stop), INTERRUPTED)
    except typer.Exit as stop:
        return stop.exit_code
    except UsageError as error:
        said = error.format_message()  # type: ignore[attr-defined]
        return _say(f"{said}  See: python -m bench {given[0]} --help", 2)
    # both before the class that they are of
    except BadInput as error:
        return _say(str(error), 2)
    except Missing as error:
        return _say(str(error), 3)
    except PosePortError as error:
        return _say(str(error), 1)
    except OSError as error:
        # no mistake of ours: a place that was taken away, filled or closed meanwhile
        where = "" if error.filename is None else f"{error.filename}: "
        reason = error.strerror or str(error)
        return _say(f"{where}{reason}; see that it is there, open and has room", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", INTERRUPTED)


def application(only: str | None = None) -> typer.Typer:
    """The command line with every command of the folder, or with the one that is asked for.

    Building a command's options takes milliseconds, so a command that ends at once is not
    made to wait for all the others. With all of them where there is none of that name.
    """
    app = typer.Typer(
        help=HELP,
        epilog=_shown(EXAMPLES),
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_first_argument_is_a_command)
    names = [
        found.name
        for found in pkgutil.iter_modules(commands.__path__)
        if not found.name.startswith("_")
    ]
    for name in [only] if only in names else names:
        module = importlib.import_module(f"{commands.__name__}.{name}")
        app.command(name, epilog=_shown(module.EXAMPLES))(module.command)
    return app


def _shown(examples: Sequence[str]) -> str:
    """Examples, as the help ends with them."""
    lines = [f"  python -m bench {example}" for example in examples]
    # `\b` keeps the lines of a paragraph as they are
    return "\n".join(["\b", "Examples:", *lines])


def _print_version(asked: bool) -> None:
    if asked:
        print(f"PosePort {version('poseport')}, Python {sys.version.split()[0]}")
        raise typer.Exit


def _first_argument_is_a_command(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and end.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Keeps an application of one command from taking the command's name for an argument."""


def _refuse_nothing(arguments: Sequence[str]) -> None:
    """Raise BadInput for an argument that is empty, as an unset variable of a shell leaves it.

    Taken, an empty path would be the folder that one stands in.
    """
    before = "the first argument"
    for argument in arguments:
        name, equals, value = argument.partition("=")
        joined = bool(equals) and name.startswith("--")
        said = value if joined else argument
        if not said.strip() or "\0" in said:
            what = "has a null character" if said.strip() else "is empty"
            place = f"the value of {name}" if joined else f"what follows {before}"
            raise BadInput(f"{place} {what}; give a value, or leave the option out")
        before = argument


def _say(text: str, code: int) -> int:
    # one line, whatever a library has put into its message, or a stranger into a name
    line = " ".join(text.split())
    shown = visible(shortened(line, LONGEST))
    print(shown, file=sys.stderr)
    return code


if __name__ == "__main__":
    if HEARS:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.set_threshold(GARBAGE)
    sys.exit(main())
