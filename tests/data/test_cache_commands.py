"""What the commands say of a cache, and what it costs to look at one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.__main__ import main
from bench.data.clip import Clip
from bench.data.geometry.skeletons import H36M17
from bench.data.readers import cache
from tests.data.cache_files import made, write
from tests.paths import ROOT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("convert", "synthetic"), "convert and show, which need it"),
        (("info", "synthetic", "--to", "x"), "goes with convert"),
        (("info", "cache:nowhere"), "nowhere: no such file"),
        (("stats", "cache:"), "cannot be read"),
        (("convert", "bvh:nowhere", "--to", "x"), "no such file"),
        (("convert", "bvh:nowhere", "--to", "."), ".: cannot be written (a folder)"),
        # before minutes are spent on reading
        (("convert", "bvh:nowhere", "--to", "nowhere/x"), "cannot be written"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(("data", *arguments)) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not Path("x").exists()


def test_commands(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("data", "stats", f"cache:{file}", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["frames"] == 360
    assert found["clips"] == 12
    assert found["reprojection_px"]["max"] < 0.01
    assert (
        0
        < found["bone_change_within_clip_mm"]["max"]
        < 0.01
        < 300
        < found["bone_RHip-RKnee_mm"]["mean"]
        < 600
    )
    assert found["left_against_right_mm"]["max"] < 0.01
    assert main(("data", "info", f"cache:{file}")) == 0
    assert capsys.readouterr().out.startswith("frames  360")


def test_info_reads_the_header_alone(file: Path) -> None:
    """No framework, no NumPy, no protocol is imported to say what a cache holds."""
    code = (
        "import sys; from bench import data; print(data.describe(sys.argv[1])['frames'],"
        " [name for name in ('bench.data.protocols', 'bench.data.clip',"
        " 'bench.commands._measure', 'scipy') if name in sys.modules])"
    )
    # in a process of its own: here all of them are imported already
    out = subprocess.run(
        [sys.executable, "-c", code, f"cache:{file}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert out.stdout.strip() == "360 []"


RESIDENT = """
import sys
from bench.data.readers import cache
from bench.data.batches.windows import Windows
from pathlib import Path

def most():  # resident memory at its highest; getrusage would count the parent's from before exec
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

clips = cache.load(sys.argv[1], rig=None)
before = most()
windows = Windows(clips, frames=27, stride=1)
print(before, most() - before, windows.nbytes)
"""


def test_windows_of_a_cache_take_the_memory_of_their_arrays(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not say how much memory was resident at the most")
    clip = made()[0]
    draw = np.random.default_rng(0)
    frames = 3000
    parts = [
        draw.normal(0, 400, (frames, 17, width)).astype(np.float32)
        for width in (2, 3, 3)
    ]
    certain = np.ones((frames, 17), np.float32)
    labels = (clip.name, "S1", "", "", "0", 50.0, H36M17)
    clips = [
        Clip(
            *labels, parts[0] + n, certain + n, parts[1] + n, parts[2] + n, clip.camera
        )
        for n in range(20)
    ]
    cache.save(tmp_path / "big", clips, kind="x", rig=None, facts={})
    out = subprocess.run(
        [sys.executable, "-c", RESIDENT, str(tmp_path / "big")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    # bytes after loading, more of them after the windows, and what the windows hold
    loaded, grown, arrays = map(int, out.stdout.split())
    # had the file's pages stayed, they would be seen
    assert (tmp_path / "big").stat().st_size > 1.3 * arrays
    assert grown < 1.5 * arrays
    assert loaded < 200e6
