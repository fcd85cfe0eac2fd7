"""``examples/frozen``: the program that PyInstaller makes of it predicts, and holds what predicting needs."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from lcnn_engine import Net
from lcnn_engine.utils.freezing import hook_folders
from tests.helpers.deploy_page import DIGITS, MODEL, ROOT, Clone, answers, block

HOOK = "lcnn_engine.utils.freezing:hook_folders"
installed = any(found.value == HOOK for found in entry_points(group="pyinstaller40"))


def test_the_entry_point_is_declared() -> None:
    assert f'[project.entry-points.pyinstaller40]\nhook-dirs = "{HOOK}"\n' in (ROOT / "pyproject.toml").read_text()


def test_hooks_lie_where_it_says() -> None:
    (folder,) = hook_folders()
    assert {path.name for path in Path(folder).glob("hook-*.py")} >= {"hook-lcnn_engine.py", "hook-lcnn_engine.cli.py"}


@pytest.fixture(scope="module")
def program(built: Clone) -> Path:
    pytest.importorskip("PyInstaller", reason="PyInstaller is not installed")
    build, run = block("pyinstaller ").rstrip().rsplit("\n", 1)
    # An engine that is not installed, but on the path, has no entry point.
    hooks = "" if installed else f" --additional-hooks-dir {hook_folders()[0]}"
    done = built.run(build + hooks, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    done = built.run(run)
    assert answers(done.stdout) == {"tests/data/digits/0000_label0.png": "0"}, done.stderr
    return built.folder / "dist/classify"


def alone(program: Path, *pictures: object) -> subprocess.CompletedProcess[str]:
    """Run it where there is no Python, no home and no other library of ours."""
    command = [str(program / "classify"), *map(str, pictures)]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": "/nowhere"}, cwd="/", timeout=120)


def test_it_answers_as_the_engine_does(program: Path, tmp_path: Path) -> None:
    done = alone(program, *DIGITS[:10])
    net = Net.load(MODEL, threads=1)
    expected = [f"{path}: {label} {p:.2f}" for path in DIGITS[:10] for label, p in net.classify(path, top=1)]
    assert done.stdout.splitlines() == expected, done.stderr


def test_it_reads_every_format(program: Path, tmp_path: Path) -> None:
    from PIL import Image, features

    with Image.open(DIGITS[0]) as digit:
        paths = [tmp_path / f"digit.{name}" for name in ("jpg", "gif", "bmp", "tif", "pgm", "webp", "avif")]
        paths = [path for path in paths if path.suffix not in (".webp", ".avif") or features.check(path.suffix[1:])]
        for path in paths:
            digit.save(path)
    assert answers(alone(program, *paths).stdout) == {str(path): "0" for path in paths}


def test_a_bad_picture_is_one_line(program: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    done = alone(program, tmp_path / "bad.png")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "expected a whole image" in done.stderr


def test_it_holds_no_library_that_it_does_not_need(program: Path) -> None:
    held = {path.name for path in (program / "_internal").iterdir()}
    assert not held & {"scipy", "onnx", "matplotlib", "tensorflow", "keras", "google", "pydantic_core"}
    sizes = [path.stat().st_size for path in program.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(sizes) < 120 * 2**20
    assert not os.access(program / "_internal/lcnn_engine/kernels/csrc", os.F_OK)
