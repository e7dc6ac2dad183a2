"""Probes of an op: a small graph on inputs by which the variants differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backends.base import Backend, Settings
from bench.exam import probe as exam
from bench.exam.question import Question
from bench.exam.questions import describe
from bench.semantics.variants import Found, Variant, named
from models import ops
from models.ops import Case
from models.optim import Optimizer
from models.spec import Spec


@dataclass(frozen=True)
class Input:
    """One call of an op."""

    op: str
    operands: tuple[np.ndarray | float, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def probe(self) -> exam.Probe:
        """As the op exam puts it."""
        return exam.Probe(self.op, self.operands, self.attributes)


@dataclass(frozen=True, kw_only=True)
class OpProbe:
    """A meaning of one op, asked by one call or several. Variants give one result each."""

    about: str
    inputs: tuple[Input, ...]
    variants: tuple[Variant, ...]
    result: int = 0  # which of the op's results
    less: float = 0.0  # subtracted from results: what all variants have in common
    open: str = ""
    device: str = ""
    numbers: str = ""  # what the exam says of such numbers, for gaps that speak of it

    @property
    def ops(self) -> tuple[str, ...]:
        """Of its calls."""
        return tuple(dict.fromkeys(one.op for one in self.inputs))

    @property
    def rules(self) -> tuple[str, ...]:
        """None: it is about no optimizer."""
        return ()

    def asked(self, backend: Backend, device: str) -> Found:
        """Run its calls, and compare."""
        settings = Settings(device=device)
        came = []
        for one in self.inputs:
            results = one.probe().run(backend, settings)
            came.append(results[self.result] - self.less)
        return named(came, {each.name: self.due(each) for each in self.variants})

    def due(self, variant: Variant) -> list[np.ndarray]:
        """What a variant gives in float64."""
        return [self._given(one, variant) - self.less for one in self.inputs]

    def given(self, variant: Variant, op: str, operands: Any, attributes: Any) -> Any:
        """All results of an op in which one has the variant's meaning."""
        right = ops.get(op).reference(*operands, **attributes)
        if variant.gives is None:
            return right
        wrong = variant.gives(*operands, **attributes)
        if not isinstance(right, tuple):
            return wrong
        return tuple(wrong if i == self.result else one for i, one in enumerate(right))

    def _given(self, one: Input, variant: Variant) -> np.ndarray:
        operands = [
            operand.astype(np.float64)
            if isinstance(operand, np.ndarray) and operand.dtype.kind == "f"
            else operand
            for operand in one.operands
        ]
        # infinite is an answer too
        with np.errstate(all="ignore"):
            found = self.given(variant, one.op, operands, one.attributes)
        results = found if isinstance(found, tuple) else (found,)
        return np.asarray(results[self.result])

    def concerns(self, spec: Spec, optimizer: Optimizer, variant: str) -> bool:
        """Whether a model has one of its ops."""
        used = spec.train.census().keys() | spec.infer.census().keys()
        return bool(used & set(self.ops))

    def excuse(self, backend: Backend, device: str) -> str:
        """A gap that the exam would take for one of its calls."""
        settings = Settings(device=device)
        for one in self.inputs:
            shapes = tuple(np.shape(operand) for operand in one.operands)
            case = describe(Case(shapes, one.attributes))
            text = f"{case} {self.numbers}".strip()
            question = Question(backend, settings, one.probe(), text)
            if gap := question.gap("value"):
                return gap.reason
            if inherited := question.inherited("value"):
                return inherited
        return ""
