"""Which share dropout drops: counted, and held against each variant by an exact binomial test."""

from __future__ import annotations

from scipy import special

from bench.semantics.of_noise import Drawn, NoiseProbe, Told
from bench.semantics.variants import Variant
from models import Value

RATE = 0.2
LEAST = 1e-6  # p-value: one honest backend in a million is told to be another


def _layer(x: Value) -> Value:
    return x.dropout(rate=RATE, name="drop")


def _judge(drawn: Drawn) -> tuple[Told, str]:
    kept = sum(int(each.sum()) for each in drawn)
    total = sum(each.size for each in drawn)
    told = {}
    said = [f"kept {kept} of {total}"]
    for variant in VARIANTS:
        due = SHARES[variant.name]
        found = two_sided(kept, total, due)
        told[variant.name] = "" if found >= LEAST else f"p {found:.2g}"
        said.append(f"p {found:.2g} for {due:g}")
    return told, f"{', '.join(said)}; two-sided binomial, bound {LEAST:g}"


def two_sided(kept: int, total: int, share: float) -> float:
    """p-value of a count: twice the lesser of the two tails that it stands in."""
    low = special.bdtr(kept, total, share)
    high = special.bdtrc(kept - 1, total, share) if kept else 1.0
    return float(min(1.0, 2 * min(low, high)))


VARIANTS = (
    Variant("drops", "dropped with probability rate", "torch, Keras, TF2, Flax, ONNX"),
    Variant("keeps", "kept with probability rate", "tf.nn.dropout of TF1 (keep_prob)"),
    Variant("half", "dropped with 1/2, whatever is asked", "an argument left out"),
    Variant("never", "nothing is dropped", "graphs traced in eval mode"),
)
SHARES = {"drops": 1 - RATE, "keeps": RATE, "half": 0.5, "never": 1.0}
PROBE = NoiseProbe(
    about="share that dropout drops",
    ops=("dropout",),
    layer=_layer,
    shape=(100, 100),
    calls=2,
    variants=VARIANTS,
    judge=_judge,
)
