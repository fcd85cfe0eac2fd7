"""The whole way of many pictures: what is written, and that an interrupted run loses and doubles nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lcnn_engine import InputError, Net, SettingError, write_model
from lcnn_engine.batch import Summary, run_batch
from lcnn_engine.batch.journal import journal_of
from tests.helpers.batch_rows import check_rows, rows_of
from tests.helpers.image_files import save_noise
from tests.helpers.model_files import valid_graph, valid_tensors, without
from tests.helpers.running import ROOT


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_row_for_every_picture(
    net: Net, model_path: Path, pictures: Path, tmp_path: Path, threads: int, name: str
) -> None:
    shown: list[tuple[int, int | None]] = []
    summary = run_batch(
        model_path, [pictures], tmp_path / name, threads=threads, progress=lambda *now: shown.append(now)
    )
    assert isinstance(summary, Summary)
    assert (summary.rows, summary.failed, summary.resumed, summary.precision) == (11, 2, 0, "float32")
    assert 0 < summary.startup < summary.startup + summary.seconds
    assert shown == [(done, 11) for done in range(1, 12)]
    rows = rows_of(tmp_path / name)
    assert [Path(row["path"]).name for row in rows] == [*(f"{n}.png" for n in range(9)), "cut.png", "text.jpg"]
    check_rows(rows, net, pictures)
    assert not journal_of(tmp_path / name).exists()


def test_parquet(net: Net, model_path: Path, pictures: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow writes Parquet")
    run_batch(model_path, [str(pictures)], tmp_path / "a.parquet")
    check_rows(parquet.read_table(tmp_path / "a.parquet").to_pylist(), net, pictures)


def test_a_word_that_means_no_picture_is_a_row(model_path: Path, pictures: Path, tmp_path: Path) -> None:
    words = [pictures / "1.png", tmp_path / "none.png", tmp_path / "*.gif", pictures / "1.png"]
    summary = run_batch(model_path, words, tmp_path / "a.jsonl", top=2)
    assert summary is not None
    assert (summary.rows, summary.failed) == (4, 2)
    first, missing, pattern, last = rows_of(tmp_path / "a.jsonl")
    assert first == last
    assert list(first) == ["path", "label", "probability", "label_2", "probability_2", "error"]
    assert "No such file" in missing["error"]
    assert "found none that match" in pattern["error"]


def interrupted(model: Path, words: list[Any], out: Path, after: int, **options: Any) -> None:
    """Run until so many pictures are answered, then be interrupted."""

    def progress(done: int, total: int | None) -> None:
        if done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(model, words, out, progress=progress, **options)


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_goes_on_where_it_was_interrupted(
    net: Net, model_path: Path, pictures: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    out.write_text("the run before")
    interrupted(model_path, [pictures], out, 4)
    assert out.read_text() == "the run before"
    with pytest.raises(SettingError, match="go on with it by --resume"):
        run_batch(model_path, [pictures], out)
    interrupted(model_path, [pictures], out, 7, resume=True)
    with journal_of(out).open("ab") as file:
        file.write(b'{"path": "pictures/8.p')  # killed in the midst of a line
    shown: list[tuple[int, int | None]] = []
    summary = run_batch(model_path, [pictures], out, resume=True, progress=lambda *now: shown.append(now))
    assert summary is not None
    assert (summary.rows, summary.resumed, summary.failed) == (11, 7, 2)
    assert shown == [(done, 11) for done in range(8, 12)]
    check_rows(rows_of(out), net, pictures)
    assert run_batch(model_path, [pictures], out, resume=True) is None  # nothing is left to do
    check_rows(rows_of(out), net, pictures)


def test_a_picture_that_is_named_twice_has_two_rows(model_path: Path, pictures: Path, tmp_path: Path) -> None:
    words = [pictures / "1.png", pictures / "2.png", pictures / "1.png", pictures / "1.png"]
    interrupted(model_path, words, tmp_path / "a.jsonl", 2)
    run_batch(model_path, words, tmp_path / "a.jsonl", resume=True)
    found = Counter(row["path"] for row in rows_of(tmp_path / "a.jsonl"))
    assert found == {str(pictures / "1.png"): 3, str(pictures / "2.png"): 1}


def test_resume_begins_where_there_was_no_run(net: Net, model_path: Path, pictures: Path, tmp_path: Path) -> None:
    summary = run_batch(model_path, [pictures], tmp_path / "a.csv", resume=True)
    assert summary is not None
    assert summary.resumed == 0
    check_rows(rows_of(tmp_path / "a.csv"), net, pictures)


def test_another_run_does_not_go_on_with_it(model_path: Path, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    interrupted(model_path, [pictures], out, 4)
    write_model(valid_graph(), valid_tensors(), tmp_path / "other")
    for model, words, options, what in [
        (tmp_path / "other", [pictures], {}, "model"),
        (model_path, [pictures / "more"], {}, "pictures"),
        (model_path, [pictures], {"top": 2}, "top"),
        (model_path, [pictures], {"precision": "bfloat16"}, "precision"),
        (model_path, [pictures], {"column": "x"}, "column"),
    ]:
        with pytest.raises(SettingError, match=f"got another {what};"):
            run_batch(model, words, out, resume=True, **options)  # type: ignore[arg-type]


def test_arguments_that_mean_nothing(model_path: Path, pictures: Path, tmp_path: Path) -> None:
    for options in ({"engine": "spark"}, {"address": "auto"}, {"top": 0}, {"threads": 0}, {"precision": "int4"}):
        with pytest.raises(SettingError, match=f"expected {next(iter(options))}|expected an {next(iter(options))}"):
            run_batch(model_path, [pictures], tmp_path / "a.csv", **options)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        run_batch(tmp_path / "none", [pictures], tmp_path / "a.csv")
    (tmp_path / "bad").write_bytes(b"no model")
    with pytest.raises(ValueError, match="expected"):
        run_batch(tmp_path / "bad", [pictures], tmp_path / "a.csv")
    write_model(without(valid_graph(), "labels") | {"output": "norm"}, valid_tensors(), tmp_path / "planes")
    with pytest.raises(InputError, match="expected a model that gives"):
        run_batch(tmp_path / "planes", [pictures], tmp_path / "a.csv")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("a.csv")]


def test_killed_again_and_again(net: Net, model_path: Path, tmp_path: Path) -> None:
    """By SIGKILL, wherever it happens to be: no row is lost or doubled, and no file is there before it is whole."""
    folder, out = tmp_path / "pictures", tmp_path / "a.csv"
    folder.mkdir()
    for number in range(150):
        save_noise(folder / f"{number:03}.png", seed=number)
    command = [sys.executable, "-m", "lcnn_engine", "batch", model_path, folder, "--out", out, "--resume"]
    kills = 0
    for _ in range(200):
        enough = _size(journal_of(out)) + 1500  # a dozen rows more
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            while process.poll() is None and _size(journal_of(out)) < enough:
                time.sleep(0.001)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
        if process.returncode == 0:
            break
        assert not out.exists() or not journal_of(out).exists()
    assert kills >= 2
    rows = rows_of(out)
    assert [row["path"] for row in rows] == [str(path) for path in sorted(folder.iterdir())]
    assert all(row["label"] == net.classify(row["path"], top=1)[0][0] for row in rows[::50])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
