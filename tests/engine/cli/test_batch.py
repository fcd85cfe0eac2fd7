"""``lcnn batch``: what it says, and with what status it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lcnn_engine import Net
from lcnn_engine.batch.journal import journal_of
from lcnn_engine.utils.progress import NOTE_EVERY
from tests.helpers.batch_rows import expected_row, rows_of
from tests.helpers.running import ROOT, Run, conversing, in_shell


def test_says_what_it_did(run: Run, net: Net, model_path: Path, images: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    status, said, err = run("batch", model_path, *images, "--out", out, "--threads", 2)
    assert (status, err) == (0, "")
    assert said.startswith(f"{out}: 3 rows; ")
    assert rows_of(out) == [expected_row(net, path) for path in images]
    status, said, err = run("batch", model_path, *images, "none.png", "--out", out, "--json")
    assert (status, err) == (2, "")
    summary = json.loads(said)
    assert (summary["rows"], summary["failed"], summary["resumed"], summary["precision"]) == (4, 1, 0, "float32")
    assert {"startup", "seconds", "per_second"} < summary.keys()


@pytest.mark.parametrize("option", ["--max-bytes", "--max-multiplications"])
def test_a_model_beyond_its_limits(run: Run, model_path: Path, images: list[Path], tmp_path: Path, option: str) -> None:
    status, said, err = run("batch", model_path, *images, "--out", tmp_path / "a.csv", option, 100)
    assert (status, said) == (2, "")
    assert f"({option[2:].replace('-', '_')})" in err
    assert not list(tmp_path.glob("a.csv*"))


def test_goes_on(
    run: Run, model_path: Path, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.csv"
    command = ("batch", model_path, *images, "none.png", "--out", out)

    def interrupt(_: object, done: int, total: int | None) -> None:
        assert total == 4
        if done == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("lcnn_engine.utils.progress.Progress.show", interrupt)
        status, said, err = run(*command)
    assert (status, said) == (130, "")
    assert err == f"lcnn: stopped; the rows so far are kept in {journal_of(out)}: go on with --resume\n"
    status, said, err = run(*command)
    assert (status, said) == (2, "")
    assert "expected no run that was interrupted" in err
    status, said, err = run(*command, "--resume")
    assert (status, err) == (2, "")
    assert said.startswith(f"{out}: 4 rows, 2 of them there before, 1 with an error; ")
    assert run(*command, "--resume") == (0, "", f"{out}: is whole already; nothing is left to do\n")
    assert [row["path"] for row in rows_of(out)] == [*map(str, images), "none.png"]


def test_paths_on_the_standard_input(model_path: Path, images: list[Path], tmp_path: Path) -> None:
    command = f"find '{tmp_path}' -name '*.png' | sort | lcnn batch '{model_path}' - --out '{tmp_path}/a.csv'"
    result = in_shell(command)
    assert (result.returncode, result.stderr) == (0, "")
    assert [row["path"] for row in rows_of(tmp_path / "a.csv")] == [str(path) for path in images]


def test_refusals(run: Run, model_path: Path, bare_model: Path, images: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    for words, said in [
        ((bare_model, images[0], "--out", out), "how to preprocess images"),
        ((model_path, images[0], "--out", tmp_path / "a.txt"), "ends in .jsonl, .csv, .parquet"),
        ((model_path, images[0], "--out", tmp_path / "none/a.csv"), "No such file or directory"),
        ((model_path, images[0], "--out", out, "--address", "auto"), "an address with the engine ray alone"),
        ((model_path, images[0]), "--out"),
        ((model_path, "--out", out), "PATH"),
        ((model_path, images[0], "--out", out, "--engine", "spark"), "invalid choice"),
    ]:
        status, printed, err = run("batch", *words)
        assert (status, printed) == (2, "")
        assert said in err
    assert not out.exists()
    assert not journal_of(out).exists()


def test_ctrl_c_keeps_the_rows(model_path: Path, images: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    with conversing("batch", str(model_path), "-", "--out", str(out)) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write("".join(f"{path}\n" for path in images))
        process.stdin.flush()
        while not journal_of(out).exists() or journal_of(out).read_bytes().count(b"\n") < 4:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(600) == 130
        assert "go on with --resume" in process.stderr.read()
    assert not out.exists()


def test_bar_on_a_terminal(model_path: Path, images: list[Path], tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    out = tmp_path / "a.csv"
    command = [sys.executable, "-m", "lcnn_engine", "batch", model_path, "-", "--out", out]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs, text=True
    ) as process:
        os.close(theirs)
        assert process.stdin is not None
        process.stdin.write(f"{images[0]}\n")
        process.stdin.flush()
        while not journal_of(out).exists() or journal_of(out).read_bytes().count(b"\n") < 2:
            time.sleep(0.01)
        time.sleep(2 * NOTE_EVERY)
        process.stdin.write(f"{images[1]}\n")
        process.stdin.close()
        assert process.wait(600) == 0
    assert b"2 images, " in os.read(ours, 10_000)
    os.close(ours)
