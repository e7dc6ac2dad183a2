"""Train models on a backend; curve and checkpoint go to the run folder."""

from __future__ import annotations

from bench.commands import measuring

command = measuring(["train"], __doc__, trains=True)
