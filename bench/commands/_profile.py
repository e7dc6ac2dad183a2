"""Which profile a command takes where none is named."""

from __future__ import annotations

USUAL = "smoke"
# minutes, which make a model worth having
TRAINS = "standard"
