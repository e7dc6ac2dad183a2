"""What stochastic depth drops as one: a sample, a batch, or single elements."""

from __future__ import annotations

from bench.semantics.of_noise import Drawn, NoiseProbe, Told
from bench.semantics.variants import Variant
from models import Value

BATCH, CALLS = 32, 8


def _layer(x: Value) -> Value:
    return x.drop_path(rate=0.5, name="path")


def _judge(drawn: Drawn) -> tuple[Told, str]:
    whole = [bool((each == each[:, :1]).all()) for each in drawn]
    alike = [bool((each == each[:1]).all()) for each in drawn]
    kept = sum(int(each.all(axis=1).sum()) for each in drawn)
    if not all(whole):
        name = "element"
    elif not all(alike):
        name = "sample"
    else:
        # all that is kept in each call may still be one number for the batch, by chance
        name = "never" if kept == BATCH * CALLS else "batch"
    told = {each.name: "" if each.name == name else "seen" for each in VARIANTS}
    # of samples that are drawn each by itself, all agree in every call with this chance
    chance = 0.5 ** ((BATCH - 1) * CALLS)
    calls = (
        f"{sum(whole)} of {CALLS} calls drop rows whole, {sum(alike)} all rows alike"
    )
    return told, f"{calls}, {kept} of {BATCH * CALLS} kept; by chance {chance:.0e}"


VARIANTS = (
    Variant("sample", "a mask number for each sample", "timm, torchvision's row, Flax"),
    Variant(
        "batch", "one for the whole batch", "Huang et al. 2016; torchvision's batch"
    ),
    Variant("element", "one for each element: dropout", "a mask of the whole shape"),
    Variant("never", "nothing is dropped", "graphs traced in eval mode"),
)
PROBE = NoiseProbe(
    about="what stochastic depth drops as one",
    ops=("dropout",),
    layer=_layer,
    shape=(BATCH, 8),
    calls=CALLS,
    variants=VARIANTS,
    judge=_judge,
    rows=True,
)
