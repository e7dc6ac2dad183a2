"""A model that makes a surface, from its training to its scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import backends
from bench import data
from bench.config import Config, Model, Train
from bench.coordinator.checking import check_model
from bench.coordinator.job import Job
from bench.coordinator.spec import finest_mesh
from bench.data import protocols
from bench.data.batches.windows import Windows
from bench.data.geometry.skeletons import H36M17
from bench.data.geometry.skinning import Skin
from bench.data.pieces import part
from bench.evaluation import poses, predict
from bench.evaluation import task as evaluate
from bench.evaluation.baselines import task as baselines
from bench.evaluation.parts import Part
from bench.records import Baselines, Evaluation, Training
from bench.training import task as train
from bench.training.fingerprint import fingerprint
from models.errors import BadInput
from models.optim import Optimizer
from tests.bench import drape
from tests.bench.training import glance
from tests.data.test_smpl import content as small_smpl

SURFACE = ("MPVPE", "MPJPE of the mesh", "PA-MPJPE of the mesh", "MRPE")


def quiet(text: str, share: float) -> None:
    """Nobody listens."""


def job_of(folder: Path, name: str, **settings: Any) -> Job:
    training = Train(steps=8, batch=8, validate_every=8, validation_windows=64)
    model = Model(train=training, **settings)
    config = Config(small=0.05, model={name: model}, device="cpu", threads=1)
    return Job(task="train", backend="numpy", model=name, config=config, folder=folder)


class Ran(NamedTuple):
    """A training and its evaluation, with what it was of."""

    job: Job
    training: Training
    evaluation: Evaluation


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    with pytest.MonkeyPatch.context() as patch:
        backend = backends.load("numpy")
        job = job_of(tmp_path_factory.mktemp("drape"), drape.put_up(patch))
        found = train.run(job, backend, "cpu", quiet)
        assert found.status == "ok", found.reason
        judged = evaluate.run(job, backend, "cpu", quiet)
        assert judged.status == "ok", judged.reason
        assert isinstance(found.payload, Training)
        assert isinstance(judged.payload, Evaluation)
        yield Ran(job, found.payload, judged.payload)


def test_its_surface_is_scored_beside_its_pose(ran: Ran) -> None:
    found = {metric.name: metric for metric in ran.evaluation.metrics}
    # some rest pose, seen from some side
    assert 100 < (found["MPVPE"].frame_wise or 0) < 600
    assert found["MPVPE"].unit == "mm"
    assert "surfaces are of human at detail 1" in ran.evaluation.note
    assert set(found["MPVPE"].per_subject) == {"S9", "S11"}
    assert set(found["MPJPE of the mesh"].per_joint) == set(H36M17.joints)
    aligned, free = (
        found[f"{name} of the mesh"].frame_wise for name in ("PA-MPJPE", "MPJPE")
    )
    assert (aligned or 0) < (free or 0)


def test_what_costs_nothing_is_posed_and_scored_alike(ran: Ran) -> None:
    with pytest.MonkeyPatch.context() as patch:
        drape.put_up(patch)
        found = baselines.run(ran.job, None, "", quiet)
    assert found.status == "ok", found.reason
    assert isinstance(found.payload, Baselines)
    held = {check.name for check in found.payload.checks}
    for baseline in found.payload.baselines:
        scores = {metric.name: metric.frame_wise for metric in baseline.metrics}
        assert {f"{baseline.name} {name}" for name in SURFACE} <= held
        # the body lies about its bones, and its joints where the predictor has them
        apart = (scores["MPJPE of the mesh"] or 0) - (scores["MPJPE"] or 0)
        assert abs(apart) < 3


def test_surfaces_of_pictures_are_metres_as_their_poses_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, backend = drape.put_up(monkeypatch), backends.load("numpy")
    glance.few(monkeypatch)
    job = job_of(tmp_path, name, sizes={"side": 16})
    config = job.config.model_copy(update={"protocol": "synthetic-every16"})
    job = job.model_copy(update={"config": config})
    found = train.run(job, backend, "cpu", quiet)
    assert found.status == "ok", found.reason
    judged = evaluate.run(job, backend, "cpu", quiet)
    assert judged.status == "ok", judged.reason
    assert isinstance(judged.payload, Evaluation)
    held = {check.name for check in judged.payload.checks}
    assert set(SURFACE) <= held
    # posed in crop units, the body would be another one: the oracle takes metres
    monkeypatch.setattr(Windows, "metric", lambda *given, **more: None)
    again = job.model_copy(update={"folder": tmp_path / "again"})
    broken = train.run(again, backend, "cpu", quiet)
    assert broken.status == "failed"
    assert "surfaces that are fed" in broken.reason


def test_a_surface_that_is_fed_wrongly_ends_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posed = Skin.posed
    monkeypatch.setattr(Skin, "posed", lambda skin, poses: posed(skin, 1.001 * poses))
    job = job_of(tmp_path, drape.put_up(monkeypatch))
    found = train.run(job, backends.load("numpy"), "cpu", quiet)
    assert found.status == "failed"
    assert "surfaces that are fed" in found.reason


def test_a_surface_that_is_predicted_wrongly_fails_by_name(
    ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    drape.put_up(monkeypatch)
    asked = poses.predicted

    def moved(*given: Any) -> poses.Predicted:
        found = asked(*given)
        assert found.vertices is not None
        return replace(found, vertices=found.vertices * np.float32(1.001))

    monkeypatch.setattr(evaluate, "predicted", moved)
    found = evaluate.run(ran.job, backends.load("numpy"), "cpu", quiet)
    assert found.status == "failed"
    assert found.reason.startswith("vertices")


@pytest.mark.parametrize(
    ("protocol", "sizes", "said"),
    [
        (
            "h36m-motionbert-2.5d",
            {},
            "makes a surface in metres, and protocol h36m-mot",
        ),
        ("3dhp", {}, "joint .* is none of a body's"),
        ("synthetic", {"detail": 9}, "detail 9; a number from 1 to 6 was due"),
    ],
)
def test_a_surface_that_nothing_can_teach_is_one_line(
    monkeypatch: pytest.MonkeyPatch, protocol: str, sizes: dict[str, int], said: str
) -> None:
    name = drape.put_up(monkeypatch)
    with pytest.raises(BadInput, match=said) as caught:
        check_model(name, Model(sizes=sizes), protocols.load(protocol))
    assert "\n" not in str(caught.value)


def test_a_file_of_smpl_stands_in_the_bodys_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, path = drape.put_up(monkeypatch), tmp_path / "body.npz"
    np.savez(path, **small_smpl())
    settings, synthetic = Model(body=path), protocols.load("synthetic")
    spec = check_model(name, settings, synthetic)
    assert spec.infer.types[spec.infer.outputs["vertices"]].shape[1] == 144
    config = Config(model={name: settings, "simple_baseline": Model()})
    mesh = finest_mesh(config, synthetic)
    assert mesh is not None and mesh.name.startswith("SMPL of")
    # the ladder, and whoever predicts from another folder
    monkeypatch.chdir(tmp_path)
    assert Model(body=Path("body.npz")).body == path
    lacking = {
        key: value for key, value in small_smpl().items() if key != "J_regressor"
    }
    np.savez(path, **lacking)
    with pytest.raises(BadInput, match="J_regressor missing"):
        check_model(name, settings, synthetic)
    with pytest.raises(
        BadInput, match="simple_baseline makes no surface; leave it out"
    ):
        check_model("simple_baseline", settings, synthetic)


def test_a_training_is_of_what_the_bodys_file_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = drape.put_up(monkeypatch)
    synthetic = protocols.load("synthetic")
    optimizer = Optimizer(rule="adam", lr=1.0, weight_decay=0.0)

    def print_of(body: Path | None) -> str:
        return fingerprint(job_of(tmp_path, name, body=body), synthetic, optimizer)

    one, other = tmp_path / "one.npz", tmp_path / "other.npz"
    one.write_bytes(b"a body")
    other.write_bytes(b"a body")
    assert print_of(one) == print_of(other) != print_of(None)
    other.write_bytes(b"another")
    assert print_of(one) != print_of(other)


def test_its_surface_is_held_at_every_place(ran: Ran) -> None:
    before = {check.name for check in ran.training.checks}
    assert "surfaces that are fed" in before
    after = {(check.kind, check.name) for check in ran.evaluation.checks}
    assert {("score", name) for name in SURFACE} <= after
    assert any(kind == "vertices" for kind, _ in after)
    assert not set(SURFACE) & set(ran.evaluation.left_out)


def test_arrays_hold_its_surface_and_an_obj_says_whose_it_is(
    ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [part(clip, 0, 6) for clip in glance.split().test[:2]]
    monkeypatch.setattr(data, "clips_of", lambda source, protocol: few)
    order = predict.Order(
        *(str(ran.job.folder), "numpy", "drape", "synthetic", "", "refused"),
        part=Part(every=3),
    )
    made = predict._poses(ran.job, protocols.load("synthetic"), order)
    done = predict.Lifted(
        path=str(tmp_path / "a.npz"),
        **dict.fromkeys(("backend", "model", "root", "protocol", "protocol_hash"), ""),
        clips=2,
        frames=4,
        joints=H36M17.joints,
        root_off=0.0,
        notes=(),
        examples=(),
    )
    assert predict._written(done, made, {}).surface == predict.OWN
    with np.load(tmp_path / "a.npz") as archive:
        (one, *_) = made.poses
        assert archive[one].shape == (2, 17, 3)
        np.testing.assert_array_equal(archive[f"{one}/vertices"], made.vertices[one])
        faces = made.feed.skin.mesh.faces if made.feed.skin else None
        np.testing.assert_array_equal(archive["faces"], faces)
        assert len(archive.files) == 2 * 2 + 2, "faces once, and what they are"
    plain = replace(done, path=str(tmp_path / "a.json"))
    assert predict._written(plain, made, {}).surface == ""
    drawn = replace(done, path=str(tmp_path / "a.obj"))
    assert predict._written(drawn, made, {}).surface == predict.OWN
    first, *others = sorted((tmp_path / "a.obj").rglob("*.obj"))
    assert len(others) == 3
    assert first.read_text().startswith("# surface: the model's own; metres, y up")
