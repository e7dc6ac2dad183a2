"""erf by exp and a polynomial: Abramowitz and Stegun 1964, formula 7.1.26.

erf(x) = sign(x) (1 - P(t) exp(-x^2)) with t = 1 / (1 + 0.3275911 |x|).
"""

from __future__ import annotations

from models.value import Value

ABOUT = "exp and a polynomial of five terms"
ERROR = 1.5e-7  # absolute, as the source has it; the largest value is 1
SLOPE = 0.3275911
TERMS = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def route(x: Value) -> Value:
    """The error function, element by element."""
    size = x.abs()
    t = 1 / (size * SLOPE + 1)
    polynomial = t * TERMS[-1]
    for term in reversed(TERMS[:-1]):
        polynomial = (polynomial + term) * t
    return x.sign() * (1 - polynomial * (-(size * size)).exp())
