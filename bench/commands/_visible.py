"""Texts of others on a terminal."""

from __future__ import annotations


def visible(text: str) -> str:
    """A text in which what moves a terminal's cursor or colours it is as Python writes it."""
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()
