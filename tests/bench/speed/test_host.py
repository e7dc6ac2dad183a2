"""What the host does while samples are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.speed import host


def counts(file: Path, busy: int) -> None:
    """A file like /proc/stat: ticks of two processors that are ours, and of one that is not."""
    lines = ["cpu 0 0 0 0 0 0 0 0 0 0"]
    lines += [f"cpu{n} {busy} 0 0 1000 50 0 0 0 7 7" for n in (0, 1)]
    lines += ["cpu2 9999 0 0 0 0 0 0 0 0 0", "intr 5"]
    file.write_text("\n".join(lines), encoding="ascii")


def test_others_are_what_our_processors_did_without_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat, now, own = tmp_path / "stat", [0.0], [0.0]
    monkeypatch.setattr(host, "COUNTS", stat)
    monkeypatch.setattr(host, "_mine", lambda: {0, 1})
    monkeypatch.setattr(host, "calibrated", lambda: 1e-3)
    monkeypatch.setattr(host.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(host.time, "process_time", lambda: own[0])
    monkeypatch.setattr(host.os, "sysconf", lambda name: 100)

    def turn() -> None:
        now[0] += 5.0  # others have their turn meanwhile, and count for nothing
        counts(stat, int(100 * now[0]))

    counts(stat, 0)
    watched = host.Host(turn)
    watched()
    # two seconds, in which both processors were busy half a second each, we for 0.6 of it
    before = int(100 * now[0])
    now[0] += 2.0
    own[0] += 0.6
    counts(stat, before + 50)
    seen = watched.seen()
    assert (seen.others, seen.mine) == (pytest.approx(0.2), pytest.approx(0.3))
    assert seen.calibration == (1e-3,)
    assert watched.idle == 0.0


def test_idle_work_is_counted_while_the_turn_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, own = [0.0], [0.0]
    monkeypatch.setattr(host, "calibrated", lambda: 1e-3)
    monkeypatch.setattr(host.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(host.time, "process_time", lambda: own[0])

    def spinning() -> None:
        now[0] += 2.0
        own[0] += 1.0

    watched = host.Host(spinning)
    assert watched.idle is None, "it has not waited yet"
    watched()
    assert watched.idle == 0.5


def test_a_turn_is_handed_on_when_this_process_has_stopped_spinning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, naps = [0.0], []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        # a pool that spins for three looks
        own[0] += seconds if len(naps) <= 3 else 0.0

    monkeypatch.setattr(host.time, "sleep", nap)
    monkeypatch.setattr(host.time, "process_time", lambda: own[0])
    host.settle()
    assert len(naps) == 4
    naps.clear()
    monkeypatch.setattr(host, "NAPS", 2)
    host.settle()
    assert len(naps) == 2, "one that never stops holds nobody up"


def test_a_system_that_does_not_count_is_not_guessed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "COUNTS", tmp_path / "nowhere")
    watched = host.Host(lambda: None)
    watched()
    assert watched.seen().others is None


def test_drift_wants_nine_rounds() -> None:
    assert host.drift([1.0] * 8) is None
    assert host.drift([1.0] * 6 + [2.0] * 3) == 1.0
    assert host.drift([0.0] * 9) is None
