"""Numbers for people: four significant digits, and None as "not measured".

The unit stands in the column's title, and the name of a function here says which it is.
"""

from __future__ import annotations

import math

from reports.blocks import NOT_MEASURED

# Timings repeat to a per cent or so, and an error matters by its order: a fifth digit would
# be noise.
DIGITS = 4
# Outside this range a row of zeros is harder to read than a power of ten.
PLAIN = (1e-3, 1e9)


def number(value: float | None) -> str:
    """Four significant digits: 12,350 and 0.01235 and 1.235e-07.

    None is "not measured", NaN and infinity "not finite".
    """
    if value is None:
        return NOT_MEASURED
    if not math.isfinite(value):
        return "not finite"
    # Zero has no power of ten, and no digits to show: it is exact.
    if value == 0:
        return "0"
    # Rounded first: 9.9999 has one digit more before the point than it seems.
    rounded = float(f"{value:.{DIGITS - 1}e}")
    if not PLAIN[0] <= abs(rounded) < PLAIN[1]:
        return f"{value:.{DIGITS - 1}e}"
    # As many after the point as are left of the four; 12,345 shows as 12,350 and none.
    decimals = DIGITS - 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(decimals, 0)}f}"


def scaled(value: float | None, factor: float) -> str:
    """`number` of value x factor, for a change of unit."""
    return number(None if value is None else value * factor)


def count(value: int | None) -> str:
    """A whole number with every digit."""
    return NOT_MEASURED if value is None else f"{value:,}"


def milliseconds(seconds: float | None) -> str:
    """Seconds as ms."""
    return scaled(seconds, 1e3)


def millions(value: int | None) -> str:
    """A count in M."""
    return scaled(value, 1e-6)


def gigaflops(flops: int | None) -> str:
    """FLOPs as GFLOP."""
    return scaled(flops, 1e-9)


def mebibytes(size: int | None) -> str:
    """Bytes as MiB."""
    return scaled(size, 2.0**-20)


def percent(ratio: float | None) -> str:
    """A ratio as per cent, with its sign."""
    return NOT_MEASURED if ratio is None else f"{scaled(ratio, 100)} %"


def interval(low: float | None, high: float | None, *, factor: float = 1.0) -> str:
    """Both ends of an interval in one cell; not measured unless both are."""
    if low is None or high is None:
        return NOT_MEASURED
    return f"{scaled(low, factor)} to {scaled(high, factor)}"
