"""Which backends a command was asked for."""

from __future__ import annotations


def chosen(backend: list[str] | None) -> list[str]:
    """Those that were named; `all` means every one whose framework is here."""
    from backends import installed

    asked = backend or []
    return installed() if "all" in asked else asked
