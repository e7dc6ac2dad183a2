"""The pages of the zoo are those that its files make, and say what differs between graphs."""

from __future__ import annotations

from dataclasses import replace

import pytest

import models
from models import differences, pages
from models.builder import Builder
from models.graph import Graph
from tests.zoo import tiny


@pytest.mark.parametrize("family", models.names())
def test_a_page_is_what_the_file_says(family: str) -> None:
    due = pages.FOLDER.joinpath(f"{family}.md").read_text(encoding="utf-8")
    assert pages.page(family) == due, "run `python -m models.pages`"


def test_each_page_has_its_model() -> None:
    assert sorted(path.stem for path in pages.FOLDER.glob("*.md")) == models.names()


def test_notes_and_dead_names_of_a_file_stand_on_its_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = models.module("videopose3d")
    monkeypatch.setattr(file, "NOTES", ("Nobody has seen 351 frames.",), raising=False)
    monkeypatch.setattr(file, "DEAD", ("*.spare",), raising=False)
    page = pages.page("videopose3d")
    assert "- Nobody has seen 351 frames." in page
    assert "`import` leaves out: `*.spare`" in page


def test_a_page_says_where_other_losses_stand() -> None:
    page = pages.page("pose2mesh")
    assert page.count("where a recipe gives no other") == 3
    assert page.count("[models/zoo/pose2mesh.yaml]") == 3


def graph(*, train: bool) -> Graph:
    g = Builder("flat.train" if train else "flat.infer")
    x = g.input("keypoints", ("batch", 4))
    if train:
        x = x + g.noise("jitter", x.shape, kind="normal", number=2.0)
    x = x.linear(4, name="head" if train else "other")
    pose = x.sum(axis=1, keepdims=train)
    g.output("pose", pose)
    if train:
        g.output("loss", pose.mean(axis=(0, 1), keepdims=False))
    return g.finish()


def test_every_kind_of_difference_is_named() -> None:
    spec = replace(
        tiny("videopose3d"), train=graph(train=True), infer=graph(train=False)
    )
    told = differences.between(spec)
    assert told == (
        "output pose: (batch, 1) float32 in train, (batch) float32 in infer",
        "output of train alone: loss () float32",
        "noise of train alone: 1 x normal 2",
        "parameters of train alone: head.weight, head.bias",
        "parameters of infer alone: other.weight, other.bias",
        "ops of train beside those of both: 1 x add",
        "keepdims of sum: True in train, False in infer",
        "ops of the loss: 1 x mean",
    )


@pytest.mark.parametrize("name", models.networks())
def test_graphs_that_are_the_same_differ_in_nothing(name: str) -> None:
    spec = tiny(name)
    assert differences.between(replace(spec, train=spec.infer)) == ()
    assert differences.between(spec)
