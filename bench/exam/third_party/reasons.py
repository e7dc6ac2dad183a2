"""Why an ONNX operator is outside the language.

Listed are those of which more is to say than that nothing has its meaning.
"""

from __future__ import annotations

_BY_REASON = {
    "the shape of the result depends on the data": (
        "Compress",
        "NonMaxSuppression",
        "NonZero",
        "StringSplit",
        "Unique",
    ),
    "makes a constant; nothing is computed from data": (
        "BlackmanWindow",
        "EyeLike",
        "HammingWindow",
        "HannWindow",
        "MelWeightMatrix",
    ),
    "control flow or a graph inside an operator": (
        "FlexAttention",
        "If",
        "Loop",
        "Scan",
        "SequenceMap",
    ),
    "sequences and optional values are no tensors": (
        "OptionalGetElement",
        "OptionalHasElement",
        "SequenceInsert",
        "SplitToSequence",
    ),
    "text, images or trees": (
        "ImageDecoder",
        "LabelEncoder",
        "RegexFullMatch",
        "StringConcat",
        "StringNormalizer",
        "TfIdfVectorizer",
        "TreeEnsemble",
    ),
    "bits of integers": (
        "BitCast",
        "BitShift",
        "BitwiseAnd",
        "BitwiseNot",
        "BitwiseOr",
        "BitwiseXor",
    ),
    "quantised numbers": (
        "ConvInteger",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "MatMulInteger",
        "QLinearConv",
        "QLinearMatMul",
        "QuantizeLinear",
    ),
    "random numbers of its own": ("Bernoulli",),
}
OPERATORS = {op: reason for reason, ops in _BY_REASON.items() for op in ops}
