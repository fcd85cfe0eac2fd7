"""Trying a wheel: what runs, with which packages, and what is measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy
import PIL
import pytest

import lcnn_engine
from release import installed, try_wheel
from release.interpreters import Interpreter, ask

CLONE = Path(__file__).parents[2]


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with the engine, NumPy and Pillow, as they are installed here."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for package in (lcnn_engine, numpy, PIL):
        place = Path(package.__file__).parent
        (folder / place.name).symlink_to(place)
    for place in (Path(numpy.__file__).parents[1], Path(PIL.__file__).parents[1]):
        for libraries in place.glob("*.libs"):
            if not (folder / libraries.name).exists():
                (folder / libraries.name).symlink_to(libraries)
    return folder


def test_digits_are_predicted_with_those_packages_and_no_program_in_reach(packages: Path) -> None:
    done = try_wheel.predict(ask([sys.executable]), packages)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["compiler"] is None
    assert found["from"] == str(packages)
    assert found["lcnn"] == lcnn_engine.__version__
    assert list(found["right"]) == found["isa_available"] == list(lcnn_engine.kernel_info()["isa_available"])
    assert min(found["right"].values()) >= 0.95 * found["digits"] > 40


@pytest.mark.parametrize(("right_by_portable", "status"), [(56, 1), (57, 0)])  # of 60
def test_every_variant_has_to_predict_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], right_by_portable: int, status: int
) -> None:
    monkeypatch.setattr(installed, "right_of", lambda files, isa: right_by_portable if isa == "scalar" else 60)
    assert installed.main(None) == status
    assert json.loads(capsys.readouterr().out)["right"]["scalar"] == right_by_portable


def test_without_its_packages_nothing_is_predicted(tmp_path: Path) -> None:
    done = try_wheel.predict(ask([sys.executable]), tmp_path)
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize(("abi", "expected"), [("cp313", {"cp313", "abi3", "none"}), ("cp313t", {"cp313t", "none"})])
def test_a_free_threaded_python_gets_no_modules_for_abi3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abi: str, expected: set[str]
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(try_wheel.subprocess, "run", lambda command, check: commands.append(command))
    try_wheel.install(Interpreter(("python",), "3.13", abi, "x86_64"), ["lcnn.whl"], tmp_path)
    (words,) = commands
    assert {words[place + 1] for place, word in enumerate(words) if word == "--abi"} == expected


def test_the_size_is_that_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/one").write_bytes(bytes(100))
    (tmp_path / "a/b/two").write_bytes(bytes(23))
    assert try_wheel.size_of(tmp_path) == 123


@pytest.mark.parametrize(("name", "failed"), [("engine/utils/test_text.py", False), ("no_such_test.py", True)])
def test_tests_run_with_those_packages(tmp_path: Path, name: str, failed: bool) -> None:
    assert try_wheel.run_tests(ask([sys.executable]), [CLONE], [name], tmp_path / "tests") is failed
