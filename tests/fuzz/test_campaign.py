"""The search finds what is planted, says by which input, and goes on where it was ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.campaign import Campaign
from tests.fuzz.planted import FAULTS
from tests.fuzz.pool import ROOT, EndedError, Process

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured by Linux' /proc")
EVERY_FAULT = {
    "crash": "SIGABRT", "loop": "SIGPROF: too much processor time", "raise": "ValueError: a planted error",
    "memory": "planted: expected at most 16777216 bytes, found 3", "bomb": "MemoryError",
    "wrong": "expected other bits",
}  # fmt: skip


def findings(folder: Path) -> dict[str, str]:
    """What was found, by the first word of the input that shows it."""
    found = {}
    for text in (folder / "findings").glob("*.txt"):
        found[text.with_suffix(".bin").read_bytes().decode().split()[0]] = text.read_text()
    return found


def test_every_planted_fault_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["planted=120", "--seed", "3", "--workers", "2", "--folder", str(tmp_path)]) == 1
    found = findings(tmp_path)
    assert found.keys() == set(FAULTS)
    for word, text in EVERY_FAULT.items():
        assert text in found[word], word
        assert "planted, seed 3, number " in found[word]
    out = capsys.readouterr().out
    assert out.startswith(f"seed 3, in {tmp_path}\n")
    assert f"FOUND {tmp_path}/findings/planted-" in out
    count = Campaign.resumed(tmp_path).counts["planted"]
    assert count.tried == 120 == count.loaded + count.found
    assert 2**24 < count.peak < 2**26


def test_what_is_new_is_kept_and_begun_with(tmp_path: Path) -> None:
    main(["planted=5", "--seed", "1", "--workers", "1", "--folder", str(tmp_path)])
    assert not list((tmp_path / "corpus/planted").iterdir())  # what is made does not depend on what is found meanwhile
    Campaign.begun(tmp_path, 2, {"planted": 1})
    kept = [path.read_bytes() for path in (tmp_path / "corpus/planted").iterdir()]
    assert [data.split()[0] for data in kept] == [b"harmless"]
    note = tmp_path / "note"
    process = Process(note, tmp_path / "corpus")
    assert process.run({"kind": "planted", "seed": 9, "start": 0, "count": 3})["loaded"] == 3
    process.close()
    assert note.read_bytes() == kept[0]


def test_the_same_seed_makes_the_same_inputs(tmp_path: Path) -> None:
    for name in ("one", "two"):
        main(
            ["planted=120", "--seed", "4", "--workers", "1" if name == "one" else "2", "--folder", str(tmp_path / name)]
        )
    one, two = (Campaign.resumed(tmp_path / name).counts["planted"] for name in ("one", "two"))
    assert (one.loaded, one.found) == (two.loaded, two.found)


def test_killed_it_goes_on_where_it_was(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "model_files=400", "--seed", "5", "--workers", "1",
               "--folder", str(tmp_path)]  # fmt: skip
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    state = tmp_path / "state.json"
    while time.monotonic() < deadline and not (
        state.exists() and json.loads(state.read_text())["counts"]["model_files"]["tried"]
    ):
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    before = Campaign.resumed(tmp_path).counts["model_files"]
    assert 0 < before.tried < 400
    assert subprocess.run([*command, "--resume"], cwd=ROOT, check=False).returncode == 0
    after = Campaign.resumed(tmp_path).counts["model_files"]
    assert after.tried == 400 == after.loaded + after.refused
    assert after.runs > before.runs


def test_a_process_that_sleeps_for_ever_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.pool.STALLED", 2)
    monkeypatch.setattr("tests.fuzz.pool.TICK", 0.1)
    process = Process(tmp_path / "note", tmp_path)
    process._process = subprocess.Popen(["sleep", "600"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    (tmp_path / "note").write_bytes(b"sleep")
    with pytest.raises(EndedError, match="SIGABRT: it hung") as ended:
        process.run({})
    assert ended.value.data == b"sleep"


@pytest.mark.parametrize("words", [["paintings=3"], ["planted"], []])
def test_what_means_nothing_is_said(tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit, match="expected"):
        main([*words, "--folder", str(tmp_path)])
