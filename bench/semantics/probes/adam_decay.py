"""How weight decay is coupled in adam."""

from __future__ import annotations

from bench.semantics.probes._decay import probe

PROBE = probe("adam", decoupled=False)
