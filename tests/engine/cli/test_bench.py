"""``lcnn bench``: its report, its JSON, its notes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lcnn_engine import kernel_info
from tests.helpers.running import Run


def test_report(run: Run, model_path: Path, images: list[Path]) -> None:
    for image, named in (([], "seeded noise"), (images[:1], str(images[0]))):
        arguments = ["bench", model_path, *image, "--threads", 1, "--warmup", 0, "--runs", 5]
        status, out, err = run(*arguments)
        assert (status, err) == (0, "")
        head, *rows = out.splitlines()
        assert head.startswith(f"small-classifier on {named}: {kernel_info()['isa']}, ")
        assert head.endswith(", 1 thread")
        assert [row.split()[0] for row in rows[:-1]] == [
            "load",
            "first",
            "median",
            "p90",
            "p99",
            "best",
            "images/s",
        ]


def test_json(run: Run, model_path: Path) -> None:
    arguments = ["bench", model_path, "--batch", 3, "--warmup", 2, "--runs", 20, "--threads", 2, "--json"]
    status, out, _ = run(*arguments)
    facts = json.loads(out)
    assert status == 0
    assert (facts["batch"], facts["warmup"], facts["runs"], facts["threads"]) == (3, 2, 20, 2)
    assert (facts["isa"], facts["blas_core"]) == (kernel_info()["isa"], kernel_info()["blas_core"])
    seconds = facts["seconds"]
    assert 0 < seconds["best"] <= seconds["median"] <= seconds["p90"] <= seconds["p99"]
    assert facts["images_per_second"] == pytest.approx(3 / seconds["median"])


def test_progress_only_on_a_terminal(
    run: Run, model_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lcnn_engine.cli.bench.NOTE_EVERY", 0)
    assert run("bench", model_path, "--runs", 3)[2] == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert "timing: 2 of 3" in run("bench", model_path, "--runs", 3)[2]


@pytest.mark.parametrize("option", ["--threads", "--batch", "--runs"])
def test_nothing_to_do(run: Run, model_path: Path, option: str) -> None:
    status, out, err = run("bench", model_path, option, 0)
    assert (status, out) == (2, "")
    assert "expected an integer of at least 1, got '0'" in err


def test_image_for_a_model_without_preprocessing(run: Run, bare_model: Path, images: list[Path]) -> None:
    status, out, err = run("bench", bare_model, images[0])
    assert (status, out) == (2, "")
    assert err.startswith("lcnn: error: ")


def test_a_batch_that_memory_cannot_hold(run: Run, model_path: Path) -> None:
    status, out, err = run("bench", model_path, "--batch", 10**9)
    assert (status, out) == (2, "")
    assert re.fullmatch(
        r"lcnn: error: expected a batch of at most [\d,]+ images, which take 4294967296 bytes, got 1,000,000,000\n",
        err,
    )
