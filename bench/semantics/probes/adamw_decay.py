"""How weight decay is coupled in adamw."""

from __future__ import annotations

from bench.semantics.probes._decay import probe

PROBE = probe("adamw", decoupled=True)
