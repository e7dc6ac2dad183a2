"""Tables beside the findings: what is in them is in the records, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import records
from bench.__main__ import main
from bench.commands import _scores
from bench.records import Evaluation, Metric, Record
from tests.bench.commands.command_line import Said
from tests.bench.commands.test_measuring import DROPLESS, ONE, QUICK, TRAINING
from tests.reports import sample_run


def evaluated(*metrics: Metric) -> Record:
    payload = Evaluation(
        data="synthetic",
        protocol="some",
        protocol_hash="abcdef123456",
        protocol_text="some",
        averaging="action",
        test_poses=4,
        metrics=metrics,
    )
    return sample_run.record(payload)


def metric(name: str, value: float, **more: object) -> Metric:
    about = {"name": name, "unit": "mm", "better": "lower"}
    means = {"frame_wise": 99.0, "action_wise": value}
    return Metric.model_validate({**about, **means, **more})


def test_alignment_is_read_by_the_mean_of_the_headline(capsys: Said) -> None:
    record = evaluated(metric("MPJPE", 41.25), metric("PA-MPJPE", 30.5))
    _scores.procrustes([record])
    (head, row) = capsys.readouterr().out.splitlines()
    assert head.split() == ["scored", "headline", "mm", "PA-MPJPE", "mm", "protocol"]
    said = row.split()
    assert said[-5:] == ["MPJPE", "41.2", "30.5", "some", "abcdef123456"]
    _scores.procrustes([evaluated(metric("MPJPE", 41.25))])
    assert "not measured" in capsys.readouterr().out


def test_joints_are_rows_in_the_order_of_the_record(capsys: Said) -> None:
    record = evaluated(metric("MPJPE", 1.0, per_joint={"Hip": 0.0, "Head": 71.04}))
    _scores.per_joint([record])
    _, hip, head = capsys.readouterr().out.splitlines()
    assert hip.split() == ["Hip", "0.0"] and head.split() == ["Head", "71.0"]


def test_evaluate_shows_them_where_they_are_asked_for(here: Path, capsys: Said) -> None:
    options = (*QUICK, *TRAINING, *DROPLESS)
    assert main(["evaluate", *ONE, *options, "--procrustes", "--per-joint"]) == 0
    told = capsys.readouterr().out
    (folder,) = (here / "runs").iterdir()
    found = [
        record.payload
        for record in records.load(folder).records
        if isinstance(record.payload, Evaluation)
    ]
    scored = {one.name: one for one in found[0].metrics}
    aligned = scored["PA-MPJPE"].action_wise
    (row,) = [
        line
        for line in told.splitlines()
        if line.startswith("simple_baseline on numpy")
    ]
    assert f"{aligned:.1f}" in row
    for joint, error in scored["MPJPE"].per_joint.items():
        assert any(
            line.split()[0] == joint and line.split()[-1] == f"{error:.1f}"
            for line in told.splitlines()
            if line.split()
        )
    assert "mean pose" in told
    # finished cells are shown again, without a word of it where it is not asked for
    assert main(["evaluate", "--resume", str(folder)]) == 0
    assert "PA-MPJPE mm" not in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--procrustes", "--per-joint"])
def test_who_scores_nothing_has_no_such_option(option: str, capsys: Said) -> None:
    assert main(["train", *ONE, option]) == 2
    assert f"No such option: {option}" in capsys.readouterr().err
