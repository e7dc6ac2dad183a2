"""What each task measures: one class for a task, and `Payload`, the union of them all.

A number is measured or it is `None`; `None` is never zero.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bench.records.audits import Audit as Audit
from bench.records.audits import AuditRow as AuditRow
from bench.records.detours import Detours as Detours
from bench.records.feasibility import Feasibility as Feasibility
from bench.records.frozen import Frozen as Frozen
from bench.records.profile import Profile as Profile
from bench.records.semantics import Semantics as Semantics
from bench.records.semantics import SemanticsRow as SemanticsRow
from bench.records.speed import Latency as Latency
from bench.records.speed import Limits as Limits
from bench.records.speed import Ratio as Ratio
from bench.records.speed import Throughput as Throughput
from bench.records.speed import Timing as Timing

Said = Annotated[str, Field(min_length=1)]
# of a protocol: there is no accuracy without one
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{6,64}$")]


class Check(Frozen):
    """One comparison: `error` against `bound`.

    Both are relative to the largest expected value unless `unit` says otherwise.
    """

    kind: str  # what was compared: weights, loss, gradient, ...
    name: str  # output, parameter or node
    error: float | None
    bound: float
    ok: bool
    unit: str = "relative"
    graph: str  # which of the model's graphs: train or infer
    # largest joint displacement this error amounts to, where the tensor is a pose
    millimetres: float | None = None
    op: str = ""  # operation of the node, where the check is about a node
    where: str = ""  # model file and line of that node
    note: str = ""
    precision: str = "fp32"  # in which the backend ran


class Parity(Frozen):
    """The ladder of one model on one backend against the float64 oracle."""

    task: Literal["parity"] = "parity"
    oracle: str = "numpy float64"
    checks: tuple[Check, ...]
    first_failure: str = ""  # rung and name of the first check that failed
    # first node whose own error breaks its budget: "op name at file:line"
    culprit: str = ""
    # what the ladder could not ask or left out, a rung or another thing -> why
    left_out: dict[str, str] = {}
    preset: str = ""  # at which it was climbed; empty in records of before
    precisions: tuple[str, ...] = ("fp32",)  # in which it was climbed
    parameters: int | None = None  # of the model at those sizes
    optimizer: str = ""  # rule that the model is trained with


class Comparison(Frozen):
    """The ladder of one model on one backend against the same ladder on another."""

    task: Literal["compare"] = "compare"
    against: str  # backend
    checks: tuple[Check, ...]


class ExamRow(Frozen):
    """One question of the op exam."""

    op: str
    case: str  # shapes and attributes, readable
    # bias: whether the mean of many results in a half is right
    question: Literal["shape", "dtype", "value", "bias", "gradient", "kernel"]
    # graph: traced by the framework, and no more
    mode: Literal["eager", "graph", "compiled"]
    dtype: str
    result: Literal["passed", "failed", "gap"]
    error: float | None = None
    bound: float | None = None
    note: str = ""
    # how the question has ended a worker, if it has
    ended: Literal["", "crashed", "timeout", "out_of_memory"] = ""


class Exam(Frozen):
    """The shape-op and op exam of one backend."""

    task: Literal["shape_ops"] = "shape_ops"
    rows: tuple[ExamRow, ...]
    gaps: dict[str, str] = {}  # op -> why the framework cannot
    left_out: dict[str, str] = {}  # what was asked for and not put -> why
    customary: str = ""  # the mode in which this backend runs models
    modes: tuple[str, ...] = ()  # all in which it runs programs, asked here or not
    device: str = (
        ""  # that questions were put to; results of a run gone on with may tell none
    )


class ThirdPartyRow(Frozen):
    """One case of the third-party exam."""

    case: str  # its name in the onnx package, without test_
    op: str  # ONNX operator
    result: Literal["passed", "failed", "gap", "not_mappable"]
    error: float | None = None  # largest, relative to the largest expected value
    bound: float | None = None
    note: str = ""


class ThirdParty(Frozen):
    """The third-party exam of one backend: inputs and expected outputs nobody here wrote."""

    task: Literal["third_party"] = "third_party"
    source: str  # package and version the cases come from
    rows: tuple[ThirdPartyRow, ...]

    def counts(self) -> dict[str, int]:
        """How many cases were run, passed, failed, are gaps, are not mappable.

        The first is the sum of the next three.
        """
        found = {}
        for result in ("passed", "failed", "gap", "not_mappable"):
            found[result] = sum(row.result == result for row in self.rows)
        return {"run": len(self.rows) - found["not_mappable"]} | found


class Training(Frozen):
    """A model really trained: the curve, what it cost, and where the weights lie."""

    task: Literal["train"] = "train"
    data: str
    protocol: Said
    protocol_hash: Hash
    fraction: float = 1.0  # of each clip; less is another hash
    optimizer: dict[str, float | str]
    precision: str
    steps: int
    epochs: float
    batch: int
    accumulate: int = 1  # batches of a step
    # the one that did not fit into memory; another's than the one that was asked for
    asked_batch: int | None = None
    replicas: int = 1  # that each took a share of every batch
    parameters: int
    train_windows: int
    augmentation: str = ""  # steps done to the training clips in each epoch, in words
    train_seconds: float
    frames_per_second: float | None
    loss_steps: tuple[int, ...]
    # mean training loss since the previous entry, metres for pose losses
    loss: tuple[float | None, ...]
    validation_steps: tuple[int, ...]
    # thousandths of what the model makes: millimetres, unless `validation_unit` says otherwise
    validation_mpjpe: tuple[float | None, ...]
    validation_of: str = "MPJPE"  # of a masked model: of hidden entries alone
    validation_unit: str = "mm"
    validated_on: Literal["test", "held-out"] = "test"
    checkpoint: str  # path inside the run folder
    # digest of the weights before the first step, as the backend gave them back
    start: str = ""
    # its start, its scaling and some batches, held against plain NumPy
    checks: tuple[Check, ...] = ()
    left_out: dict[str, str] = {}  # what could not be held against anything -> why
    note: str = ""


class Again(Frozen):
    """One training more than once: how far the scores lie apart is what chance makes of them.

    Data, steps and batch are those of the cell's training; the order of the batches and the noise
    are not. With seeds of their own, trainings start from other weights, too.
    """

    task: Literal["train_again"] = "train_again"
    protocol: Said
    protocol_hash: Hash
    fraction: float = 1.0  # of each clip; less is another hash
    steps: int
    batch: int
    seeds: tuple[int, ...]  # of what was drawn, from the same start
    # MPJPE (mm) on the poses that validate the training; None of one that diverged
    scores: tuple[float | None, ...]
    own_seeds: tuple[int, ...] = ()  # of the start, too
    own_scores: tuple[float | None, ...] = ()
    seconds: float  # of computing, all together


class Metric(Frozen):
    """One evaluation number with all it needs to be judged."""

    name: str  # MPJPE, PA-MPJPE, ...
    unit: str  # mm, %, mm/frame
    better: Literal["lower", "higher"]
    frame_wise: float | None  # mean over all test frames
    action_wise: float | None  # mean of the per-action means
    subject_wise: float | None = None  # mean of the per-subject means
    per_action: dict[str, float] = {}
    per_subject: dict[str, float] = {}
    per_joint: dict[str, float] = {}


class Baseline(Frozen):
    """A trivial predictor under the same protocol."""

    name: str  # "mean pose", "least-squares linear map"
    metrics: tuple[Metric, ...]


class Scored(Frozen):
    """Numbers under one protocol, which says at which of them and which mean to look first."""

    data: str
    protocol: Said
    protocol_hash: Hash
    fraction: float = 1.0  # of each clip; less is another hash
    headline: str = "MPJPE"  # the metric, by its name
    averaging: Literal["frame", "action", "subject"] = "frame"

    def headlined(self, metrics: tuple[Metric, ...], name: str = "") -> float | None:
        """The headline of some metrics, or the one of a name; None where it was not measured."""
        due = name or self.headline
        found = next((metric for metric in metrics if metric.name == due), None)
        if found is None:
            return None
        means = {
            "frame": found.frame_wise,
            "action": found.action_wise,
            "subject": found.subject_wise,
        }
        return means[self.averaging]


class Baselines(Scored):
    """The trivial predictors on the data of a run: a cell without backend and model."""

    task: Literal["baselines"] = "baselines"
    baselines: tuple[Baseline, ...]
    checks: tuple[Check, ...] = ()  # against plain NumPy on the raw clips
    left_out: dict[str, str] = {}  # what could not be held against anything -> why


# how one pose is made of several, as a protocol calls it
Rule = Literal["mean", "best", "best-joints", "jpma"]


class Aggregate(Frozen):
    """Scores of one pose that is made of several hypotheses."""

    rule: Rule
    name: str  # as papers do: P-Agg, ...
    needs: str = ""  # what of the truth it is made by; empty: nothing
    metrics: tuple[Metric, ...]


class Evaluation(Scored):
    """A trained model under one protocol."""

    task: Literal["evaluate"] = "evaluate"
    # one readable sentence: skeleton, root, split, alignment, averaging
    protocol_text: Said
    test_poses: int
    # of their joints, those that the truth lacks: no metric counts them
    missing_joints: int = 0
    # of the poses, those whose root is missing, and with it all their joints
    rootless_poses: int = 0
    metrics: tuple[Metric, ...]
    # of a masked model: what costs nothing, on the entries that it hides
    guesses: tuple[Baseline, ...] = ()
    hypotheses: int = 0  # that the model gives for each frame; 0: its pose alone
    aggregates: tuple[Aggregate, ...] = ()  # what can be made of them
    # (parent, child) pairs for the figure
    skeleton_bones: tuple[tuple[int, int], ...] = ()
    # a few poses (joints, 3), millimetres
    example_true: tuple[tuple[tuple[float, float, float], ...], ...] = ()
    example_pred: tuple[tuple[tuple[float, float, float], ...], ...] = ()
    checkpoint: str = ""
    # against the oracle: from the raw clips and the weights, in plain float64 NumPy
    checks: tuple[Check, ...] = ()
    held_windows: int = 0  # predicted by the oracle, too
    held_seconds: float | None = None  # what that took
    left_out: dict[str, str] = {}  # what could not be held against anything -> why
    note: str = ""


Payload = Annotated[
    Parity
    | Comparison
    | Exam
    | ThirdParty
    | Audit
    | Training
    | Again
    | Baselines
    | Evaluation
    | Throughput
    | Semantics
    | Detours
    | Profile
    | Feasibility,
    Field(discriminator="task"),
]
