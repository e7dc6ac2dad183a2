"""How weight decay is coupled in rmsprop."""

from __future__ import annotations

from bench.semantics.probes._decay import probe

PROBE = probe("rmsprop", decoupled=False)
