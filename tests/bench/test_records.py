"""Records: what is written comes back, and half a line never hurts.

A misspelt field is an error.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from bench import records
from bench.coordinator.run import resumed
from bench.records import (
    Baseline,
    Baselines,
    Check,
    Evaluation,
    Parity,
    Payload,
    Record,
)
from models.errors import BadInput
from tests.reports import sample_run

# a run as the last version of schema 1 wrote it, of invented numbers
SCHEMA_1 = Path(__file__).parent / "schema_1"
PAYLOADS = (
    sample_run.feasibility(),
    sample_run.parity(),
    sample_run.exam(gaps={"conv": "none"}),
    sample_run.training(),
    sample_run.training(last=None),
    sample_run.evaluation(),
    sample_run.throughput(),
    sample_run.throughput(
        sample_run.timing(seconds=None, lies=("too quick",)), noise_floor=None
    ),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return sample_run.write(tmp_path / "run", [])


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.task)
def test_every_payload_survives_json(payload: Payload) -> None:
    record = sample_run.record(
        payload, config={"width": 16, "preset": "small"}, peak_rss_bytes=1 << 30
    )
    again = Record.model_validate_json(record.model_dump_json())
    assert again == record
    assert type(again.payload) is type(payload)
    assert (
        Record.model_validate(json.loads(json.dumps(record.model_dump(mode="json"))))
        == record
    )


def test_all_kinds_are_covered() -> None:
    assert {payload.task for payload in PAYLOADS} == {
        "feasibility",
        "parity",
        "shape_ops",
        "train",
        "evaluate",
        "throughput",
    }


def test_a_number_that_is_none_comes_back_as_none_and_is_never_zero(
    folder: Path,
) -> None:
    check = Check(
        kind="forward",
        name="pose",
        error=float("inf"),
        bound=1e-5,
        ok=False,
        graph="infer",
    )
    records.append(folder, sample_run.record(Parity(checks=(check,)), status="failed"))
    (record,) = records.load(folder).records
    assert isinstance(record.payload, Parity)
    assert record.payload.checks[0].error is None and not record.payload.checks[0].ok


def test_a_run_is_read_back(folder: Path) -> None:
    for record in sample_run.mixed():
        records.append(folder, record)
    run = records.load(folder)
    assert run.info == sample_run.info()
    assert run.records == tuple(sample_run.mixed())
    assert run.folder == folder


def test_the_last_record_of_a_cell_wins_and_keeps_its_place(folder: Path) -> None:
    first = sample_run.record(None, task="train", status="crashed", reason="killed")
    other = sample_run.record(sample_run.parity())
    again = sample_run.record(sample_run.training())
    for record in (first, other, again):
        records.append(folder, record)
    assert records.load(folder).records == (again, other)


@pytest.mark.parametrize(
    "change",
    [
        {"backend": "jax"},
        {"model": "motionbert"},
        {"device": "cuda"},
        {"precision": "bf16"},
    ],
)
def test_what_makes_a_cell(folder: Path, change: dict[str, str]) -> None:
    record = sample_run.record(sample_run.parity())
    records.append(folder, record)
    records.append(folder, record.model_copy(update=change))
    assert len(records.load(folder).records) == 2


def test_a_torn_last_line_is_left_out_and_does_not_spoil_the_next(folder: Path) -> None:
    good = sample_run.record(sample_run.parity())
    records.append(folder, good)
    path = folder / "records.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    assert records.load(folder).records == (good,)
    later = sample_run.record(sample_run.training())
    records.append(folder, later)
    assert records.load(folder).records == (good, later)


def test_a_torn_first_line_is_left_out(folder: Path) -> None:
    (folder / "records.jsonl").write_bytes(b'{"task": "par')
    assert records.load(folder).records == ()
    records.append(folder, sample_run.record(sample_run.parity()))
    assert len(records.load(folder).records) == 1


def test_a_broken_line_is_named_and_put_aside_and_the_others_count(
    folder: Path,
) -> None:
    first = sample_run.record(sample_run.parity())
    later = sample_run.record(sample_run.training())
    path, aside = folder / records.FILE, folder / records.ASIDE
    records.append(folder, first)
    broken = [b'{"task": "par', b"\xff\xfe", b"[1]", b"[" * 5000, b'{"a": 1}']
    with path.open("ab") as file:
        file.write(b"\n".join(broken) + b"\n\n")
    records.append(folder, later)
    run = records.load(folder)
    assert run.records == (first, later)
    assert run.broken == (2, 3, 4, 5, 6)
    assert not aside.exists(), "who reads changes nothing"
    assert records.mend(folder) == run.broken
    assert records.load(folder).records == (first, later)
    assert records.mend(folder) == ()
    assert aside.read_bytes().splitlines() == broken


@pytest.mark.parametrize("name", ["run.json", "records.jsonl"])
def test_another_schema_is_refused_in_one_line(folder: Path, name: str) -> None:
    records.append(folder, sample_run.record(sample_run.parity()))
    path = folder / name
    text = path.read_text()
    now = f'"schema_version":{records.SCHEMA}'
    assert now in text
    path.write_text(text.replace(now, '"schema_version":3'))
    said = f"is of schema 3, and this version reads schema {records.SCHEMA}"
    with pytest.raises(BadInput, match=said):
        records.read(folder)
    with pytest.raises(BadInput, match=said):
        records.mend(folder)


def test_a_run_of_schema_1_is_read_and_its_baselines_are_a_record_of_their_own() -> (
    None
):
    run = records.read(SCHEMA_1)
    assert run.migrated and run.info.schema_version == records.SCHEMA
    assert {record.schema_version for record in run.records} == {records.SCHEMA}
    kept = [record.task for record in run.records]
    assert kept.index("baselines") == kept.index("evaluate") - 1
    alone = run.records[kept.index("baselines")]
    scored = run.records[kept.index("evaluate")].payload
    assert isinstance(alone.payload, Baselines) and isinstance(scored, Evaluation)
    assert (alone.backend, alone.model, alone.seconds) == ("", "", None)
    assert alone.payload.protocol_hash == scored.protocol_hash
    # every number as it stood in the file
    text = (SCHEMA_1 / records.FILE).read_text()
    (evaluated,) = [line for line in text.splitlines() if '"baselines":' in line]
    was = json.loads(evaluated)["payload"]
    assert alone.payload.baselines == tuple(
        Baseline.model_validate(each) for each in was["baselines"]
    )
    assert scored.metrics[0].frame_wise == was["metrics"][0]["frame_wise"]


def test_a_run_of_schema_1_is_not_gone_on_with() -> None:
    with pytest.raises(BadInput, match=r"older schema than 2: it can be read, and not"):
        resumed(SCHEMA_1)


def test_what_schema_2_has_no_counterpart_of_is_refused_by_line(folder: Path) -> None:
    text = (SCHEMA_1 / records.FILE).read_text()
    strange = text.replace('"result":"passed"', '"result":"not_applicable"')
    assert strange != text
    (folder / records.FILE).write_text(strange)
    with pytest.raises(BadInput, match=r"records.jsonl, line 6: a record of schema 1"):
        records.read(folder)


def test_records_of_some_tasks_are_read_without_the_others(folder: Path) -> None:
    for payload in (sample_run.parity(), sample_run.throughput()):
        records.append(folder, sample_run.record(payload))
    with (folder / records.FILE).open("ab") as file:
        file.write(b'{"task": "parity", "broken": }\n{"task": "throughput"}\nx\n')
    run = records.load(folder, tasks=("throughput",))
    assert [record.task for record in run.records] == ["throughput"]
    # what is broken in a line of another task is not looked for
    assert run.broken == (4, 5)


def test_a_folder_without_run_json_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        records.load(tmp_path)


@pytest.mark.parametrize("kind", ["record", "check", "info"])
def test_a_misspelt_field_is_refused(kind: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        match kind:
            case "record":
                sample_run.record(None, task="train", secnds=1.0)
            case "check":
                Check.model_validate(
                    {
                        "kind": "a",
                        "name": "b",
                        "error": 0,
                        "bound": 0,
                        "ok": True,
                        "eror": 0,
                    }
                )
            case "info":
                sample_run.info(comand="x")


def test_a_status_nobody_knows_and_a_changed_record_are_refused() -> None:
    with pytest.raises(ValidationError, match="status"):
        Record.model_validate({"task": "train", "backend": "torch", "status": "fine"})
    with pytest.raises(ValidationError, match="frozen"):
        # what is tested
        sample_run.record(None, task="train").reason = "another"  # type: ignore[misc]
