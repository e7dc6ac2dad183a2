"""Say which ops of which models a backend has, by kernel or by body; nothing is run."""

from __future__ import annotations

from bench.commands import measuring

command = measuring(["feasibility"], __doc__)
