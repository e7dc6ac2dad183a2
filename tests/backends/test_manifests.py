"""Manifests of strangers: whatever they do, they do it to nobody but themselves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import EntryPoint
from json import dumps
from pathlib import Path

import pytest

import backends
from backends import foreign
from backends.base import Format
from models.errors import Missing
from tests.backends.packages import is_alive, written

DEEDS = (
    "1 / 0",
    "raise SystemExit(3)",
    "import nowhere",
    "class Odd(BaseException): pass\nraise Odd",
    "raise KeyboardInterrupt",
)


@pytest.mark.parametrize("deed", DEEDS)
def test_a_manifest_that_cannot_be_imported_is_its_own_backends_matter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, deed: str
) -> None:
    place = written(monkeypatch, tmp_path, deed)
    with pytest.raises(Missing) as caught:
        backends.require("inhouse")
    due = f"backend inhouse: its manifest {place} cannot be imported: "
    assert str(caught.value).startswith(due)
    # all others go on
    backends.require("numpy")
    assert "inhouse" in backends.names()
    assert "inhouse" not in backends.installed()
    assert "inhouse" not in backends.frameworks()
    assert "numpy" in backends.packages()
    assert backends.exporter("onnx")[0] == "onnx"
    backends.isolate("inhouse")


FATAL = {
    "import time\ntime.sleep(600)": "did not come back in 0.5 s",
    "import os\nos._exit(0)": "ended its process with exit code 0",
    # the code of who has answered
    "import os\nos._exit(117)": "ended its process with exit code 117",
    "import os\nos.abort()": "ended its process with signal 6",
    "import threading\nthreading.Thread(target=threading.Event().wait).start()": (
        "started a thread"
    ),
    "import subprocess\nsubprocess.Popen(['sleep', '600'])": "started a process",
}


@pytest.mark.parametrize("deed", FATAL)
def test_a_manifest_that_ends_or_holds_its_process_takes_no_other_along(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, deed: str
) -> None:
    place = written(monkeypatch, tmp_path, deed)
    if "sleep(600)" in deed:
        monkeypatch.setattr(foreign, "PATIENCE", 0.5)
    with pytest.raises(Missing) as caught:
        backends.require("inhouse")
    due = f"backend inhouse: its manifest {place} {FATAL[deed]} when it was imported; "
    assert str(caught.value).startswith(due)
    # once for all that this process asks and starts
    monkeypatch.setattr(foreign, "_tried", lambda *given: pytest.fail("tried again"))
    assert "inhouse" not in backends.installed()


@pytest.mark.parametrize("name", ['"house"', "1"])
@pytest.mark.parametrize("given", ['".x", (b"1",)', '".x", (None,)', '3, ("a",)'])
def test_a_format_of_what_are_no_texts_is_a_wrong_list_of_exports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, given: str
) -> None:
    text = "from backends.base import Format\nREQUIRES = ()\ndef load(): ...\n"
    made = f"EXPORTS = {{{name}: Format({given})}}\n"
    written(monkeypatch, tmp_path, text + made)
    with pytest.raises(Missing, match="has no EXPORTS, a mapping of names to "):
        backends.require("inhouse")


LONG = {
    "raise ValueError(300_000 * 'x')": "cannot be imported: ValueError: x",
    "REQUIRES = [f'{i}module' + 1000 * 'x' for i in range(200)]": "needs 0modulex",
}


@pytest.mark.parametrize("deed", LONG)
def test_a_manifest_that_says_much_leaves_room_for_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, deed: str
) -> None:
    written(monkeypatch, tmp_path, deed + "\ndef load(): ...\n")
    for _ in range(2):
        with pytest.raises(Missing, match=LONG[deed]):
            backends.require("inhouse")
        # it is read once, wherever that is kept
        monkeypatch.setattr(foreign, "_tried", lambda *given: pytest.fail("again"))
    assert len(os.environ.get(foreign.TRIED, "")) <= foreign.ROOM
    assert subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0


def test_many_packages_share_the_room_that_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(foreign.TRIED, "{}")
    monkeypatch.setattr(foreign, "_HERE", {})
    raised: foreign.Read = {"raised": 1000 * "x"}
    monkeypatch.setattr(foreign, "_tried", lambda *given: raised)
    for i in range(200):
        assert foreign.read(f"package{i}", []) == raised
    assert len(os.environ[foreign.TRIED]) <= foreign.ROOM


TAMPERING = """
import atexit, builtins, json, os, signal, sys
from backends.base import Format
print("python")
os.system("echo shell; echo shell >&2")
os.chdir("/")
os.environ["POSEPORT_TAMPERED"] = "yes"
sys.path.clear()
builtins.sorted = json.dumps = None
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 60)
atexit.register(os.abort)
REQUIRES, PACKAGES, EXTRA = (), ["numpy"], ""
EXPORTS = {"house": Format(".house", ("storey",))}
def load(): ...
"""


def test_what_a_manifest_does_to_its_process_is_not_done_to_this_one(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    written(monkeypatch, tmp_path, TAMPERING)
    before = Path.cwd(), list(sys.path), signal.getsignal(signal.SIGINT), dumps
    backends.require("inhouse")
    # what it says is known all the same
    assert backends.distributions("inhouse") == ("numpy",)
    assert backends.exporter("house") == ("inhouse", Format(".house", ("storey",)))
    assert backends.keeper() != "inhouse"
    after = Path.cwd(), sys.path, signal.getsignal(signal.SIGINT), json.dumps
    assert after == before
    assert "inhouse_backend" not in sys.modules
    assert sorted([2, 1]) == [1, 2]
    assert "POSEPORT_TAMPERED" not in os.environ
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert capfd.readouterr() == ("", "")


DAEMON = """
import os
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    with open({place!r}, "w") as file:
        file.write(str(os.getpid()))
    import time
    time.sleep(600)
os.wait()
import time
while not os.path.exists({place!r}) or not os.path.getsize({place!r}):
    time.sleep(0.01)
REQUIRES = ()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the environments in /proc")
def test_a_manifest_that_leaves_a_daemon_is_refused_and_the_daemon_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "daemon"
    written(monkeypatch, tmp_path, DAEMON.format(place=str(told)))
    with pytest.raises(Missing, match="started a process when it was imported; "):
        backends.require("inhouse")
    assert not is_alive(int(told.read_text()))


def test_what_a_manifest_lies_in_and_requires_is_not_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for package in ("house", "floor"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
        (tmp_path / package / "part.py").write_text(
            "REQUIRES = ('floor.part', 'floor.other', 'floor.part.deeper')"
        )
    written(monkeypatch, tmp_path, "")
    entry = EntryPoint("inhouse", "house.part", "poseport.backends")
    monkeypatch.setattr("backends.manifests.entry_points", lambda *, group: [entry])
    with pytest.raises(Missing) as caught:
        backends.require("inhouse")
    due = "backend inhouse needs floor.other, floor.part.deeper, not installed here: "
    assert str(caught.value).startswith(due)
    assert not {"house", "floor"} & sys.modules.keys()
