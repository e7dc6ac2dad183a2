"""The one figure of a cell that a terminal shows."""

from __future__ import annotations

from bench.commands._summary import summary
from bench.records import Metric
from tests.reports import sample_payloads as payloads
from tests.reports.sample_run import record


def test_a_model_of_surfaces_tells_how_far_these_are_off() -> None:
    plain = payloads.evaluation()
    assert "MPVPE" not in summary(record(plain))
    means = {"frame_wise": 88.25, "action_wise": 91.0}
    surface = Metric(name="MPVPE", unit="mm", better="lower", **means)
    found = plain.model_copy(update={"metrics": (*plain.metrics, surface)})
    assert summary(record(found)).startswith("MPJPE 71.2 mm frame-wise, MPVPE 88.2 mm;")
    # by the mean that the protocol names; and once, where it is the headline
    by_action = found.model_copy(update={"averaging": "action"})
    assert "MPVPE 91.0 mm" in summary(record(by_action))
    first = found.model_copy(update={"headline": "MPVPE"})
    assert summary(record(first)).startswith("MPVPE 88.2 mm frame-wise; ")
