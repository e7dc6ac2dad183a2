"""Which question a finding answers, and for whom: what a model does not use never decides."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from backends.numpy.backend import NumpyBackend
from bench.config import Config, Model
from bench.coordinator.job import Job
from bench.feasibility import task
from bench.records import Check, Exam, Feasibility, OpNeed, Parity, Record
from reports.verdict import Verdict
from tests.reports import sample_run as sample
from tests.reports.judged import beside, instead, of, told, verdicts, without


def only(items: list[Record]) -> Verdict:
    """The verdict on the one model of the good run, changed."""
    return of(items, "torch")


def wrong(kind: str, name: str, **rest: object) -> Check:
    """A failed check."""
    given = {"error": 0.5, "bound": 1e-5, "ok": False} | rest
    error = given.pop("error")
    bound = given.pop("bound")
    return sample.check(kind, name, error, bound, **given)


def right(kind: str, name: str) -> Check:
    return sample.check(kind, name, 1e-7, 1e-5)


def raised(rung: str, **rest: object) -> Check:
    """A rung that could not be climbed to its end."""
    note = "TorchTrainer.apply raised ValueError: no (train.py:7)"
    return wrong("raised", rung, error=None, bound=0.0, note=note, **rest)


# Optimizers


def test_an_optimizer_that_the_model_is_not_trained_with_is_the_backends_matter() -> (
    None
):
    whole, model = verdicts(
        instead(sample.parity(more=(wrong("step", "rmsprop step 2: head.weight"),)))
    )
    assert model.answer == "yes" and told(model, "rmsprop") == []
    assert whole.answer == "yes with gaps"
    assert told(whole, "is trained with fail: rmsprop") == ["yes with gaps"]


def test_the_models_own_optimizer_decides() -> None:
    broken = wrong("step", "adam step 2: head.weight")
    model = only(instead(sample.parity(more=(broken,))))
    assert model.answers["computes"] == "no"
    assert told(model, "first step adam step 2") == ["no"]


def test_each_optimizer_may_be_the_models_where_no_record_says() -> None:
    broken = wrong("step", "rmsprop step 2: head.weight")
    silent = sample.parity(more=(broken,)).model_copy(update={"optimizer": ""})
    untrained = [item for item in instead(silent) if item.task != "train"]
    assert only(untrained).answers["computes"] == "no"
    # The training tells it, where the ladder is of before it did.
    assert only(instead(silent)).answers["computes"] == "yes"


STEPS = tuple(right("step", f"{rule} step 1: w") for rule in ("sgd", "adamw"))


@pytest.mark.parametrize(
    ("checks", "answer"),
    [
        # Adam has as many checks as the others: it was done.
        ((*STEPS, raised("step")), "yes"),
        # It has less, or nothing shows how many there ought to be.
        ((*STEPS, *STEPS, raised("step")), "no"),
        ((raised("step"),), "no"),
    ],
)
def test_a_rung_of_optimizers_that_broke_off_counts_until_the_models_own_is_done(
    checks: tuple[Check, ...], answer: str
) -> None:
    assert only(instead(sample.parity(more=checks))).answers["computes"] == answer


def test_an_optimizer_that_the_backend_does_not_have_is_no_gap_of_other_models() -> (
    None
):
    why = {"step": "no rmsprop here"}
    for checks, answer in ((STEPS, "yes"), ((*STEPS, *STEPS), "yes with gaps")):
        payload = sample.parity(more=checks).model_copy(update={"left_out": why})
        reason = "step: no rmsprop here"
        model = only(instead(payload, status="unsupported", reason=reason))
        # It has to do with training alone, whatever it is.
        assert (model.answers["computes"], model.answers["trains"]) == ("yes", answer)
        assert None in told(model, "left out step: no rmsprop here")


# Precisions


def test_a_half_that_fails_is_a_gap_of_the_run_that_asked_for_it() -> None:
    half = wrong("half", "bf16 pose", precision="bf16")
    model = only(instead(sample.parity(more=(half,)), precision="bf16"))
    assert model.answers["computes"] == "yes with gaps"
    assert told(model, "on cpu bf16 fail, first half bf16 pose") == ["yes with gaps"]
    assert told(model, "checks on cpu fp32 are within") == ["yes"]


def test_a_half_that_raises_is_no_more_than_a_gap_though_it_names_no_precision() -> (
    None
):
    model = only(instead(sample.parity(more=(raised("half"),)), precision="fp16"))
    assert model.answers["computes"] == "yes with gaps"
    assert told(model, "on cpu fp16 fail, first raised half") == ["yes with gaps"]


# Rungs


@pytest.mark.parametrize(
    ("rung", "computes", "trains"),
    [("gradient", "no", "yes"), ("trajectory", "yes", "no")],
)
def test_a_rung_that_raised_fails_the_question_that_it_serves(
    rung: str, computes: str, trains: str
) -> None:
    model = only(instead(sample.parity(more=(raised(rung),)), status="failed"))
    assert (model.answers["computes"], model.answers["trains"]) == (computes, trains)
    assert model.answer == "no"
    assert told(model, f"raised {rung} (TorchTrainer.apply raised ValueError") == ["no"]


def test_the_first_failure_is_one_of_those_that_decide() -> None:
    away = wrong("step", "rmsprop step 1: w")
    payload = sample.parity(more=(away, wrong("update", "weights: w")))
    first = {"first_failure": "step: rmsprop step 1: w"}
    model = only(instead(payload.model_copy(update=first)))
    assert told(model, "first update weights: w") == ["no"]


def test_what_a_ladder_left_out_is_said_and_decides_nothing() -> None:
    lengths = {"frames": "27 of 243, for time", "half": "nobody asked"}
    payload = sample.parity().model_copy(update={"left_out": lengths})
    model = only(instead(payload))
    assert model.answer == "yes"
    assert told(model, "left out frames: 27 of 243, for time; half: nobody") == [None]


def test_an_error_that_is_no_number_is_broken() -> None:
    lying = sample.check("forward", "pose3d", math.nan, 1e-5)
    assert only(instead(sample.parity(more=(lying,)))).answers["computes"] == "no"


# The exam


def exam_of(op: str, **change: object) -> Exam:
    """An exam in which one question on an op fails."""
    row = sample.exam().rows[-1].model_copy(update={"op": op, "result": "failed"})
    rows = (*sample.exam().rows, row.model_copy(update=change))
    return sample.exam().model_copy(update={"rows": rows})


@pytest.mark.parametrize(
    ("op", "change", "precision", "answer"),
    [
        ("batch_norm", {}, "fp32", "yes with gaps"),
        # Of the counters, which are whole numbers; nothing of the kind is multiplied.
        ("batch_norm", {"dtype": "int64"}, "fp32", "yes with gaps"),
        ("matmul", {"dtype": "int64"}, "fp32", "yes"),
        ("batch_norm", {"dtype": "bool"}, "fp32", "yes"),
        ("batch_norm", {"dtype": "float16"}, "fp32", "yes"),
        ("batch_norm", {"dtype": "float16"}, "fp16", "yes with gaps"),
        # Of the half that was asked for there is not one question.
        ("batch_norm", {"dtype": "float16"}, "bf16", "yes in part"),
        ("batch_norm", {"mode": "compiled"}, "fp32", "yes"),
        ("erf", {}, "fp32", "yes"),
    ],
)
def test_the_exam_counts_in_the_types_the_precision_and_the_mode_of_the_model(
    op: str, change: dict[str, object], precision: str, answer: str
) -> None:
    items = instead(exam_of(op, **change))
    asked = {"precision": precision}
    items = [item.model_copy(update=asked) if item.model else item for item in items]
    whole, model = verdicts(items)
    assert model.answers["computes"] == answer
    # Either way it is not passed over: what is not the model's is the backend's, but for a
    # half that nobody asked for.
    spared = change.get("dtype") == "float16" and precision != "fp16"
    assert told(whole, op) == [None if spared else "yes with gaps"]
    assert whole.answer == (answer if spared else "yes with gaps")


def test_a_failed_row_of_whole_numbers_does_not_count_against_a_model_of_floats() -> (
    None
):
    """What the feasibility of a model tells of its types, as it is really measured."""
    about = {"task": "feasibility", "backend": "numpy", "model": "simple_baseline"}
    config = Config(model={"simple_baseline": Model(preset="tiny")})
    job = Job.model_validate({**about, "config": config, "folder": Path()})
    needs = task.run(job, NumpyBackend(), "cpu", lambda text, share: None).payload
    assert needs is not None
    base = [item for item in instead(needs) if item.task != "shape_ops"]
    for dtype, failing in (("int64", 0), ("float32", 1)):
        exam = sample.record(exam_of("linear", dtype=dtype), model="")
        found = told(only([*base, exam]), "fail in the op exam: ")
        assert len(found) == failing, dtype


def test_exams_and_coverage_of_before_count_in_full() -> None:
    plain = Feasibility(
        graph_ops={"train": (OpNeed(op="batch_norm", count=5, via="kernel"),)},
        parameters=10,
        flops={},
    )
    trained = [item for item in without("feasibility") if item.task != "shape_ops"]
    for change, answer in (({"dtype": "bool"}, "yes with gaps"), ({}, "yes")):
        rows = exam_of("batch_norm", **change).rows
        # The first mode is that in which models run, the other the one that fails.
        compiled = [row.model_copy(update={"mode": "eager"}) for row in rows[:4]]
        mode = "eager" if change else "compiled"
        last = rows[-1].model_copy(update={"mode": mode})
        found = sample.record(Exam(rows=(*compiled, last)), model="")
        assert only([*trained, sample.record(plain), found]).answers["computes"] == (
            answer
        )


def test_known_gaps_of_an_op_that_is_needed_are_told_as_facts() -> None:
    known = sample.exam(result="gap")
    right = known.rows[-1].model_copy(update={"result": "passed", "question": "value"})
    model = only(instead(known.model_copy(update={"rows": (*known.rows, right)})))
    assert model.answer == "yes"
    assert told(model, "batch_norm (running variance | biased)") == [None]
    assert told(model, "pass the op exam, but for gaps that are declared") == ["yes"]


def test_an_op_of_which_nothing_is_right_is_a_gap_though_it_is_declared() -> None:
    model = only(instead(sample.exam(result="gap")))
    assert model.answer == "yes with gaps"
    said = "ops it needs are gaps, as the backend declares: batch_norm in float32"
    assert told(model, said) == ["yes with gaps"]
    assert told(model, "pass the op exam") == []


# The trained model on the run's own clips


@pytest.mark.parametrize(
    ("kinds", "precision", "computes", "words"),
    [
        (("poses",), "fp32", "no", "cpu fp32 are not those of the oracle (S9 walk)"),
        (("poses",), "bf16", "yes with gaps", "are not those of the oracle"),
        # It was fed wrongly: what came of that is no fault of the network.
        (("keypoints", "poses"), "fp32", "yes", "failed: off"),
        ((), "fp32", "yes", "poses of 256 windows of the test clips on cpu fp32 are"),
    ],
)
def test_the_trained_models_poses_are_held_against_the_oracle(
    kinds: tuple[str, ...], precision: str, computes: str, words: str
) -> None:
    broken = [wrong(kind, "256 frames", note="S9 walk") for kind in kinds]
    checks = (*broken, right("poses", "256 frames"))
    held = {"checks": checks, "held_windows": 256}
    found = sample.evaluation().model_copy(update=held)
    failed = {"status": "failed", "reason": "off"} if kinds else {}
    model = only(instead(found, precision=precision, **failed))
    assert model.answers["computes"] == computes
    assert len(told(model, words)) == 1
    # A score that its own checks refuse is none.
    assert model.answers["trains"] == ("yes with gaps" if kinds else "yes")


# Coverage


def test_features_that_nobody_asked_for_are_facts() -> None:
    features = {"autograd": "no: gradient graph", "compile": "yes", "export": "no"}
    model = only(instead(sample.feasibility(features=features)))
    assert model.answer == "yes"
    said = "beside its ops, autograd: no: gradient graph; export: no; it was trained"
    assert told(model, said) == [None]


def test_what_training_alone_lacks_leaves_a_model_that_can_be_run() -> None:
    payload = sample.feasibility()
    lack = OpNeed(op="erf", count=1, via="gap", reason="no kernel")
    graphs = {**payload.graph_ops, "gradient": (lack,)}
    change = {"graph_ops": graphs}
    model = only(instead(payload.model_copy(update=change)))
    assert model.answers["expressed"] == "yes with gaps"
    assert told(model, "needs to be trained what") == ["yes with gaps"]


# Costs


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (sample.throughput(noise_floor=0.3), "the host is noisy: the same"),
        (sample.throughput(noise_floor=math.nan), "the host is noisy"),
        (sample.throughput(sample.timing(lies=("constant",))), "(constant)"),
        (sample.throughput(sample.timing(steady=False)), "never got steady"),
        (sample.throughput(sample.timing(seconds=None)), "(not measured)"),
    ],
)
def test_what_voids_the_speed_never_voids_the_port(payload: object, words: str) -> None:
    model = only([*without("throughput"), sample.record(payload)])  # type: ignore[arg-type]
    assert (model.answer, model.said("costs")) == ("yes", "void")
    reason = model.because("costs")[0]
    assert reason.text.startswith("not measurable here on cpu fp32, because ")
    assert words in reason.text
    # What would give a speed is no matter of the port.
    assert model.changes == ()


def test_speed_that_nobody_measured_and_a_lie_beside_numbers_that_count() -> None:
    assert only(without("throughput")).said("costs") == "not measured"
    half = sample.throughput(
        sample.timing(), sample.timing(batch=8, lies=("constant",))
    )
    model = only([*without("throughput"), sample.record(half)])
    assert (model.answer, model.said("costs")) == ("yes", "measured in part")
    assert told(model, "forward 15,530 frames/s") == ["yes"]
    elsewhere = sample.record(
        sample.throughput(), device="cuda", status="invalid", reason="ran on cpu"
    )
    assert only(beside(elsewhere)).said("costs") == "measured in part"


# Size


def test_an_answer_says_at_which_size_it_was_found() -> None:
    model = only(sample.good())
    assert model.size == (
        "profile smoke, preset tiny: 10.11 % of the published 42.47 M parameters"
    )
    whole = sample.feasibility().model_copy(update={"parameters": 42_480_000})
    config = {"preset": "paper"}
    items = [item for item in without("feasibility") if not item.config]
    model = only([*items, sample.record(whole, config=config)])
    assert model.size.endswith("preset paper: the published 42.47 M parameters")
    unknown = sample.feasibility().model_copy(update={"published": None})
    assert only(instead(unknown)).size.endswith("published number is not stated")


def test_a_ladder_at_another_size_says_so() -> None:
    told_size = {"preset": "paper", "parameters": 42_466_317}
    payload: Parity = sample.parity().model_copy(update=told_size)
    model = only(instead(payload))
    assert model.size.endswith("the parity ladder at preset paper (42.47 M parameters)")
    assert told(model, "within their bounds, at preset paper") == ["yes"]
