"""The model of a cell: losses know the skeleton of the run's protocol, and joints their weights."""

from __future__ import annotations

import pytest

from bench.config import Model, Train
from bench.coordinator.spec import body_of, build
from bench.data import protocols
from models.errors import UnknownName

PROTOCOL = protocols.load("synthetic")


def test_a_loss_is_given_the_bones_of_the_protocol() -> None:
    train = Train(loss={"mpjpe": 1.0, "limb_length": 0.5})
    spec = build("simple_baseline", Model(preset="tiny", train=train), PROTOCOL)
    body = body_of(PROTOCOL, {})
    assert len(body.bones) == len(PROTOCOL.joints) - 1, "a tree"
    assert body.weights is None
    assert "limb_length" not in spec.train.inputs, "bones are no input"


def test_weights_are_by_joint_name_and_one_where_left_out() -> None:
    weights = body_of(PROTOCOL, {"RWrist": 4.0}).weights
    assert weights is not None
    assert weights[PROTOCOL.joints.index("RWrist")] == 4.0
    assert sum(weights) == len(PROTOCOL.joints) + 3


def test_a_weight_of_no_joint_is_answered_with_the_nearest() -> None:
    train = Train(loss={"weighted_mpjpe": 1.0}, joint_weights={"RWirst": 4.0})
    with pytest.raises(UnknownName, match="did you mean RWrist"):
        build("simple_baseline", Model(preset="tiny", train=train), PROTOCOL)
