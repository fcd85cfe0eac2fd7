"""``setup.py``: which variants it builds for which machine, and what it says where a compiler is missing or old."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from lcnn_engine.kernels import program
from release.portable import setup_module

pytest.importorskip("Cython")
CLONE = Path(__file__).parents[1]


def setup(*arguments: str, compiler: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "setup.py", "-q", *arguments]
    environment = {**os.environ, "CC": compiler, **variables}
    return subprocess.run(command, cwd=CLONE, env=environment, capture_output=True, text=True, timeout=120)


def test_without_a_compiler_one_line_says_what_to_install() -> None:
    result = setup("build_clib", compiler="no-such-compiler")
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "expected a C compiler to build the kernels with, found no 'no-such-compiler'; install" in result.stderr


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        ("linux-x86_64", "x86_64"), ("linux-aarch64", "aarch64"), ("macosx-11.0-arm64", "aarch64"),
        ("macosx-10.13-x86_64", "x86_64"), ("macosx-11.0-universal2", "universal2"), ("win-amd64", "x86_64"),
    ],
)  # fmt: skip
def test_the_machine_of_a_platform(name: str, machine: str) -> None:
    assert setup_module().machine_of(name) == machine


def test_each_machine_has_its_variants_and_the_portable_one() -> None:
    variants = setup_module().variants
    assert variants("aarch64") == variants("universal2") == {"scalar": []}
    assert list(variants("x86_64"))[-1] == "scalar"
    assert variants("x86_64")["avx2"] == ["-mavx2", "-mfma", "-mf16c"]
    here = setup_module().machine_of(sysconfig.get_platform())
    assert tuple(variants(here)) == program.KNOWN_VARIANTS


def test_for_another_machine_its_variants_alone_are_tried(tmp_path: Path) -> None:
    log, cross = tmp_path / "log", tmp_path / "cross-cc"
    cross.write_text(f'#!/bin/sh\necho "$*" >>{log}\n')
    cross.chmod(0o755)
    result = setup("build_clib", "--help", compiler=str(cross), _PYTHON_HOST_PLATFORM="linux-aarch64")
    assert (result.returncode, result.stderr) == (0, "")
    (tried,) = log.read_text().splitlines()
    assert "lcnn_engine/kernels/csrc/variants/scalar.c" in tried.split()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other machines have one variant, which must be built")
def test_a_compiler_that_cannot_look_at_syntax_alone_compiles(tmp_path: Path) -> None:
    zig = tmp_path / "zig-cc"
    zig.write_text('#!/bin/sh\ncase "$*" in *-fsyntax-only*) echo "error: FileNotFound" >&2; exit 1;; esac\n')
    zig.chmod(0o755)
    result = setup("build_clib", "--help", compiler=str(zig))
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other machines have one variant, which must be built")
def test_a_variant_that_the_compiler_does_not_know_is_left_out(tmp_path: Path) -> None:
    old = tmp_path / "old-cc"
    old.write_text('#!/bin/sh\ncase "$*" in *-mavx512f*) echo "error: -mavx512f: what is that?" >&2; exit 1;; esac\n')
    old.chmod(0o755)
    result = setup("build_clib", "--help", compiler=str(old))
    assert result.returncode == 0, result.stderr
    warnings = [line for line in result.stderr.splitlines() if "left out" in line]
    assert warnings == [
        f"warning: the variant {name} is left out, since {old} cannot build it: error: -mavx512f: what is that?"
        for name in ("avx512bf16", "avx512")
    ]


def test_a_wheel_has_the_sources_but_not_what_cython_writes(tmp_path: Path) -> None:
    result = setup("egg_info", f"--egg-base={tmp_path}", "build_py", f"--build-lib={tmp_path}/built", compiler="cc")
    assert result.returncode == 0, result.stderr
    written = (tmp_path / "lcnn.egg-info/SOURCES.txt").read_text().split()
    assert {"lcnn_engine/kernels/program.c", "lcnn_engine/kernels/program.pyx"} < set(written)
    kernels = tmp_path / "built/lcnn_engine/kernels"
    assert {path.name for path in kernels.iterdir() if path.suffix in {".c", ".pyx"}} == {"program.pyx"}
    assert (kernels / "csrc/runtime/program.c").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep debug information elsewhere")
def test_the_extension_is_stripped() -> None:
    assert b".debug_info" not in Path(program.__file__).read_bytes()
