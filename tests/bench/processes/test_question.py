"""One question in a process of its own: its answer, or why there is none, in one line."""

from __future__ import annotations

import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

from bench.coordinator.job import Progress
from bench.processes import question
from models.errors import BadInput, Missing, PosePortError

MODULE = """
import os, sys
from bench.processes.question import answer
from models.errors import BadInput

def asked(arguments):
{deed}

if __name__ == "__main__":
    sys.exit(answer(asked))
"""


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Asks a module whose answer is given by lines of a function."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def asked(deed: str, heard: Progress = lambda text, share: None) -> object:
        body = textwrap.indent(textwrap.dedent(deed), "    ")
        (tmp_path / "asked_module.py").write_text(MODULE.format(deed=body))
        return question.ask("asked_module", ["numpy", "one"], heard)

    return asked


def test_an_answer_is_json_beneath_what_was_printed(ask) -> None:
    assert ask("print('hello')\nreturn {'given': arguments}") == {
        "given": ["numpy", "one"]
    }


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("os.abort()", "numpy: the process ended with signal SIGABRT in asked (asked_"),
        (
            "os.kill(os.getpid(), 9)",
            "numpy: the process ended with signal SIGKILL, and",
        ),
        ("os._exit(1)", "numpy: the process ended with exit code 1, and said nothing"),
        # how a command tells bad input and what is absent, and no word of the child's here
        ("os._exit(2)", "numpy: the process ended with exit code 2, and said nothing"),
        ("os._exit(3)", "numpy: the process ended with exit code 3, and said nothing"),
        ("os._exit(0)", "numpy: the process ended without an answer"),
        ("raise SystemExit", "numpy: the process ended with exit code 1: SystemExit"),
        ("raise MemoryError('no room')", "exit code 1: MemoryError: no room (asked_mo"),
        (
            "raise ValueError('two\\nlines')",
            "exit code 1: ValueError: two lines (asked",
        ),
    ],
)
def test_a_process_that_dies_says_how(ask, deed: str, said: str) -> None:
    with pytest.raises(PosePortError) as caught:
        ask(deed)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_input_is_passed_on(ask) -> None:
    with pytest.raises(BadInput, match="^no such file$"):
        ask("raise BadInput('no such file')")


STRAY = """
print(chr(30) + "pose answers {}", flush=True)
os.system("echo noise")
for fd in range(3, 20):
    for said in ("junk ", "pose answers {", "pose at work 3", "pose refuses [2]"):
        try:
            os.write(fd, (chr(30) + said + chr(10)).encode())
        except OSError:
            pass
return 7
"""


def test_what_a_backend_prints_is_no_answer_and_a_stray_line_is_passed_over(
    ask,
) -> None:
    assert ask(STRAY) == 7


def test_a_refusal_comes_whole_and_on_its_line(ask) -> None:
    """The parent reads the last line, and a name may have the end of one in it."""
    with pytest.raises(BadInput) as caught:
        ask("raise BadInput('a\\nb.jpg: ' + 500 * 'x' + ' was due')")
    assert str(caught.value) == r"a\nb.jpg: " + 500 * "x" + " was due"


def test_how_far_it_is_is_heard_meanwhile_whatever_fills_the_other_pipe(ask) -> None:
    heard: list[tuple[str, float]] = []
    deed = """
        from bench.processes.question import tell
        tell("half", 0.5)
        sys.stderr.write("warning " * 100_000)
        print("greeting")
        tell("all", 1.0)
        return 7
    """
    assert ask(deed, lambda text, share: heard.append((text, share))) == 7
    assert heard == [("half", 0.5), ("all", 1.0)]


def test_one_that_hangs_is_given_up_in_a_line_that_says_what_to_do(
    ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(question.SETTING, "1.5")
    with pytest.raises(Missing) as caught:
        # talking is no sign of life
        ask("import time\nwhile True:\n    print('noise')\n    time.sleep(0.1)")
    said = str(caught.value)
    assert said.startswith("numpy: no answer after 1.5 s without a word")
    assert said.endswith("raise it with POSEPORT_PATIENCE=SECONDS in the environment")
    assert "\n" not in said


@pytest.mark.parametrize("seconds", ["", "soon", "0", "nan", "inf", "1e300"])
def test_a_patience_that_is_no_number_of_seconds_is_refused(
    ask, monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    monkeypatch.setenv(question.SETTING, seconds)
    with pytest.raises(BadInput, match="were due: set it anew, or unset it$"):
        ask("return 7")


@pytest.mark.parametrize(
    "deed",
    [
        "import subprocess\nsubprocess.Popen(['sleep', '300'])",
        "import subprocess\nsubprocess.Popen(['sleep', '30'], start_new_session=True)",
        "import threading, time\nthreading.Thread(target=time.sleep, args=[300]).start()",
        "import atexit, time\natexit.register(time.sleep, 300)",
    ],
)
def test_what_it_leaves_behind_holds_nobody_up(
    ask, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    monkeypatch.setattr(question, "LEAVING", 0.2)
    began = time.monotonic()
    assert ask(f"{deed}\nreturn 7") == 7
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("end", ["os.abort()", "os._exit(3)", "return 7"])
def test_what_it_has_started_ends_with_it(ask, tmp_path: Path, end: str) -> None:
    told = tmp_path / "started"
    start = f"""
import os, pathlib, subprocess, sys
sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
pathlib.Path({str(told)!r}).write_text(str(sleeper.pid))
{end}"""
    with suppress(PosePortError):
        ask(start)
    started = Path(f"/proc/{told.read_text()}/stat")
    for _ in range(100):
        # one that is dead and not yet reaped is there, as Z
        if not started.exists() or started.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("what the child started is still running")
