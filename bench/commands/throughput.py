"""Time forward passes and training steps, each against a twin of itself."""

from __future__ import annotations

from bench.commands import measuring

command = measuring(["throughput"], __doc__)
