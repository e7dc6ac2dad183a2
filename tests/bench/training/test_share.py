"""A shorter training is shorter in all that is counted in steps."""

from __future__ import annotations

import pytest

import models
from bench import config


def settled(*overrides: str) -> config.Config:
    return config.load(
        profile="smoke",
        file=None,
        overrides=overrides,
        options={},
        models=models.names(),
    )


@pytest.mark.parametrize("model", models.names())
def test_share_holds_for_steps_and_for_the_steps_between_validations(
    model: str,
) -> None:
    whole = settled().model[model].train
    half = settled("share=0.5").model[model].train
    assert half.steps == round(whole.steps / 2)
    # a training cut short would else end before its first validation
    assert half.validate_every == round(whole.validate_every / 2)
    assert half.validation_windows == whole.validation_windows, "windows are no steps"


def test_what_was_asked_for_by_name_is_not_shared_out() -> None:
    name = "simple_baseline"
    asked = settled("share=0.5", f"model.{name}.train.validate_every=7").model[name]
    assert asked.train.validate_every == 7
    assert asked.train.steps == round(settled().model[name].train.steps / 2)


def test_the_smallest_share_leaves_a_step() -> None:
    train = settled("share=0.00001").model["motionbert"].train
    assert (train.steps, train.validate_every) == (1, 1)
