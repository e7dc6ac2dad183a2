"""Runs under `h36m-motionbert-2.5d`: the model predicts pixels of image space.

Each frame's 2.5D factor makes millimetres of them. What is due comes from the pickle's own
arrays, which are written here: joint3d_image, joints_2.5d_image and 2.5d_factor.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Backend
from bench.__main__ import main
from bench.config import Config, Model, Train
from bench.coordinator.job import Job
from bench.data import protocols
from bench.data.batches.windows import Windows
from bench.data.clip import Clip
from bench.data.geometry.skeletons import H36M17
from bench.data.readers import h36m_pkl, synthetic
from bench.evaluation import task as evaluate
from bench.evaluation.baselines import task as baselines
from bench.evaluation.score import score
from bench.records import Baselines, Evaluation, Training
from bench.training import task as train
from models.errors import BadInput
from tests.data.test_h36m_pkl import FRAMES, split, write

PROTOCOL = "h36m-motionbert-2.5d"
LEFT_OUT, *SCORED = (9, 5, 2), (9, 2, 1), (11, 16, 2)  # subject, action, subaction
WRIST = H36M17.index("RWrist")
Numbers = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return {"train": split("train"), "test": split("test", takes=(LEFT_OUT, *SCORED))}


@pytest.fixture
def source(tmp_path: Path, content: dict[str, Any]) -> str:
    return f"h36m-pkl:{write(tmp_path, content)}"


@pytest.fixture(scope="module")
def due(content: dict[str, Any]) -> Numbers:
    """Of the scored frames, in the file's order.

    Root-relative pixels and millimetres (N, 17, 3), factor (N,), training pixels.
    """
    # the first take is left out by the protocol; four cameras have filmed it
    kept = slice(4 * FRAMES, None)
    test = content["test"]

    def relative(poses: np.ndarray) -> np.ndarray:
        return poses - poses[:, :1]

    return {
        "mm": relative(test["joints_2.5d_image"])[kept],
        "px": relative(test["joint3d_image"])[kept],
        "factor": test["2.5d_factor"][kept],
        "train": relative(content["train"]["joint3d_image"]),
    }


def job(folder: Path, source: str, backend: str = "numpy") -> Job:
    """One step of a small model, whose validation sees every test window."""
    model = Model(
        sizes={"width": 8, "stages": 1, "dropout": 0.0},
        train=Train(steps=1, batch=8, validation_windows=10_000),
    )
    config = Config(
        data=source,
        protocol=PROTOCOL,
        model={"simple_baseline": model},
        device="cpu",
        threads=1,
    )
    return Job(
        task="train",
        backend=backend,
        model="simple_baseline",
        config=config,
        folder=folder,
    )


def trained(asked: Job, backend: Backend) -> Training:
    found = train.run(asked, backend, "cpu", lambda text, share: None).payload
    assert isinstance(found, Training)
    return found


def evaluated(asked: Job, backend: Any) -> Evaluation:
    found = evaluate.run(asked, backend, "cpu", lambda text, share: None).payload
    assert isinstance(found, Evaluation)
    return found


def knowing(pixels: np.ndarray) -> Any:
    """A backend whose programs answer with these poses (N, 17, 3), px.

    One for each test window, in order.
    """

    def answer(inputs: Numbers) -> Numbers:
        assert inputs["keypoints"].shape[0] == len(pixels)
        return {"pose": (pixels / 1000).reshape(len(pixels), -1).astype(np.float32)}

    class Program(SimpleNamespace):
        __call__ = staticmethod(answer)

    return SimpleNamespace(
        program=lambda graph, settings: Program(load=lambda params: None)
    )


def test_exact_pixels_score_zero_and_others_their_distance_times_the_factor(
    tmp_path: Path, source: str, due: Numbers
) -> None:
    asked = job(tmp_path, source)
    trained(asked, backends.load("numpy"))
    exact = evaluated(asked, knowing(due["px"]))
    assert exact.test_poses == len(due["px"]) == 2 * 4 * FRAMES
    assert exact.metrics[0].name == exact.headline == "MPJPE"
    assert exact.metrics[0].action_wise == pytest.approx(0, abs=2e-3)
    chosen = np.linspace(0, len(due["mm"]) - 1, 5).astype(int)[1:-1]
    np.testing.assert_allclose(exact.example_true, due["mm"][chosen], atol=2e-3)
    np.testing.assert_allclose(exact.example_pred, due["mm"][chosen], atol=2e-3)

    off = due["px"].copy()
    off[:, WRIST] += (6, -8, 24)  # 26 px
    found = evaluated(asked, knowing(off)).metrics[0]
    first, second = np.split(due["factor"], 2)  # a take each
    # of one joint in 17
    walk, directions = 26 * second.mean() / 17, 26 * first.mean() / 17
    of_action = {"Directions": directions, "WalkTogether": walk}
    # frames differ, so that one factor for all would be wrong
    assert np.ptp(due["factor"]) > 0.5
    assert found.per_action == pytest.approx(of_action, abs=2e-3)
    assert found.action_wise == pytest.approx((walk + directions) / 2, abs=2e-3)
    of_wrist = 26 * due["factor"].mean()
    assert found.per_joint["RWrist"] == pytest.approx(of_wrist, abs=2e-3)

    # the predicted root goes to zero
    moved = evaluated(asked, knowing(due["px"] + [30, -40, 5]))
    assert moved.metrics[0].action_wise == pytest.approx(0, abs=2e-3)


def test_curve_and_baselines_are_millimetres(
    tmp_path: Path,
    source: str,
    due: Numbers,
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pixels: list[np.ndarray] = []
    predict = evaluate.predicted

    def spying(*given: Any) -> Any:
        found = predict(*given)
        pixels.append(1000 * found.poses)
        return found

    monkeypatch.setattr(evaluate, "predicted", spying)
    asked = job(tmp_path, source, backend.name)
    curve = trained(asked, backend).validation_mpjpe
    evaluated(asked, backend)
    beside = baselines.run(asked, None, "cpu", lambda *heard: None).payload
    assert isinstance(beside, Baselines)
    mean = due["train"].mean(axis=0) * due["factor"][:, None, None]
    mean_pose = beside.baselines[0]
    assert mean_pose.name == "mean pose"
    assert mean_pose.metrics[0].frame_wise == pytest.approx(
        np.linalg.norm(mean - due["mm"], axis=-1).mean(), abs=0.01
    )
    error = np.linalg.norm(
        (pixels[0] - due["px"]) * due["factor"][:, None, None], axis=-1
    )
    assert curve == pytest.approx([error.mean()], rel=1e-5)


def test_a_converted_file_gives_the_same_numbers(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "clips.cache"
    assert main(["data", "convert", source, "--to", str(target), "--json"]) == 0
    found: list[object] = []
    for name in (source, f"cache:{target}"):
        asked = job(tmp_path / str(len(found)), name)
        curve = trained(asked, backends.load("numpy"))
        payload = evaluated(asked, backends.load("numpy"))
        # the source, and how long the oracle took, differ
        scores = payload.model_copy(update={"data": "", "held_seconds": None})
        found.append((curve.loss, curve.validation_mpjpe, scores))
    assert found[0] == found[1]


SMALL = (
    "--set",
    "model.simple_baseline.sizes={width: 8, dropout: 0}",
    "--set",
    "model.simple_baseline.train.steps=2",
)


def command(name: str, source: str, out: Path) -> tuple[str, ...]:
    options = (
        "--protocol",
        PROTOCOL,
        "--device",
        "cpu",
        "--out",
        str(out),
        "--set",
        "threads=1",
        "--set",
        "small=1",
    )
    return (
        name,
        "--backend",
        "numpy",
        "--model",
        "simple_baseline",
        "--data",
        source,
        *options,
        *SMALL,
    )


def test_a_run_prints_millimetres(
    source: str, tmp_path: Path, due: Numbers, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command("evaluate", source, tmp_path / "runs")) == 0
    said = " ".join(capsys.readouterr().out.split())
    (folder,) = (tmp_path / "runs").iterdir()
    records = [
        json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()
    ]
    found = {record["task"]: record["payload"] for record in records}
    training, evaluation = found["train"], found["evaluate"]
    errors = np.linalg.norm(
        due["train"].mean(axis=0) * due["factor"][:, None, None] - due["mm"], axis=-1
    )
    mean_pose = found["baselines"]["baselines"][0]["metrics"][0]["action_wise"]
    assert mean_pose == pytest.approx(errors.mean(), abs=0.01)
    assert f"MPJPE of the mean pose {errors.mean():.1f} mm" in said
    assert f"MPJPE {evaluation['metrics'][0]['action_wise']:.1f} mm action-wise" in said
    assert f"{training['validation_mpjpe'][-1]:.1f} mm on test poses" in said
    assert evaluation["protocol"] == training["protocol"] == PROTOCOL


def test_a_take_without_poses_is_one_line(
    tmp_path: Path, content: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, {**content, "train": split("train", ("55011271",))})
    assert main(command("train", f"h36m-pkl:{path}", tmp_path / "runs")) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    first = "S1_act_02_subact_01, 55011271 (no poses: the file gives no 2.5d_factor"
    assert f"{path}: 2 clips have no poses, the first {first}" in said.err
    assert not (tmp_path / "runs").exists()
    with pytest.raises(
        BadInput,
        match="clip S1_act_02_subact_01, 55011271: no poses, so no 2.5d_factor",
    ):
        Windows(h36m_pkl.load(str(path))[:2], frames=1, pixels=True)


def filmed() -> list[Clip]:
    """Synthetic clips, metric and in front of their cameras."""
    rig = protocols.load("synthetic").rig
    assert rig is not None
    return synthetic.load(rig=rig, small=0.1)[:6]


@pytest.mark.parametrize(
    ("frames", "outputs", "stride"),
    [
        (1, "centre", None),
        (9, "centre", 2),
        (9, "all", 4),
        (243, "all", None),
        (27, 5, 3),
    ],
)
def test_windows_in_pixels_are_those_in_metres_over_each_frames_factor(
    frames: int, outputs: Any, stride: int | None
) -> None:
    options = {"frames": frames, "outputs": outputs, "stride": stride}
    plain = Windows(filmed(), **options)  # type: ignore[arg-type]
    pixels = Windows(filmed(), pixels=True, **options)  # type: ignore[arg-type]
    indices = np.random.default_rng(0).permutation(len(plain))[:20]
    flip = np.arange(len(indices)) % 2 == 0
    (seen, metres), (same, thousands) = (
        windows.batch(indices, flip=flip) for windows in (plain, pixels)
    )
    np.testing.assert_array_equal(seen, same)
    np.testing.assert_allclose(pixels.metres(thousands, indices), metres, rtol=1e-6)
    np.testing.assert_allclose(pixels.metres(pixels.truth()), plain.truth(), rtol=1e-6)
    assert plain.factors() is None
    assert plain.factors(indices) is None
    assert plain.metres(metres, indices) is metres
    factors = pixels.factors()
    assert factors is not None
    assert factors.shape == (plain.scored,)
    places, of_windows = pixels.places(indices), pixels.factors(indices)
    assert of_windows is not None
    assert of_windows.shape == places.shape
    # a place below 0 is of a frame that is not scored
    np.testing.assert_array_equal(of_windows[places >= 0], factors[places[places >= 0]])


def test_windows_and_protocol_must_agree() -> None:
    in_pixels, plain = protocols.load(PROTOCOL), protocols.load("synthetic")
    for protocol, windows in (
        (plain, Windows(filmed(), frames=1, pixels=True)),
        (in_pixels, Windows(filmed(), frames=1)),
    ):
        with pytest.raises(BadInput, match="factors came"):
            score(1000 * windows.truth(), windows, protocol=protocol)


def test_somebody_behind_the_camera_has_no_factor() -> None:
    clip = filmed()[0]
    behind = np.array(clip.camera_pose)
    behind[7, 0, 2] = -3
    clip = dataclasses.replace(clip, camera_pose=behind)
    assert len(Windows([clip], frames=1)) == clip.frames
    with pytest.raises(
        BadInput,
        match=(
            f"clip {clip.name}, {clip.camera_name}: the root is behind the camera at frame"
            " 7, so no 2.5d_factor"
        ),
    ):
        Windows([clip], frames=1, pixels=True)
