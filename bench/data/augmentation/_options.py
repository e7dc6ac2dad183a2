"""Kinds of numbers that steps take, with their bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Share = Annotated[float, Field(ge=0, le=1)]
# degrees, millimetres, seconds: no unit in which a million makes sense
Spread = Annotated[float, Field(ge=0, le=1e6)]
Factor = Annotated[float, Field(ge=0.01, le=100)]
