"""A framework on paper: the verdict follows from its manifest, as it would from its adapter."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import models
import reports
from backends.base import Backend
from bench.config import Config, Model
from bench.coordinator import run
from bench.coordinator.job import Job
from bench.feasibility import declared, task
from bench.feasibility.manifest import Manifest
from bench.records import Feasibility, Obstacle
from models import ops

TAKEN = ("erf", "take", "scatter_add")
MODELS = ("motionbert", "graphcmr", "pose2mesh", "simple_baseline", "semgcn")


def paper(**said: object) -> Manifest:
    """All ops of the language and all else, but for what is said otherwise."""
    whole: dict[str, object] = {
        "name": "paper",
        "ops": tuple(ops.table()),
        "others": "no",
        "rank": "any",
        "dynamic_shapes": "yes",
        "dtypes": ("float32", "int64", "int32", "bool"),
        "autograd": "yes",
        "optimizers": ("sgd", "adam", "adamw", "rmsprop"),
        "inference_graph": "yes",
    }
    return Manifest.model_validate({**whole, **said})


def lacking(*names: str) -> dict[str, object]:
    left = tuple(op for op in ops.table() if op not in names)
    return {"ops": left, "lacks": dict.fromkeys(names, "not there")}


def primitives(*without: str) -> tuple[str, ...]:
    return tuple(
        name
        for name, op in ops.table().items()
        if op.body is None and name not in without
    )


def job(model: str, name: str = "paper", **settings: object) -> Job:
    config = Config.model_validate(
        {"model": {model: Model(preset="tiny")}, "backend": [name], **settings}
    )
    return Job(
        task="feasibility", backend=name, model=model, config=config, folder=Path()
    )


def judged(model: str, **said: object) -> Feasibility:
    found = task.finding(job(model), declared.of_manifest(paper(**said))).payload
    assert isinstance(found, Feasibility)
    return found


def way(model: str, **said: object) -> str:
    answers = judged(model, **said).answers
    assert answers
    return answers.way


def obstacles(model: str, **said: object) -> set[tuple[str, str, str]]:
    return {(one.kind, one.what, one.graph) for one in judged(model, **said).obstacles}


def test_a_framework_that_has_all_is_native_and_declared() -> None:
    found = judged("motionbert")
    assert found.grade == "declared"
    assert found.answers
    assert (
        found.answers.way == found.answers.model == found.answers.training == "native"
    )
    assert found.answers.optimizer == "adamw: native"
    assert found.obstacles == ()


def test_bodies_stand_in_for_kernels_and_are_counted() -> None:
    found = judged("simple_baseline", ops=primitives())
    assert found.answers
    assert found.answers.way == "through decomposition"
    infer = models.build("simple_baseline", preset="tiny").infer
    assert found.extra["infer"].nodes > 0
    assert sum(need.count for need in found.graph_ops["infer"]) == len(infer.nodes)


def test_without_autograd_the_gradient_graph_trains() -> None:
    assert way("simple_baseline", autograd="no") == (
        "trainable through the gradient graph only"
    )


def test_what_the_gradient_graph_lacks_leaves_inference() -> None:
    assert way("semgcn", autograd="no", **lacking("scatter_add")) == "inference only"
    assert ("op", "scatter_add", "gradient") in obstacles(
        "semgcn", autograd="no", **lacking("scatter_add")
    )


def test_a_missing_op_blocks_and_what_nobody_says_is_unknown() -> None:
    assert way("motionbert", ops=primitives("erf")) == "blocked"
    unsaid = {"ops": primitives("erf"), "others": "unknown"}
    assert way("motionbert", **unsaid) == "unknown"
    assert all(one.unknown for one in judged("motionbert", **unsaid).obstacles)


@pytest.mark.parametrize(
    ("field", "model"),
    [
        ("autograd", "motionbert"),
        ("rank", "motionbert"),
        ("dtypes", "motionbert"),
        ("optimizers", "motionbert"),
        ("inference_graph", "simple_baseline"),
    ],
)
def test_unknown_stays_unknown(field: str, model: str) -> None:
    found = judged(model, **{field: "unknown"}).answers
    assert found
    # an optimizer's rule can be had of ops, so that it is unknown stops nobody alone
    said = (found.model, found.training, found.optimizer, found.precision)
    assert any("unknown" in one for one in said) or found.way == "native"
    assert found.way != "blocked"


def test_a_rank_is_an_obstacle_with_what_folding_costs() -> None:
    found = judged("motionbert", rank=4)
    (one,) = {one.what: one for one in found.obstacles if one.graph == "infer"}.values()
    assert (one.kind, one.what) == ("rank", "5")
    assert "fold" in one.route


def test_a_second_graph_is_needed_where_the_file_writes_one() -> None:
    without = {"inference_graph": "no"}
    second = [name for name in models.names() if models.stage(name).infer]
    assert second
    assert any(kind == "graphs" for kind, _, _ in obstacles(second[0], **without))


def test_no_open_axes_cost_a_graph_for_each_length() -> None:
    asks = judged("motionbert", dynamic_shapes="no").asks
    assert any("a graph for each length of batch" in one for one in asks)


def test_a_route_is_costed_at_the_sizes_of_the_model() -> None:
    found = judged("motionbert", ops=primitives("erf"))
    costs = [one.extra for one in found.obstacles if one.what == "erf"]
    assert all(extra and extra.nodes > 0 and extra.flops > 0 for extra in costs)


def test_what_is_blocked_tells_a_way_round_and_stays_blocked() -> None:
    answers = judged("motionbert", ops=primitives("erf")).answers
    assert answers and answers.way == "blocked"
    said = "blocked by erf; a way round is known (erf: exp and a polynomial of five terms): +"
    assert answers.model.startswith(said)
    assert answers.model.endswith(" GFLOP, in the adapter")
    # of one op there is a way, of the other none
    both = judged("motionbert", ops=primitives("erf", "exp")).answers
    assert both and both.model == "blocked by erf, exp"
    other = judged("motionbert", ops=primitives("erf", "matmul")).answers
    assert other and other.model.endswith("in the adapter; none for matmul")


def test_an_obstacle_names_the_line_that_makes_it_one(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    had = ", ".join(primitives("erf", "tanh"))
    path.write_text(
        f"name: paper\nops: [{had}]\nothers: no\nlacks:\n  erf: none\nrank: 3\n",
        encoding="utf-8",
    )
    about = job("motionbert", declared={"paper": path})
    found = declared.record(about).payload
    assert isinstance(found, Feasibility)
    sources = {one.what: one.source for one in found.obstacles}
    assert (sources["erf"], sources["5"]) == (f"{path}:5", f"{path}:6")
    # of its types it says nothing: there is no line
    assert sources["float32"] == str(path)


@pytest.mark.parametrize(
    ("model", "due"),
    [
        ("simple_baseline", "batch_norm_train (the statistics that it kept, no new"),
        ("motionbert", "none: the train graph without its loss"),
        ("videopose3d", "a second graph over the same weights"),
    ],
)
def test_the_mechanism_between_training_and_inference_is_told(
    model: str, due: str
) -> None:
    [told] = [one for one in judged(model).asks if one.startswith("inference beside")]
    assert due in told


@pytest.mark.parametrize("model", MODELS)
def test_ops_taken_away_give_the_verdict_that_is_declared(
    model: str, backend: Backend
) -> None:
    """Of a backend that is here, and of a manifest with its ops less the same."""
    about = job(model, backend.name, without=TAKEN)
    measured = task.run(about, backend, "cpu", lambda text, share: None).payload
    kernels = tuple(set(backend.kernels) - set(TAKEN))
    autograd = backend.features().get("autograd", "yes").startswith("yes")
    known = {"ops": kernels, "autograd": "yes" if autograd else "no"}
    known["optimizers"] = ("sgd", "adam", "adamw", "rmsprop") if autograd else ()
    due = judged(model, **known)
    assert isinstance(measured, Feasibility)
    assert measured.grade == "measured"
    assert measured.answers and due.answers
    assert measured.answers.way == due.answers.way
    assert measured.answers.model == due.answers.model
    assert measured.answers.training == due.answers.training
    assert measured.answers.optimizer == due.answers.optimizer
    assert plain(measured.obstacles) == plain(due.obstacles)


def plain(found: tuple[Obstacle, ...]) -> list[tuple[str, str, str, int]]:
    return [(one.kind, one.what, one.graph, one.nodes) for one in found]


def test_a_framework_on_paper_has_cells_of_feasibility_alone(tmp_path: Path) -> None:
    config = Config(
        backend=("numpy", "paper"),
        declared={"paper": tmp_path / "m.yaml"},
        model={"semgcn": Model()},
        tasks=("feasibility", "parity", "throughput", "shape_ops"),
    )
    found = run.jobs(config, tmp_path)
    assert {one.task for one in found if one.backend == "paper"} == {"feasibility"}
    assert {"parity", "throughput"} < {
        one.task for one in found if one.backend == "numpy"
    }


def test_a_run_keeps_the_manifest_to_which_its_proposals_lead(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(
        "name: paper\nothers: no\nlacks:\n  add: nobody\n", encoding="utf-8"
    )
    config = Config(
        backend=("paper",),
        declared={"paper": file},
        model={"simple_baseline": Model(preset="tiny"), "semgcn": Model(preset="tiny")},
        tasks=("feasibility",),
    )
    folder = run.start(config, out=tmp_path / "runs", command="bench")
    run.execute(folder, config, lambda job, text, share: None, lambda record: None)
    file.unlink()
    kept = (folder / "manifests" / "paper.yaml").read_text(encoding="utf-8")
    reports.build(folder)
    page = (folder / "proposals.md").read_text(encoding="utf-8")
    lines = {int(number) for number in re.findall(r"manifests/paper.yaml#L(\d+)", page)}
    assert {kept.splitlines()[number - 1].strip() for number in lines} == {
        "others: no",
        "add: nobody",
    }


def test_a_record_of_before_is_read() -> None:
    old = {"graph_ops": {}, "parameters": 1, "flops": {}}
    assert Feasibility.model_validate_json(json.dumps(old)).answers is None


def test_what_is_taken_away_is_gone_on_paper_too() -> None:
    whole = paper(ops=["matmul", "linear", "gelu"], others="no")
    less = declared.of_manifest(whole, without=["linear", "erf"])
    assert set(less.kernels) == {"matmul", "gelu"}
    assert less.state("erf") == "no"
    assert less.reason("linear") == "taken away by `without`"


@pytest.mark.parametrize(
    ("model", "said", "due"),
    [
        ("mixste", {"rank": 3}, "rank 5 (the largest is 3)"),
        (
            "videopose3d",
            {"inference_graph": "no"},
            "second graph for inference (declared absent)",
        ),
        ("simple_baseline", {"dtypes": ("int64",)}, "type float32 (no such type)"),
    ],
)
def test_whatever_blocks_a_model_is_a_reason_of_its_cell(
    model: str, said: dict[str, object], due: str
) -> None:
    able = declared.of_manifest(paper(**said))
    found = task.finding(job(model), able)
    assert found.status == "unsupported"
    assert due in found.reason


def test_a_cell_names_few_of_the_things_that_are_missing() -> None:
    able = declared.of_manifest(paper(ops=()))
    reason = task.finding(job("motionbert"), able).reason
    assert reason.count("(no kernel)") == 1
    assert reason.endswith(" more")


def test_a_type_that_a_body_makes_on_its_way_is_needed() -> None:
    """The body of relu compares, and what comes of that is a bool."""
    kept = [name for name in ops.table() if name not in ("relu", "vector_norm")]
    found = judged("simple_baseline", ops=kept, dtypes=("float32", "int64"))
    [one] = [one for one in found.obstacles if one.graph == "infer"]
    assert (one.kind, one.what, "relu" in one.ops) == ("dtype", "bool", True)
    assert found.answers and found.answers.way == "blocked"
