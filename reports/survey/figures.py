"""The survey's figures: error over the years by category, error against parameters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from reports import plot
from reports.plot import Dot
from reports.survey.entries import Category, Method, Result, Survey
from reports.survey.page import Known

DATA = "human36m"
ERROR = "published MPJPE on Human3.6M (mm)"
SPREAD = 0.8  # of a year's width, for its dots side by side
Groups = dict[str, list[Dot]]


def draw(survey: Survey, known: Mapping[str, Known], folder: Path) -> None:
    """Write both figures into a folder that is there."""
    plot.dots(folder / "survey-years.png", years(survey), x="year", y=ERROR)
    plot.dots(
        folder / "survey-parameters.png",
        parameters(survey, known),
        x="parameters (millions)",
        y=ERROR,
        log=True,
    )


def leading(method: Method) -> Result | None:
    """The least error on Human3.6M that may stand beside others: of no truth in any part."""
    standing = [one for one in method.results if _stands(one)]
    return min(standing, key=lambda one: one.mpjpe or 0, default=None)


def _stands(one: Result) -> bool:
    told = one.mpjpe is not None and one.data == DATA
    return told and one.input != "truth" and not one.aside


def years(survey: Survey) -> Groups:
    """A dot for each method that has a number: its leading one, in its year."""
    by_year = defaultdict(list)
    for method in survey.methods.values():
        one = leading(method)
        if one is not None and one.mpjpe is not None:
            by_year[method.year].append((one.mpjpe, method, one))
    groups = _empty()
    for year, found in by_year.items():
        found.sort(key=lambda each: each[0])
        for place, (error, method, one) in enumerate(found):
            # side by side within its year, or names would lie upon each other
            x = year + SPREAD * ((place + 0.5) / len(found) - 0.5)
            dot = Dot(x, error, _name(method), one.input == "unstated")
            groups[method.category[0]].append(dot)
    return groups


def parameters(survey: Survey, known: Mapping[str, Known]) -> Groups:
    """A dot for each method whose number is of a variant with a known size."""
    groups = _empty()
    for key, here in known.items():
        method = survey.methods[key]
        sized = [
            (one.mpjpe or 0, one)
            for one in method.results
            if _stands(one) and (one.preset or one.millions)
        ]
        if not sized:
            continue
        error, one = min(sized, key=lambda each: each[0])
        counted = here.counts[one.preset] / 1e6 if one.preset else None
        dot = Dot(
            counted or one.millions or 0, error, _name(method), hollow=counted is None
        )
        groups[method.category[0]].append(dot)
    return groups


def _empty() -> Groups:
    """A group for each category, in one order: its colour is the same in every figure."""
    return {name: [] for name in get_args(Category)}


def _name(method: Method) -> str:
    """Short: without its authors."""
    return method.title.partition(",")[0]
