"""``lcnn predict``: what it prints of good images, and what it says of bad ones."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from PIL import Image

from lcnn_engine import Net, write_model
from lcnn_engine.utils.progress import NOTE_EVERY
from tests.helpers.model_files import valid_graph, valid_tensors, without
from tests.helpers.running import ROOT, Run, conversing, in_shell


def test_one_line_an_image(run: Run, model_path: Path, images: list[Path]) -> None:
    status, out, err = run("predict", model_path, *images, "--top", 2, "--threads", 1)
    assert (status, err) == (0, "")
    net = Net.load(model_path)
    for line, path in zip(out.splitlines(), images, strict=True):
        (first, p), (second, q) = net.classify(path, top=2)
        assert line.split("   ") == [str(path), f"{first} {p:.2%}", f"{second} {q:.2%}"]


def test_json(run: Run, model_path: Path, images: list[Path]) -> None:
    status, out, _ = run("predict", model_path, *images, "--json", "--top", 4)
    assert status == 0
    answers = json.loads(out)
    assert [answer["image"] for answer in answers] == [str(path) for path in images]
    net = Net.load(model_path)
    for answer in answers:
        found = [(item["label"], item["probability"]) for item in answer["classes"]]
        assert found == net.classify(answer["image"], top=4)


def test_the_good_images_of_many_are_answered(run: Run, model_path: Path, images: list[Path], tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes(images[0].read_bytes()[:100])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    bad = [
        tmp_path / "none.png",
        tmp_path / "folder",
        tmp_path / "text.png",
        tmp_path / "cut.png",
        tmp_path / "empty.png",
    ]
    status, out, err = run("predict", model_path, images[0], *bad, images[1])
    assert status == 2
    assert [line.split("   ")[0].strip() for line in out.splitlines()] == [str(path) for path in images[:2]]
    lines = err.splitlines()
    assert len(lines) == len(bad)
    for line, path in zip(lines, bad, strict=True):
        assert line.startswith("lcnn: error: ")
        assert str(path) in line


def test_json_has_the_good_images_only(run: Run, model_path: Path, images: list[Path]) -> None:
    status, out, err = run("predict", model_path, "none.png", images[0], "--json")
    assert status == 2
    assert len(json.loads(out)) == 1
    assert "none.png" in err
    status, out, _ = run("predict", model_path, "none.png", "--json")
    assert (status, json.loads(out)) == (2, [])


def test_model_without_preprocessing(run: Run, bare_model: Path, images: list[Path]) -> None:
    status, out, err = run("predict", bare_model, *images)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "preprocess" in err


def test_what_pillow_says_is_not_said_twice(
    run: Run, model_path: Path, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large image makes Pillow warn; what is no image makes it name the object that it read from."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)  # an image here has 750
    (tmp_path / "text.png").write_text("no image")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        status, out, err = run("predict", model_path, images[0], tmp_path / "text.png")
    assert (status, out.count("\n"), caught) == (2, 1, [])
    assert (
        "text.png': expected a whole image (JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or PPM), got something else; " in err
    )


def test_model_that_gives_no_classes(run: Run, images: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "planes"
    graph = without(valid_graph(), "labels") | {"output": "norm"}
    write_model(graph, valid_tensors(), path)
    status, out, err = run("predict", path, images[0])
    assert (status, out) == (2, "")
    assert "(classes,)" in err


def test_labels_from_outside_do_not_steer_the_terminal(run: Run, images: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "model"
    write_model(valid_graph() | {"labels": ["\x1b[2J\n", "猫"]}, valid_tensors(), path)
    status, out, _ = run("predict", path, images[0])
    assert status == 0
    assert out.count("\n") == 1
    assert "\x1b" not in out
    assert "\\x1b[2J\\n" in out
    assert "猫" in out


def test_json_lines(run: Run, model_path: Path, images: list[Path], tmp_path: Path) -> None:
    """Of every image, in order, whatever the cores; one that failed says why."""
    names = [*images, tmp_path / "none.png"] * 15
    net = Net.load(model_path)
    for threads in (1, 2, 5):
        status, out, err = run("predict", model_path, *names, "--jsonl", "--threads", threads, "--top", 2)
        assert (status, err.count("\n")) == (2, 15)
        entries = [json.loads(line) for line in out.splitlines()]
        assert [entry["image"] for entry in entries] == [str(name) for name in names]
        for entry, name in zip(entries, names, strict=True):
            if name.exists():
                found = [(item["label"], item["probability"]) for item in entry["classes"]]
                assert found == net.classify(name, top=2)
                assert entry.keys() == {"image", "classes"}
            else:
                assert entry == {"image": str(name), "error": f"{name}: No such file or directory"}


def test_csv(run: Run, model_path: Path, images: list[Path]) -> None:
    status, out, _ = run("predict", model_path, images[0], "no,ne.png", "--csv", "--top", 2)
    assert status == 2
    first, second, bad = csv.DictReader(io.StringIO(out))
    (label, value), (other, less) = Net.load(model_path).classify(images[0], top=2)
    assert (first["image"], first["rank"], first["label"], float(first["probability"])) == (
        str(images[0]), "1", label, value,
    )  # fmt: skip
    assert (second["rank"], second["label"], float(second["probability"]), second["error"]) == ("2", other, less, "")
    assert (bad["image"], bad["label"], bad["error"]) == ("no,ne.png", "", "no,ne.png: No such file or directory")


def test_one_form_at_a_time(run: Run, model_path: Path, images: list[Path]) -> None:
    status, out, err = run("predict", model_path, images[0], "--csv", "--jsonl")
    assert (status, out) == (2, "")
    assert "not allowed with" in err


def test_folders_and_patterns(run: Run, model_path: Path, images: list[Path], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    for words in ([tmp_path], [tmp_path / "image*"], [tmp_path / "image [0-1].png", images[2]]):
        status, out, err = run("predict", model_path, *words, "--jsonl")
        assert (status, err) == (0, "")
        assert [json.loads(line)["image"] for line in out.splitlines()] == [str(path) for path in images]


def test_paths_on_the_standard_input(model_path: Path, images: list[Path]) -> None:
    folder = images[0].parent
    result = in_shell(f"find '{folder}' -name '*.png' | sort | lcnn predict '{model_path}' - --jsonl")
    assert (result.returncode, result.stderr) == (0, "")
    assert [json.loads(line)["image"] for line in result.stdout.splitlines()] == [str(path) for path in images]
    result = in_shell(f"lcnn predict '{model_path}' - --jsonl < '{images[0]}'")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_images_through_pipes(model_path: Path, images: list[Path]) -> None:
    expected = in_shell(f"lcnn predict '{model_path}' '{images[0]}'").stdout.split("png")[1]
    result = in_shell(f"cat '{images[0]}' | lcnn predict '{model_path}' /dev/stdin <(cat '{images[0]}') <(echo none)")
    assert result.returncode == 2
    assert result.stderr.startswith("lcnn: error: /dev/fd/")
    assert [line.partition("   ")[2].strip() for line in result.stdout.splitlines()] == [expected.strip()] * 2


@pytest.mark.parametrize("form", ["--jsonl", "--csv", "--top=1"])
def test_answers_come_while_more_is_asked(model_path: Path, images: list[Path], form: str) -> None:
    """One can wait for an answer before the next question; Ctrl-C leaves what was written, and is heard."""
    with conversing("predict", str(model_path), "-", form, "--threads", "2") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for path in images:
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            line = process.stdout.readline()
            while str(path) not in line:
                assert line.startswith("image")  # the head of a table, or more of the last image's rows
                line = process.stdout.readline()
            if form == "--csv":
                for _ in range(2):  # of the three classes of an image
                    process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(600) == 130  # though its standard input is open
        assert process.stderr.read() == ""


def test_bar_on_a_terminal(model_path: Path, images: list[Path], tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with (tmp_path / "out").open("wb") as out:
        command = [sys.executable, "-m", "lcnn_engine", "predict", str(model_path), "-", "none", "--jsonl"]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=theirs) as process:
            os.close(theirs)
            assert process.stdin is not None
            process.stdin.write(f"{images[0]}\n".encode())
            process.stdin.flush()
            while not (tmp_path / "out").stat().st_size:
                time.sleep(0.01)
            time.sleep(2 * NOTE_EVERY)
            process.stdin.write(f"{images[1]}\n".encode())
            process.stdin.close()
            assert process.wait(600) == 2
    seen = os.read(ours, 10000).decode()
    os.close(ours)
    assert "2 images, " in seen
    assert "none: No such file" in seen
    assert (tmp_path / "out").read_bytes().count(b"\n") == 3
    assert b"\x1b" not in (tmp_path / "out").read_bytes()
