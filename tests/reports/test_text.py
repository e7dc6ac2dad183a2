"""How numbers and names are written: four digits, units, and no markup from anyone's name."""

from __future__ import annotations

import math

import pytest

from reports import blocks, cells, markdown, numbers

SHOWN = {
    None: "not measured",
    0.0: "0",
    12.3: "12.30",
    12345.6: "12,350",
    0.0012345: "0.001234",
    # Rounding carries into one digit more, which must not show as a fifth.
    9.99996: "10.00",
    -71.254: "-71.25",
    2.1e-7: "2.100e-07",
    math.nan: "not finite",
    math.inf: "not finite",
    # Just below and far above where zeros begin to be counted.
    0.00099994: "9.999e-04",
    3e12: "3.000e+12",
}


@pytest.mark.parametrize(("value", "shown"), SHOWN.items())
def test_four_digits(value: float | None, shown: str) -> None:
    assert numbers.number(value) == shown


def test_units() -> None:
    assert numbers.milliseconds(0.00412) == "4.120"
    assert numbers.millions(4_292_659) == "4.293"
    assert numbers.gigaflops(8_560_000) == "0.008560"
    assert numbers.mebibytes(1 << 30) == "1,024"
    assert numbers.percent(0.021) == "2.100 %"
    assert numbers.count(1234) == "1,234"


def test_what_was_not_measured_has_no_unit() -> None:
    assert {
        numbers.milliseconds(None),
        numbers.count(None),
        numbers.interval(1.0, None),
        numbers.percent(None),
    } == {"not measured"}


ESCAPED = {
    "a|b": "a\\|b",
    "two\n\nlines": "two lines",
    # Inside a word an underscore is no emphasis.
    "x_y _z_": "x_y \\_z\\_",
    "<script>": "&lt;script&gt;",
    "a & b": "a &amp; b",
    # A character that turns the direction of what follows.
    "bidi \u202e x": "bidi x",
}


@pytest.mark.parametrize(("text", "shown"), ESCAPED.items())
def test_escape(text: str, shown: str) -> None:
    assert markdown.escape(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# no title", "\\# no title"),
        ("- no item", "\\- no item"),
        ("1. no list", "1\\. no list"),
        ("1.5 mm", "1.5 mm"),
    ],
)
def test_a_line_is_never_a_title_or_a_list(text: str, shown: str) -> None:
    assert markdown.block(blocks.text(text)) == shown


def test_code_survives_backticks_and_pipes() -> None:
    assert markdown.code("a`b``c") == "``` a`b``c ```"
    assert "`a\\|b`" in markdown.block(blocks.table([{"x": blocks.Code("a|b")}]))


def test_a_cell_no_row_fills_was_not_measured() -> None:
    table = blocks.table([{"a": "1", "b": "2"}, {"a": "3"}])
    assert "not measured" in markdown.block(table)


def test_file_names_come_from_no_ones_name() -> None:
    assert (
        cells.slug("../../etc", "a b/c") == "etc-a-b-c"
        and cells.slug("..") == "unnamed"
    )


def test_a_link_is_escaped_in_its_words_and_in_its_target() -> None:
    one = blocks.Link("a]*b*", "manifests/a b)(.yaml#L3")
    assert markdown.inline(one) == "[a\\]\\*b\\*](manifests/a%20b%29%28.yaml#L3)"
