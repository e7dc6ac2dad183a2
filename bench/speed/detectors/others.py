"""Other processes that leave this one no processor of its own."""

from __future__ import annotations

from bench.speed.evidence import Evidence

AFTER = ("drift",)
VOIDS = "doubt"
FULL = 0.9  # of all processors: none is free
DOMINATES = 1.2  # times what this process got


def found(evidence: Evidence) -> str:
    """Where others took more than this process, and no processor was free."""
    host = evidence.host
    others = host.others
    if others is None:
        return ""
    full = others + host.mine >= FULL * evidence.cores
    if not full or others <= DOMINATES * host.mine:
        return ""
    return (
        f"others kept {others:.1f} of {evidence.cores} processors busy, this process"
        f" {host.mine:.1f}: the samples are of a machine that was taken"
    )
