"""The library's sources as a folder: what is in it, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lcnn_engine import SettingError
from lcnn_engine.embed import write_library
from lcnn_engine.kernels import variants


def test_everything_that_is_included_or_named_is_there(tmp_path: Path) -> None:
    files = {str(path) for path in write_library(tmp_path / "lib")}
    assert files == {str(p.relative_to(tmp_path / "lib")) for p in (tmp_path / "lib").rglob("*") if p.is_file()}
    for path in files:
        text = (tmp_path / "lib" / path).read_text()
        if path.startswith("src/"):
            for name in re.findall(r'^#include "(.+)"', text, re.MULTILINE):
                known = {f"src/{name}", f"include/{name}"} & files
                assert known or name == "ops/dictionary.inc.h", (path, name)
    cmake = (tmp_path / "lib/CMakeLists.txt").read_text()
    named = {name for name in re.findall(r"[\w./]+\.(?:c|cpp|h|pc\.in)\b", cmake) if not name.startswith("$")}
    assert named <= files
    assert {f"src/variants/{name}.c" for name, _ in variants()} <= named
    assert not any("blas" in path or "program" in path or path.endswith(".pyx") for path in files)


def test_templates_are_filled_in_as_a_whole(tmp_path: Path) -> None:
    for path in write_library(tmp_path / "lib"):
        if not str(path).startswith("src/"):
            text = re.sub(r"@CMAKE_\w+@|@ONLY|@(file|brief|param|return)\b", "", (tmp_path / "lib" / path).read_text())
            assert not re.search(r"@\{?\w", text), path


def test_the_header_and_the_build_are_of_one_version(tmp_path: Path) -> None:
    write_library(tmp_path / "lib")
    found = re.search(r"#define LCNN_API_VERSION (\d+)", (tmp_path / "lib/include/lcnn.h").read_text())
    assert found
    assert f"SOVERSION {found[1]})" in (tmp_path / "lib/CMakeLists.txt").read_text()
    assert f"liblcnn.so.{found[1]}" in (tmp_path / "lib/README.md").read_text()


def test_a_folder_of_the_library_is_replaced_and_no_other(tmp_path: Path) -> None:
    write_library(tmp_path / "lib")
    (tmp_path / "lib/mine.txt").write_text("")
    write_library(tmp_path / "lib")
    assert not (tmp_path / "lib/mine.txt").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/mine.txt").write_text("")
    (tmp_path / "file").write_text("")
    for place in ("other", "file"):
        with pytest.raises(SettingError, match="choose another place"):
            write_library(tmp_path / place)
    assert (tmp_path / "other/mine.txt").exists()
