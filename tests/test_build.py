"""``setup.py``, as far as it asks for a compiler: what it says where that is missing or old."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from lcnn_engine.kernels import program

pytest.importorskip("Cython")
CLONE = Path(__file__).parents[1]


def setup(*arguments: str, compiler: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "setup.py", "-q", *arguments]
    environment = {**os.environ, "CC": compiler}
    return subprocess.run(command, cwd=CLONE, env=environment, capture_output=True, text=True, timeout=120)


def test_without_a_compiler_one_line_says_what_to_install() -> None:
    result = setup("build_clib", compiler="no-such-compiler")
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "expected a C compiler to build the kernels with, found no 'no-such-compiler'; install" in result.stderr


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


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep debug information elsewhere")
def test_the_extension_is_stripped() -> None:
    assert b".debug_info" not in Path(program.__file__).read_bytes()
