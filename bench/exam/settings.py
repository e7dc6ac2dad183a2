"""How ops are examined: the exam's part of a configuration."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from bench.kinds import Natural, Seconds, Strict

Dtype = Literal["float32", "float16", "bfloat16", "int64", "int32", "bool"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)


class Exam(Strict):
    """Size of the op exam.

    Modes are the customary way of a framework, op by op (eager), and its compiler; a
    compiler that is not customary gets one case of each op, type and arrangement, since every
    one is compiled. The seed of generated cases is that of the run.
    """

    modes: tuple[Literal["customary", "eager", "compiled"], ...] = Field(
        default=("customary",), min_length=1
    )
    dtypes: tuple[Dtype, ...] = Field(default=DTYPES, min_length=1)
    cases: Natural = 0  # own cases of each op in float32; 0: all
    # which cases are put with open axes, in other layouts, by negative axes, with a number
    # for a tensor too; together: the first, in as many of these ways at once as can be
    variants: Literal["none", "together", "first", "all"] = "first"
    # which cases are put with zeros, ties, large means and other numbers that faults like
    numbers: Literal["none", "first", "all"] = "first"
    # which cases are put in types other than float32
    typed: Literal["first", "all"] = "first"
    # random cases of each op in the customary mode, of ranks 1 to 5 in turn
    generated: Natural = 0
    # questions that share a program may take so long, and so may one alone; then their process
    # is killed, and the exam goes on in another
    seconds: Seconds = 60
