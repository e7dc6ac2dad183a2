"""How weight decay is coupled in sgd."""

from __future__ import annotations

from bench.semantics.probes._decay import probe

PROBE = probe("sgd", decoupled=False)
