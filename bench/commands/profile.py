"""Time a model call by call: which ops, at which lines.

With several backends the report says which op one of them lags behind by.
"""

from __future__ import annotations

from bench.commands import measuring

EXAMPLES = (
    "profile --backend torch --model motionbert",
    "profile --backend torch --backend onnx --model videopose3d",
)
command = measuring(["profile"], __doc__)
