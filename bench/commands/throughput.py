"""Time forward passes and training steps.

Each against a twin of itself, which shows how far the host's noise goes.
"""

from __future__ import annotations

from bench.commands import measuring

EXAMPLES = ("throughput --backend torch --device cuda --precision bf16",)
command = measuring(["throughput"], __doc__)
