"""Ctrl-C as an exception: what raises it and what says it load nothing of each other."""

from __future__ import annotations


class Interrupted(Exception):
    """A run was stopped; the text says how it goes on."""
