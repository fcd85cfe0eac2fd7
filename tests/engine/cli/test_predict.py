"""``lcnn predict``: what it prints of good images, and what it says of bad ones."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
from PIL import Image

from lcnn_engine import Net, write_model
from tests.helpers.model_files import valid_graph, valid_tensors, without
from tests.helpers.running import Run


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
    bad = [tmp_path / "none.png", tmp_path, tmp_path / "text.png", tmp_path / "cut.png", tmp_path / "empty.png"]
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
