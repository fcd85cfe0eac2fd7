"""Building wheels: what is asked of the compiler, and what a finished wheel is held to."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML; wheels are made with a later one")

from release import wheels, zig
from release.interpreters import Interpreter

MODULE = "lcnn_engine/kernels/program.cpython-312-x86_64-linux-gnu.so"
PYTHON = Interpreter(("python3.12",), "3.12", "cp312", "x86_64")


def wheel(folder: Path, platform: str, *modules: str) -> Path:
    path = folder / f"lcnn-0.2.0-cp312-cp312-{platform}.whl"
    with zipfile.ZipFile(path, "w") as files:
        for name in ("lcnn_engine/__init__.py", *modules):
            files.writestr(name, b"")
    return path


@pytest.mark.parametrize(
    "platform", ["manylinux_2_28_x86_64", "manylinux_2_26_aarch64.manylinux_2_28_aarch64", "manylinux_2_17_x86_64"]
)
def test_a_good_wheel(tmp_path: Path, platform: str) -> None:
    assert wheels.objections(wheel(tmp_path, platform, MODULE)) == []


@pytest.mark.parametrize(
    "platform", ["linux_x86_64", "manylinux_2_31_x86_64", "manylinux_2_28_x86_64.manylinux_2_34_x86_64"]
)
def test_one_that_needs_a_newer_system(tmp_path: Path, platform: str) -> None:
    (objection,) = wheels.objections(wheel(tmp_path, platform, MODULE))
    assert objection == f"expected a wheel for manylinux_2_28 or older, got lcnn-0.2.0-cp312-cp312-{platform}.whl"


def test_one_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "MOST_BYTES", 10)
    (objection,) = wheels.objections(wheel(tmp_path, "manylinux_2_28_x86_64", MODULE))
    assert objection.startswith("expected at most 10 bytes, got ")


@pytest.mark.parametrize("modules", [(), (MODULE, "lcnn_engine/other.so"), ("lcnn_engine/other.so",)])
def test_one_without_just_its_module(tmp_path: Path, modules: tuple[str, ...]) -> None:
    (objection,) = wheels.objections(wheel(tmp_path, "manylinux_2_28_x86_64", *modules))
    assert objection == f"expected one extension module, lcnn_engine/kernels/program, got {list(modules)}"


def test_for_its_own_machine_an_interpreter_needs_the_compiler_alone() -> None:
    variables = wheels._environment(PYTHON, "x86_64", [])
    assert variables["CC"].endswith("-m ziglang cc -target x86_64-linux-gnu.2.28")
    assert variables["LDSHARED"] == f"{variables['CC']} -shared"
    assert not {"SETUPTOOLS_EXT_SUFFIX", "_PYTHON_HOST_PLATFORM"} & variables.keys()


def test_every_interpreter_compiles_with_the_same_flags() -> None:
    other = Interpreter(("python3.13",), "3.13", "cp313", "x86_64")
    assert wheels._environment(PYTHON, "x86_64", []) == wheels._environment(other, "x86_64", [])
    assert "-DNDEBUG" in wheels._environment(PYTHON, "x86_64", [])["CFLAGS"].split()


def test_an_interpreter_whose_headers_are_elsewhere() -> None:
    variables = wheels._environment(PYTHON, "x86_64", [Path("/a/include")])
    assert variables["CFLAGS"].endswith(" -I/a/include")


def test_for_another_machine_it_is_told_which() -> None:
    variables = wheels._environment(PYTHON, "aarch64", [Path("/usr/include/a"), Path("/usr/include")])
    assert variables["CC"].endswith("-target aarch64-linux-gnu.2.28")
    assert variables["CFLAGS"].endswith(" -I/usr/include/a -I/usr/include")
    assert variables["SETUPTOOLS_EXT_SUFFIX"] == ".cpython-312-aarch64-linux-gnu.so"
    assert variables["_PYTHON_HOST_PLATFORM"] == "linux-aarch64"


def test_another_machine_without_its_headers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zig, "installed", lambda: True)
    monkeypatch.setattr(wheels, "ask", lambda command: PYTHON)
    with pytest.raises(SystemExit, match=r"expected --headers with --machine aarch64: folders of its Python\.h"):
        wheels.main(["python3.12", "--machine", "aarch64"])


def test_without_zig_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zig, "installed", lambda: False)
    with pytest.raises(SystemExit, match=r"expected the package ziglang, .* pip install -e '\.\[release\]'"):
        wheels.main(["python3.12"])
