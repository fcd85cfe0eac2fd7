"""``lcnn profile``: its table, its JSON, and the files that it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from lcnn_engine import write_model
from lcnn_engine.model.graph import Conv2D
from tests.helpers.networks import chain, with_tensors
from tests.helpers.running import Run


def test_table(run: Run, model_path: Path, images: list[Path]) -> None:
    for image in ([], images[:1]):
        status, out, err = run("profile", model_path, *image, "--runs", 3, "--threads", 1)
        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert lines[0].startswith("small-classifier: ")
        assert lines[1].split()[:3] == ["step", "operation", "kernel"]
        assert any(line.startswith("total") for line in lines)


def test_json(run: Run, model_path: Path) -> None:
    status, out, _ = run("profile", model_path, "--runs", 2, "--json")
    assert status == 0
    steps = json.loads(out)["steps"]
    assert {step["name"] for step in steps} >= {"conv1", "fc8"}
    assert all(step["seconds"] > 0 for step in steps)


def test_choices(run: Run, model_path: Path) -> None:
    """How each lookup layer is computed, and what each way was predicted to take, in the text and in JSON."""
    status, out, _ = run("profile", model_path, "--runs", 2, "--json", "--no-dense")
    choices = json.loads(out)["choices"]
    assert status == 0
    assert [choice["name"] for choice in choices] == ["conv1", "conv2", "fc6", "fc7"]
    for choice in choices:
        assert choice["chosen"] in choice["predicted"]
        assert set(choice["predicted"]) == {"lookups", "multiplied out"}
        assert all(seconds > 0 for seconds in choice["predicted"].values())
    _, out, _ = run("profile", model_path, "--runs", 2, "--no-dense")
    lines = out.split("\n\n")[1].splitlines()
    assert lines[0].split("  ")[0] == "lookup layer"
    assert {line.split()[0] for line in lines[1:]} >= {"conv1", "conv2", "fc6", "fc7"}


def test_dense_equivalent(run: Run, model_path: Path) -> None:
    status, out, _ = run("profile", model_path, "--runs", 2, "--json", "--threads", 1)
    facts = json.loads(out)
    assert status == 0
    assert facts["lookup_layers"] == ["conv1", "conv2", "fc6", "fc7"]
    assert facts["dense_seconds"] == pytest.approx(sum(step["seconds"] for step in facts["dense"]))
    assert facts["ratio"] == pytest.approx(facts["dense_seconds"] / facts["seconds"])
    status, out, _ = run("profile", model_path, "--runs", 2, "--json", "--no-dense")
    assert (status, json.loads(out)["dense"], json.loads(out)["ratio"]) == (0, None, None)


def test_a_dense_network_has_no_dense_equivalent(run: Run, tmp_path: Path) -> None:
    conv = Conv2D(name="conv", inputs=("image",), filters=4, kernel_size=(3, 3))
    write_model(*with_tensors(chain([conv], (8, 8, 3))), tmp_path / "dense")
    status, out, err = run("profile", tmp_path / "dense", "--runs", 2)
    assert (status, err) == (0, "")
    assert "dense us" not in out


def test_files(run: Run, model_path: Path, tmp_path: Path) -> None:
    trace, plot = tmp_path / "trace.json", tmp_path / "plot.png"
    status, _, err = run("profile", model_path, "--runs", 2, "--trace", trace, "--plot", plot)
    assert (status, err) == (0, "")
    assert json.loads(trace.read_text())["traceEvents"]
    with Image.open(plot) as image:
        assert image.format == "PNG"


def test_files_that_cannot_be(run: Run, model_path: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for option, path, reason in (
        ("--plot", tmp_path / "plot.gif", "expected an image to draw to end in .png or .svg"),
        ("--plot", tmp_path / "folder.png", "Is a directory"),
        ("--plot", tmp_path / "none" / "plot.png", "No such file or directory"),
        ("--trace", tmp_path, "Is a directory"),
        ("--trace", "/dev/null", "expected a file or nothing there, found a device, pipe or socket"),
    ):
        result = run("profile", model_path, "--runs", 1, option, path)
        assert result == (2, "", f"lcnn: error: {path}: {reason}\n")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder.png"]
