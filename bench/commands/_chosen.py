"""Which backends a command was asked for, and which options it has no use for."""

from __future__ import annotations

from models.errors import BadInput


def chosen(backend: list[str] | None) -> list[str]:
    """Those that were named; `all` means every one whose framework is here."""
    from backends import installed

    asked = backend or []
    return installed() if "all" in asked else asked


def refuse_beside(what: str, **options: object) -> None:
    """Raise BadInput for the first option that is given and that `what` has no use for.

    Options come by their names, with `_` for a dash. None, False and an empty list are what is
    there where nothing was given; 0 is not.
    """
    for name, value in options.items():
        if value not in (None, [], ()) and value is not False:
            option = name.replace("_", "-")
            raise BadInput(f"--{option} does not go with {what}; leave --{option} out")
