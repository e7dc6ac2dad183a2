"""What TensorFlow is known not to do."""

from __future__ import annotations

from backends.base import Gap

GAPS: dict[str, str] = {}  # op -> why TensorFlow cannot; nothing is missing
_NOT_FINITE = "of NaN and infinity$"
PART_GAPS = (
    Gap("conv conv_transpose", "convolutions take no int64", dtype="int64"),
    # a processor with instructions of float16 adds up in float32, as PyTorch's gap has it
    Gap(
        "conv_transpose",
        "what the places of a kernel add to is rounded to float16 each time",
        dtype="float16",
        question="bias",
        device="cpu",
        varies=True,
    ),
    Gap(
        "take",
        "the gradient of gather cannot reshape nothing, unless along the first axis",
        question="gradient",
        case=r"^(\d+x)*0(x\d+)*, 0;",
        varies=True,
    ),
    *(
        Gap(
            "softmax",
            "beside infinity, the weight of minus infinity is 0 and no NaN",
            mode=mode,
            case=_NOT_FINITE,
        )
        for mode in ("graph", "eager")  # XLA's has it right
    ),
    *(
        Gap(
            "argsort sort",
            "top_k compares with NaN, which is neither less nor more, and orders nothing",
            mode=mode,
            case=_NOT_FINITE,
        )
        for mode in ("graph", "eager")  # XLA sorts it as the largest
    ),
    Gap("max_pool", "max_pool passes over NaN", case=_NOT_FINITE, varies=True),
    Gap("argmax argmin", "they pass over NaN", case=_NOT_FINITE),
    Gap(
        "batch_norm_train",
        "XLA cubes the reciprocal of a root in float16, which overflows at a variance of 0",
        dtype="float16",
        mode="compiled",
        question="gradient",
        case="of zeros$",
    ),
)
